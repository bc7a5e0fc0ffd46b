//! Seeded faults: kernels, generated text, designs and circuits with one thing changed, drawn by chance and not chosen by hand. Each that
//! changes a result is to be caught by the self-check of a build alone, without a golden file. Those that it does not catch run against
//! the right one on many more events, where they must not differ either, and `equivalent.txt` has to say of each why it changes nothing.
//!
//! 144 are drawn, always the same. SPARSEHLS_ALL takes more of each kind and more events, and SPARSEHLS_SEED others; of those one in a
//! hundred may be missed, and none is listed. `cargo test -p sparsehls-build --test mutants -- --nocapture` prints what caught what.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod circuit;
#[path = "../common/mod.rs"]
mod common;
mod lowering;
mod text;

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
};

use fastrand::Rng;
use sparsehls_build::{
    Mantissas,
    check::{self, Kind, Probes},
    engine,
    formats::FixedNetwork,
    reference::Reference,
};

/// Events by chance, as the self-check had them before it knew kinds.
const EVENTS_BEFORE: usize = 256;

/// Events that a mutant gets at a time; one that is caught gets no more.
const AT_ONCE: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// Of so many mutants that are caught, one may be missed.
const MOST_MISSED: usize = 100;

/// Whether everything is to be tried, and not a sample.
fn all() -> bool {
    std::env::var_os("SPARSEHLS_ALL").is_some()
}

