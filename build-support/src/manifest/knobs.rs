//! The knobs: how much a layer does in one step. One table, a row for each.

use std::num::NonZeroUsize;

use super::{Problems, nearest, table::Table};

/// Makes [`Knob`] of the table below: `knob = key, what it counts, the key's meaning`.
macro_rules! knobs {
    ($($knob:ident = $key:literal, $counts:ident, $meaning:literal;)*) => {
        /// A key with a number that says how a layer is built. It never changes a bit of the result. It may stand in the
        /// table of a layer, and in those of the model, the package and the workspace for all layers that take it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Knob {
            $(#[doc = $meaning] $knob,)*
        }

        impl Knob {
            /// Every knob, in the order of the table.
            pub const ALL: [Self; Self::KEYS.len()] = [$(Self::$knob),*];

            /// Their keys.
            pub(super) const KEYS: &'static [&'static str] = &[$($key),*];

            /// The key in the manifest.
            pub const fn key(self) -> &'static str {
                match self { $(Self::$knob => $key,)* }
            }

            /// What its number counts.
            pub const fn counts(self) -> Counts {
                match self { $(Self::$knob => Counts::$counts,)* }
            }

            /// What it means, as the guide says it.
            #[cfg(test)]
            const fn meaning(self) -> &'static str {
                match self { $(Self::$knob => $meaning,)* }
            }
        }
    };
}

// Which op takes a knob stands in its file in `ops/`.
knobs! {
    Interval = "interval", Steps, "steps that a layer may take for one event";
    Slots = "slots-per-cycle", Slots, "slots that an input reduction fills in a step";
    Pixels = "pixels-per-cycle", Slots, "slots that another sparse layer works on in a step";
    Filters = "filters-per-cycle", Filters, "filters of a convolution, outputs of a dense layer in a step";
    Channels = "channels-per-cycle", Channels, "channels of a convolution, inputs of a dense layer in a step";
}

/// What the number of a knob counts: steps, or what is done in a step, of one of the sizes of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Steps for one event.
    Steps,
    /// Slots of a sparse value.
    Slots,
    /// Filters of a convolution, outputs of a dense layer.
    Filters,
    /// Channels of a convolution, inputs of a dense layer.
    Channels,
}

impl Counts {
    /// Whether the number must divide the layer's size: only the last turn over slots may be a short one.
    pub const fn divides(self) -> bool {
        match self {
            Self::Steps | Self::Slots => false,
            Self::Filters | Self::Channels => true,
        }
    }
}

/// The knobs that a table gives, with their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Knobs([Option<NonZeroUsize>; Knob::ALL.len()]);

impl Knobs {
    /// The number of `knob`, if it is given.
    pub(crate) fn get(&self, knob: Knob) -> Option<NonZeroUsize> {
        self.0[knob as usize]
    }

    /// Gives `knob` a number, or takes it away.
    pub fn set(&mut self, knob: Knob, number: Option<NonZeroUsize>) {
        self.0[knob as usize] = number;
    }

    /// The knobs that are given.
    pub(crate) fn given(&self) -> impl Iterator<Item = Knob> {
        Knob::ALL.into_iter().filter(|knob| self.get(*knob).is_some())
    }

    /// Those of `tables`; the nearest that has a knob decides.
    pub(super) fn read(tables: &[Table], wrong: &mut Problems) -> Self {
        let mut knobs = Self::default();
        for knob in Knob::ALL {
            knobs.set(knob, wrong.take(nearest(tables, |table| table.positive(knob.key()))));
        }
        knobs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_says_of_every_knob_what_the_table_does() {
        let Some(guide) = crate::guide("manifest.md") else { return };
        for knob in Knob::ALL {
            let key = knob.key();
            let row = guide.lines().find_map(|line| line.strip_prefix(&format!("| `{key}` | ")));
            let row = row.unwrap_or_else(|| panic!("docs/manifest.md has no row for {key}"));
            let cells: Vec<_> = row.trim_end_matches(" |").split(" | ").collect();
            let unit = match knob.counts() {
                Counts::Steps => "clock cycles",
                Counts::Slots => "slots",
                Counts::Filters => "filters",
                Counts::Channels => "channels",
            };
            let [kind, _default, found, place, meaning, example] = cells[..] else { panic!("{row}") };
            assert_eq!((kind, found, place), ("integer", unit, "all three, layer"), "{key}");
            assert!(meaning.starts_with(knob.meaning()), "{key}: {meaning}");
            assert!(example.starts_with(&format!("`{key} = ")), "{key}: {example}");
        }
    }

    #[test]
    fn the_nearest_table_that_has_a_knob_decides() {
        let table = |json| Table::new(Some(&json), "sparsehls", "Cargo.toml".as_ref()).unwrap();
        let own = table(serde_json::json!({ "interval": 4, "filters-per-cycle": 0 }));
        let shared = table(serde_json::json!({ "interval": 2, "slots-per-cycle": 3, "filters-per-cycle": 2 }));
        let mut wrong = Problems::default();
        let knobs = Knobs::read(&[own, shared], &mut wrong);
        let given: Vec<_> = knobs.given().map(|knob| (knob.key(), knobs.get(knob).map(NonZeroUsize::get))).collect();
        assert_eq!(given, [("interval", Some(4)), ("slots-per-cycle", Some(3))]);
        let wrong: Vec<_> = wrong.0.iter().map(|error| error.message()).collect();
        assert_eq!(wrong, ["`filters-per-cycle` is 0"]);
    }
}
