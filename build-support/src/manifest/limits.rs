//! Upper bounds that a synthesis report must keep.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Problems, choices::named, table::Table};

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

/// The limits that the manifest gives, with their numbers.
pub type Limits = BTreeMap<Limit, u64>;

pub(super) fn read(model: &Table, wrong: &mut Problems) -> Limits {
    let table = match model.table("limits") {
        Ok(table) => table,
        Err(error) => {
            wrong.0.push(error);
            return Limits::new();
        }
    };
    let keys: Vec<_> = Limit::ALL.iter().map(|limit| limit.name()).collect();
    wrong.0.extend(table.unknown_keys(&keys));
    Limit::ALL.iter().filter_map(|limit| Some((*limit, wrong.take(table.count(limit.name()))?))).collect()
}