/// The first seed.
fn first_seed() -> u64 {
    std::env::var("SPARSEHLS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Whether what a network gives depends on its input in more than a few ways: in others most faults change nothing.
fn is_lively(network: &FixedNetwork) -> bool {
    let outputs = engine::run(&Reference::new(network), &check::made_up(network, 64)).unwrap();
    outputs.iter().collect::<BTreeSet<_>>().len() >= 24
}

/// Events and what must come of them.
struct Trial {
    /// Those of a self-check in their order, some at a time: what they are there for, inputs, outputs.
    probes: Vec<(Vec<Kind>, Mantissas, Mantissas)>,
    /// What a self-check had before it knew kinds.
    broad: (Mantissas, Mantissas),
    /// Many more.
    many: (Mantissas, Mantissas),
}

/// What became of a mutant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// It was caught by events of these kinds, or by itself; by those of chance alone as well, or not, if that was asked.
    Caught { by: Vec<Kind>, by_chance: bool },
    /// It gives the same on all events.
    Same,
    /// It differs, and the self-check did not see it.
    Missed(String),
}

impl Trial {
    fn new(network: &FixedNetwork, many: usize) -> Self {
        let with = |events: Mantissas| {
            let outputs = engine::run(&Reference::new(network), &events).unwrap();
            (events, outputs)
        };
        let Probes { inputs, kinds } = Probes::new(network, usize::MAX);
        let probe = |(kinds, events): (&[Kind], Mantissas)| {
            let (events, outputs) = with(events);
            (kinds.to_vec(), events, outputs)
        };
        Self {
            probes: kinds.chunks(AT_ONCE.get()).zip(inputs.chunks(AT_ONCE)).map(probe).collect(),
            broad: with(check::made_up(network, EVENTS_BEFORE)),
            many: with(many_events(network, &inputs, many)),
        }
    }

    /// Runs a mutant. What cannot run, says that something is wrong with itself, or gives other results is caught.
    fn verdict(&self, run: &dyn Fn(&Mantissas) -> Result<Mantissas, String>) -> Verdict {
        let run = |events: &Mantissas| catch_unwind(AssertUnwindSafe(|| run(events))).unwrap_or_else(|_| Err("it panics".into()));
        let (mut by, mut is_caught) = (BTreeSet::new(), false);
        for (kinds, events, outputs) in &self.probes {
            let found = run(events);
            is_caught |= found.as_ref() != Ok(outputs);
            let pairs = found.iter().flat_map(|found| found.iter().zip(outputs).zip(kinds));
            by.extend(pairs.filter(|((found, output), _)| found != output).map(|(_, kind)| *kind));
            if is_caught && !all() {
                break;
            }
        }
        if is_caught {
            let by_chance = all() && run(&self.broad.0).as_ref() != Ok(&self.broad.1);
            return Verdict::Caught { by: by.into_iter().collect(), by_chance };
        }
        match run(&self.many.0) {
            Ok(found) => match check::same(&found, &self.many.1).first {
                None => Verdict::Same,
                Some(first) => {
                    let event = self.many.0.iter().nth(first.event).unwrap();
                    Verdict::Missed(format!("{first:?}, event {event:?}"))
                }
            },
            Err(error) => Verdict::Missed(error),
        }
    }
}

/// Events of several kinds: all densities, with any values, extremes or small ones; and probes with a few changes.
fn many_events(network: &FixedNetwork, probes: &Mantissas, count: usize) -> Mantissas {
    let mut random = Rng::with_seed(7);
    let range = network.input.format.range();
    let (lo, hi) = (range.lo as i64, range.hi as i64);
    let size = network.input_len().get();
    let mut events = Vec::with_capacity(count * size);
    for number in 0..count {
        let kind = number % 4;
        let value = |random: &mut Rng| match random.u8(..3).max(kind as u8) {
            0 => random.i64(lo..=hi),
            1 => *random.choice(&[lo, hi]).unwrap(),
            _ => random.i64(-2..=2).clamp(lo, hi),
        };
        if kind == 3 {
            let mut event = probes.iter().nth(random.usize(..probes.events())).unwrap().to_vec();
            for _ in 0..random.usize(1..=4) {
                event[random.usize(..size)] = random.i64(lo..=hi);
            }
            events.extend(event);
        } else {
            let density = random.u8(1..=32);
            events.extend((0..size).map(|_| if random.u8(..32) < density { value(&mut random) } else { 0 }));
        }
    }
    network.inputs(events)
}

/// A table of verdicts, and those that were missed.
#[derive(Default)]
struct Table {
    rows: BTreeMap<String, Row>,
    missed: Vec<String>,
    /// All that were drawn, and those that change nothing.
    drawn: BTreeSet<String>,
    same: BTreeSet<String>,
}

#[derive(Default)]
struct Row {
    mutants: usize,
    caught: usize,
    by_chance: usize,
    same: usize,
    by: BTreeMap<Kind, usize>,
}

impl Table {
    fn add(&mut self, place: &str, what: String, verdict: Verdict) {
        println!("{place}: {what}: {verdict:?}");
        let row = self.rows.entry(place.to_owned()).or_default();
        row.mutants += 1;
        self.drawn.insert(format!("{place}: {what}"));
        match verdict {
            Verdict::Caught { by, by_chance } => {
                row.caught += 1;
                row.by_chance += usize::from(by_chance);
                by.into_iter().for_each(|kind| *row.by.entry(kind).or_default() += 1);
            }
            Verdict::Same => {
                row.same += 1;
                self.same.insert(format!("{place}: {what}"));
            }
            Verdict::Missed(why) => self.missed.push(format!("{place}: {what}: {why}")),
        }
    }

    /// Prints all, and fails if something was missed, or is not in the list, or only there.
    fn settle(&self, places: &[&str], drawn: usize) {
        const KINDS: [Kind; 7] = [Kind::Broad, Kind::Budget, Kind::Places, Kind::Threshold, Kind::End, Kind::Case, Kind::Edge];
        println!("place,mutants,caught,caught by chance alone,same,{}", KINDS.map(|kind| format!("{kind:?}")).join(","));
        for (place, row) in &self.rows {
            let by = KINDS.map(|kind| row.by.get(&kind).copied().unwrap_or(0).to_string()).join(",");
            println!("{place},{},{},{},{},{by}", row.mutants, row.caught, row.by_chance, row.same);
        }
        let missed = &self.missed;
        let caught: usize = self.rows.values().map(|row| row.caught).sum();
        let said = format!("{} mutants were missed, and {caught} caught:\n{}", missed.len(), missed.join("\n"));
        println!("{said}");
        assert_eq!(self.rows.values().map(|row| row.mutants).sum::<usize>(), drawn);
        if all() || std::env::var_os("SPARSEHLS_SEED").is_some() {
            assert!(missed.len() * MOST_MISSED <= caught, "{said}");
            return;
        }
        assert!(missed.is_empty(), "{said}");
        let Some(listed) = equivalent(places, &self.drawn) else {
            return common::skip::skipped(&format!(
                "{} mutants are others than those that equivalent.txt was written of: the kernels have changed since. Of those that \
                 are not caught say there why they change nothing, behind the line `drawn: {} {}`:\n{:#?}",
                places[0],
                places[0],
                digest(&self.drawn),
                self.same
            ));
        };
        let new: Vec<_> = self.same.iter().filter(|what| !listed.contains_key(what.as_str())).collect();
        let must_be = listed.iter().filter(|(_, reason)| !reason.starts_with(UNDEFINED)).map(|(what, _)| *what);
        let old: Vec<_> = must_be.filter(|what| !self.same.contains(*what)).collect();
        assert!(
            new.is_empty() && old.is_empty(),
            "not caught, and not in equivalent.txt:\n{new:#?}\nin equivalent.txt, and caught or not drawn:\n{old:#?}"
        );
    }
}

/// What begins the reason of a fault in C++ that is undefined, and that another compiler may make a difference of.
const UNDEFINED: &str = "May be caught, as it is undefined: ";

/// The mutants in these places that equivalent.txt has, and why they change nothing; none if it was written of others than those
/// that were `drawn`.
fn equivalent(places: &[&str], drawn: &BTreeSet<String>) -> Option<BTreeMap<&'static str, &'static str>> {
    let text = include_str!("equivalent.txt");
    let is_of = format!("drawn: {} {}", places[0], digest(drawn));
    text.lines().any(|line| line == is_of).then_some(())?;
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#') && !line.starts_with("drawn: ")).collect();
    let entries = lines.split(|line| line.is_empty()).filter(|entry| !entry.is_empty());
    let listed = entries.map(|entry| match entry {
        [what, reason] if reason.starts_with("    ") && reason.len() > 30 => (*what, reason.trim()),
        _ => panic!("a mutant and its reason, not {entry:?}"),
    });
    Some(listed.filter(|(what, _)| places.iter().any(|place| what.starts_with(place))).collect())
}

/// What tells a set of mutants from another, in FNV-1a.
fn digest(drawn: &BTreeSet<String>) -> String {
    let bytes = drawn.iter().flat_map(|what| what.bytes().chain([b'\n']));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}
