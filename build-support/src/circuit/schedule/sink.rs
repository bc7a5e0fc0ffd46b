//! Later, where that saves bits: what is narrower than that which it is made of waits in registers, and not the other way round.

use super::place::Placement;
use crate::circuit::{Net, Op};

/// How often all units are looked at: what has moved lets others move.
const PASSES: usize = 4;

/// The latest stages in which a net is read.
#[derive(Debug, Clone, Copy)]
struct Latest {
    stage: u32,
    /// The unit that reads it then.
    unit: u32,
    /// The latest stage in which another unit reads it.
    other: u32,
}

/// The latest stage in which each net is read, and the time by which it has to be there in its own.
struct Uses {
    latest: Vec<Latest>,
    required: Vec<u32>,
}

const NOBODY: u32 = u32::MAX;

impl Placement<'_> {
    /// Moves units to later stages where that saves bits of registers.
    pub fn sink(&mut self) {
        for _ in 0..PASSES {
            let mut uses = self.uses();
            let mut has_moved = false;
            for unit in (0..self.units.len()).rev() {
                has_moved |= self.sink_unit(unit, &mut uses);
                self.require(unit, &mut uses);
            }
            if !has_moved {
                break;
            }
        }
        // What moved first may have been joined by what it reads.
        for unit in 0..self.units.len() {
            let stage = self.units[unit].first().map_or(0, |net| self.stage[net.index()]);
            self.arrive(unit, stage);
        }
    }

    fn uses(&self) -> Uses {
        let count = self.stage.len();
        let mut latest = vec![Latest { stage: 0, unit: NOBODY, other: 0 }; count];
        for net in self.circuit.nets() {
            if self.is_output[net.index()] {
                latest[net.index()].read(self.last, NOBODY - 1);
            }
            for reader in &self.readers[net.index()] {
                latest[net.index()].read(self.stage[reader.index()], self.unit_of[reader.index()]);
            }
        }
        Uses { latest, required: vec![self.target; count] }
    }

    /// Who reads a member of `unit` beside the unit itself.
    fn outside<'b>(&'b self, unit: usize, net: Net) -> impl Iterator<Item = Net> + 'b {
        self.readers[net.index()].iter().copied().filter(move |reader| self.unit_of[reader.index()] != unit as u32)
    }

    /// What `unit` reads of others, each once.
    fn sources(&self, unit: usize) -> Vec<Net> {
        let all = self.units[unit].iter().flat_map(|net| self.circuit.made_of(*net));
        let mut sources: Vec<_> = all.filter(|net| self.unit_of[net.index()] != unit as u32 && !self.is_constant(*net)).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    fn sink_unit(&mut self, unit: usize, uses: &mut Uses) -> bool {
        let Some(now) = self.units[unit].first().map(|net| self.stage[net.index()]) else { return false };
        if self.units[unit].iter().any(|net| matches!(self.circuit.node(*net).op, Op::Input | Op::Constant)) {
            return false;
        }
        // Bits that others read, and the stage in which that begins.
        let (mut bits, mut first) = (0, u32::MAX);
        for net in &self.units[unit] {
            let readers = self.outside(unit, *net).map(|reader| self.stage[reader.index()]);
            let port = self.is_output[net.index()].then_some(self.last);
            if let Some(stage) = readers.chain(port).min() {
                bits += i64::from(self.circuit.width(*net));
                first = first.min(stage);
            }
        }
        if first == u32::MAX || first <= now {
            return false;
        }
        let sources = self.sources(unit);
        let saved = |stage: u32| {
            let kept = |net: &Net| {
                let others = uses.latest[net.index()].without(unit as u32).max(self.stage[net.index()]);
                i64::from(stage.max(others) - now.max(others)) * i64::from(self.circuit.width(*net))
            };
            bits * i64::from(stage - now) - sources.iter().map(kept).sum::<i64>()
        };
        // What is saved bends only where a source is needed by others.
        let bends = sources.iter().map(|net| uses.latest[net.index()].without(unit as u32));
        let mut stages: Vec<u32> = bends.chain([first, first - 1]).filter(|stage| now < *stage && *stage <= first).collect();
        stages.sort_unstable();
        stages.dedup();
        let mut gains: Vec<_> = stages.iter().map(|stage| (saved(*stage), *stage)).filter(|(gain, _)| *gain > 0).collect();
        gains.sort_by_key(|(gain, stage)| (-gain, *stage));
        for (_, stage) in gains {
            self.arrive(unit, stage);
            if stage < first || self.is_in_time(unit, uses) {
                self.units[unit].iter().for_each(|net| self.is_closed[net.index()] = true);
                sources.iter().for_each(|net| uses.latest[net.index()].read(stage, unit as u32));
                return true;
            }
        }
        self.arrive(unit, now);
        false
    }

    /// Whether those who read `unit` in its own stage have it when they need it.
    fn is_in_time(&self, unit: usize, uses: &Uses) -> bool {
        self.units[unit].iter().all(|net| {
            let is_late = |reader: Net| self.due(reader, uses) < i64::from(self.handed_on(*net));
            let mut readers = self.outside(unit, *net).filter(|reader| self.stage[reader.index()] == self.stage[net.index()]);
            !readers.any(is_late)
        })
    }

    /// When `reader` needs what it reads.
    fn due(&self, reader: Net, uses: &Uses) -> i64 {
        if self.is_register(reader) {
            i64::from(self.target)
        } else {
            i64::from(uses.required[reader.index()]) - i64::from(self.delay(reader))
        }
    }

    /// Notes when the members of `unit` have to be there.
    fn require(&self, unit: usize, uses: &mut Uses) {
        for net in self.units[unit].iter().rev() {
            let here = self.readers[net.index()].iter().filter(|reader| self.stage[reader.index()] == self.stage[net.index()]);
            let late = self.delays.of_loads(self.loads[net.index()]);
            let due = here.map(|reader| self.due(*reader, uses) - i64::from(late)).min().unwrap_or(i64::from(self.target));
            uses.required[net.index()] = u32::try_from(due).unwrap_or(0);
        }
    }
}

impl Latest {
    /// Notes that `unit` reads the net in `stage`. It may have done so in an earlier one.
    fn read(&mut self, stage: u32, unit: u32) {
        if self.unit == unit {
            self.stage = self.stage.max(stage);
        } else if stage >= self.stage || self.unit == NOBODY {
            *self = Self { stage, unit, other: self.stage };
        } else {
            self.other = self.other.max(stage);
        }
    }

    /// The latest stage in which another than `unit` reads it.
    fn without(&self, unit: u32) -> u32 {
        if self.unit == unit { self.other } else { self.stage }
    }
}
