//! What has to be true of what arrives from the functions of the demo and the end-to-end tests, which all do the same work.

use std::collections::BTreeSet;

use pyroscope_sink::{Arrivals, Merged, Selection, SessionId};

/// One profiled program.
#[derive(Debug)]
pub(crate) struct Expected {
    /// The name that it is profiled under.
    pub(crate) app: &'static str,
    /// Labels that each of its series has.
    pub(crate) labels: &'static [(&'static str, &'static str)],
    /// The sample type by which its functions are compared.
    pub(crate) sample_type: &'static str,
    /// The functions that work, the hottest first.
    pub(crate) work: [&'static str; 3],
}

// === impl Expected ===

impl Expected {
    /// The stacks that its functions are compared by.
    pub(crate) fn selection(&self) -> Selection {
        Selection::all().app(self.app).profile_type(self.sample_type)
    }

    /// What is wrong with what arrived, each as a sentence.
    pub(crate) fn wrong(&self, arrivals: &Arrivals) -> Vec<String> {
        let mut wrong = self.wrong_series(arrivals);
        if wrong.is_empty() {
            wrong.extend(self.wrong_work(&self.selection().merge(arrivals)));
        }
        wrong
    }

    /// What is wrong with the series that arrived, whatever their profiles tell.
    pub(crate) fn wrong_series(&self, arrivals: &Arrivals) -> Vec<String> {
        let mut wrong: Vec<String> =
            arrivals.rejected().map(|arrival| format!("the server refused an upload: {arrival}")).collect();
        let series: Vec<_> = arrivals.series().into_iter().filter(|series| series.app == self.app).collect();
        if series.is_empty() {
            wrong.push(format!("no series of {} arrived; in all: {}", self.app, arrivals.totals()));
            return wrong;
        }
        for series in &series {
            for session in &series.sessions {
                match session {
                    SessionId::Valid(_) => {}
                    SessionId::Absent => wrong.push(format!("{:?} has no __session_id__", series.labels)),
                    SessionId::Malformed(id) => {
                        wrong.push(format!("{:?} has the malformed __session_id__ {id:?}", series.labels));
                    }
                }
            }
            for (name, value) in self.labels {
                if series.labels.get(*name).is_none_or(|has| has != value) {
                    wrong.push(format!("{:?} lacks the label {name}={value}", series.labels));
                }
            }
        }
        wrong
    }

    /// What all of the work cost.
    pub(crate) fn cost(&self, merged: &Merged) -> i64 {
        self.work.map(|function| cost(merged, function)).into_iter().sum()
    }

    /// What is wrong with what the profiles tell of the work.
    pub(crate) fn wrong_work(&self, merged: &Merged) -> Vec<String> {
        let costs = self.work.map(|function| cost(merged, function));
        let mut wrong: Vec<String> = self
            .work
            .iter()
            .zip(costs)
            .filter(|(_, cost)| *cost == 0)
            .map(|(function, _)| format!("{function} is not in the {} profile", self.sample_type))
            .collect();
        let [hottest, others @ ..] = costs;
        if others.into_iter().any(|other| other >= hottest) {
            let [function, ..] = self.work;
            wrong.push(format!("{function} is not the hottest: {:?} cost {costs:?}", self.work));
        }
        wrong
    }
}

/// The session ids of all accepted series.
pub(crate) fn sessions(arrivals: &Arrivals) -> BTreeSet<SessionId> {
    arrivals.series().into_iter().flat_map(|series| series.sessions).collect()
}

/// What all stacks cost that a function is on.
fn cost(merged: &Merged, function: &str) -> i64 {
    let on = |stack: &[std::sync::Arc<str>]| stack.iter().any(|frame| frame.contains(function));
    merged.stacks.iter().filter(|(stack, _)| on(stack)).map(|(_, value)| *value).sum()
}

#[cfg(test)]
mod tests {
    use pyroscope_sink::Merged;

    use super::Expected;

    const EXPECTED: Expected =
        Expected { app: "orders", labels: &[], sample_type: "cpu", work: ["price", "render", "check"] };

    fn merged(stacks: &[(&[&str], i64)]) -> Merged {
        let stacks = stacks
            .iter()
            .map(|(stack, value)| (stack.iter().map(|frame| std::sync::Arc::from(*frame)).collect(), *value));
        Merged { title: "orders".to_owned(), sample_type: None, stacks: stacks.collect() }
    }

    #[test]
    fn the_work_in_its_order_is_right() {
        let merged = merged(&[
            (&["main", "orders::price"], 40),
            (&["main", "orders::price", "discount"], 20),
            (&["main", "orders::render"], 25),
            (&["main", "orders::check"], 15),
        ]);

        assert_eq!(EXPECTED.wrong_work(&merged), Vec::<String>::new());
    }

    #[test]
    fn a_function_that_is_missing_is_named() {
        let merged = merged(&[(&["price"], 40), (&["render"], 20)]);

        assert_eq!(EXPECTED.wrong_work(&merged), ["check is not in the cpu profile"]);
    }

    #[test]
    fn another_function_that_is_hotter_is_wrong() {
        let merged = merged(&[(&["price"], 40), (&["render"], 50), (&["check"], 1)]);

        assert_eq!(
            EXPECTED.wrong_work(&merged),
            [r#"price is not the hottest: ["price", "render", "check"] cost [40, 50, 1]"#]
        );
    }
}
