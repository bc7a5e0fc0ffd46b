//! Upper bounds that a synthesis report must keep.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Problems,
    choices::{LimitsOn, Synth, named},
    nearest,
    table::Table,
};

named! {
    /// What can be bounded, by its key in the table `limits`.
    Limit {
        /// Worst latency in clock cycles.
        LatencyCycles = "latency-cycles",
        /// Worst initiation interval in clock cycles.
        IntervalCycles = "interval-cycles",
        /// Look-up tables.
        Lut = "lut",
        /// Flip-flops.
        Ff = "ff",
        /// DSP slices.
        Dsp = "dsp",
        /// Block RAMs of 18 kb.
        Bram18 = "bram18",
        /// Ultra RAMs.
        Uram = "uram",
        /// Planned intervals that C synthesis did not keep, or says nothing of.
        IntervalsMissed = "intervals-missed",
    }
}

/// What is asked of the tools: whether they run, and the limits that the manifest gives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// The limits, with their numbers.
    pub most: BTreeMap<Limit, u64>,
    /// What they are held against.
    pub on: LimitsOn,
    /// Whether `cargo sparsehls build` runs the tools; nothing leaves it at what is quick.
    pub synth: Option<Synth>,
}

/// Limits on what tools find.
impl<const N: usize> From<[(Limit, u64); N]> for Limits {
    fn from(most: [(Limit, u64); N]) -> Self {
        Self { most: most.into(), ..Self::default() }
    }
}

/// `tables` are the model's own, then those with the defaults.
pub(super) fn read(tables: &[Table], wrong: &mut Problems) -> Limits {
    Limits {
        most: tables.first().map(|own| most(own, wrong)).unwrap_or_default(),
        on: wrong.take(nearest(tables, |t| t.choice(LimitsOn::KEY, LimitsOn::ALL, LimitsOn::name))).unwrap_or_default(),
        synth: wrong.take(nearest(tables, |t| t.choice(Synth::KEY, Synth::ALL, Synth::name))),
    }
}

fn most(model: &Table, wrong: &mut Problems) -> BTreeMap<Limit, u64> {
    let table = match model.table("limits") {
        Ok(table) => table,
        Err(error) => {
            wrong.0.push(error);
            return BTreeMap::new();
        }
    };
    let keys: Vec<_> = Limit::ALL.iter().map(|limit| limit.name()).collect();
    wrong.0.extend(table.unknown_keys(&keys));
    Limit::ALL.iter().filter_map(|limit| Some((*limit, wrong.take(table.count(limit.name()))?))).collect()
}
