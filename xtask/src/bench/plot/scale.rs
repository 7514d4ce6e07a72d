//! From values to places on an axis, and where it has its ticks.

/// How values are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// From zero on, evenly.
    Linear,
    /// Each as far from its double as every other.
    Logarithmic,
}

/// An axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    kind: Kind,
    low: f64,
    high: f64,
    /// In pixels.
    from: f64,
    length: f64,
}

/// An axis has about this many ticks.
const TICKS: f64 = 5.0;

// === impl Scale ===

impl Scale {
    /// An axis that begins at `from`, is `length` pixels long, and has room for all of the values.
    pub(super) fn new(kind: Kind, values: impl Iterator<Item = f64> + Clone, from: f64, length: f64) -> Self {
        let most = values.clone().fold(0.0, f64::max);
        let most = if most > 0.0 { most } else { 1.0 };
        let least = values.filter(|value| *value > 0.0).fold(most, f64::min);
        let (low, high) = match kind {
            Kind::Linear => (0.0, most * 1.05),
            Kind::Logarithmic => (least / 1.15, most * 1.15),
        };
        Self { kind, low, high, from, length }
    }

    /// Where a value is.
    pub(super) fn place(&self, value: f64) -> f64 {
        let part = match self.kind {
            Kind::Linear => (value - self.low) / (self.high - self.low),
            Kind::Logarithmic => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
        };
        self.from + part * self.length
    }

    /// Round values that are on the axis.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let powers = (-6..=9).map(|power| 10_f64.powi(power));
        match self.kind {
            Kind::Linear => {
                let steps = powers.flat_map(|power| [power, power * 2.0, power * 5.0]);
                let step = steps.into_iter().find(|step| self.high / step <= TICKS).unwrap_or(self.high);
                let counts = (0..=10).map(|count| f64::from(count) * step);
                counts.take_while(|tick| *tick <= self.high).collect()
            }
            Kind::Logarithmic => {
                // Two decades have room for more than their powers of ten.
                let factors: &[f64] = if self.high / self.low < 200.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
                let ticks = powers.flat_map(|power| factors.iter().map(move |factor| power * factor));
                ticks.filter(|tick| (self.low..=self.high).contains(tick)).collect()
            }
        }
    }
}

/// A tick's value, as short as it can be.
pub(super) fn label(value: f64) -> String {
    let text = format!("{value:.3}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Kind, Scale, label};

    fn shown(kind: Kind, values: &[f64]) -> Vec<String> {
        Scale::new(kind, values.iter().copied(), 0.0, 100.0).ticks().into_iter().map(label).collect()
    }

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(shown(Kind::Linear, &[3.0, 380.0]), ["0", "100", "200", "300"]);
        assert_eq!(shown(Kind::Linear, &[0.0]), ["0", "0.5", "1"]);
        assert_eq!(shown(Kind::Logarithmic, &[0.6, 4.0]), ["1", "2"]);
        assert_eq!(shown(Kind::Logarithmic, &[3.0, 3000.0]), ["10", "100", "1000"]);
    }

    #[test]
    fn an_axis_begins_where_it_is_put_and_has_room_for_all() {
        let scale = Scale::new(Kind::Linear, [50.0, 100.0].into_iter(), 10.0, 105.0);

        assert!((scale.place(0.0) - 10.0).abs() < 1e-9);
        assert!((scale.place(100.0) - 110.0).abs() < 1e-9);
        let scale = Scale::new(Kind::Logarithmic, [1.0, 100.0].into_iter(), 0.0, 100.0);
        assert!((scale.place(10.0) - 50.0).abs() < 1e-9);
    }
}
