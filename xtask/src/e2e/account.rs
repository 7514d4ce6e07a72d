//! The extension's own account of the profiles, the line that it logs at the end.

use lambda_sandbox::LogLine;

use crate::environment::EXTENSION;

/// How the line begins.
const TITLE: &str = "how the profiles ended";

/// What became of the uploads that the extension acknowledged.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) accepted: usize,
    pub(super) delivered: usize,
    pub(super) lost: usize,
}

// === impl Account ===

impl Account {
    /// Finds it in the log.
    pub(super) fn find(lines: &[LogLine]) -> Option<Self> {
        let mut own = lines.iter().filter(|line| line.process == EXTENSION);
        Self::read(&own.find(|line| line.text.contains(TITLE))?.text)
    }

    fn read(line: &str) -> Option<Self> {
        let number = |name: &str| {
            let mut words = line.split_ascii_whitespace().filter_map(|word| word.split_once('='));
            words.find(|(key, _)| *key == name)?.1.parse().ok()
        };
        Some(Self { accepted: number("accepted")?, delivered: number("delivered")?, lost: number("lost")? })
    }

    /// What is wrong with it, where the server accepted so many `arrived` uploads.
    pub(super) fn wrong(&self, arrived: usize) -> Vec<String> {
        let Self { accepted, delivered, lost } = self;
        let mut wrong = Vec::new();
        if delivered != accepted || *lost > 0 {
            wrong.push(format!("of {accepted} uploads that were acknowledged {delivered} were delivered"));
        }
        if arrived != *delivered {
            wrong
                .push(format!("the extension says that it delivered {delivered} uploads; {arrived} arrived"));
        }
        wrong
    }
}

#[cfg(test)]
mod tests {
    use super::Account;

    #[test]
    fn the_numbers_are_read_by_their_names() {
        let line = r#"time="…" level=info msg="how the profiles ended" accepted=7 recovered=0 delivered=6 spooled=1 lost=0"#;

        assert_eq!(Account::read(line), Some(Account { accepted: 7, delivered: 6, lost: 0 }));
        assert_eq!(Account::read("accepted=7"), None);
    }

    #[test]
    fn a_profile_that_did_not_arrive_is_wrong() {
        let all = Account { accepted: 7, delivered: 7, lost: 0 };
        let most = Account { accepted: 7, delivered: 6, lost: 1 };

        assert_eq!(all.wrong(7), Vec::<String>::new());
        assert_eq!(all.wrong(6), ["the extension says that it delivered 7 uploads; 6 arrived"]);
        assert_eq!(most.wrong(6), ["of 7 uploads that were acknowledged 6 were delivered"]);
    }
}
