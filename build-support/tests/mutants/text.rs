//! Generated C++ with one token changed: kernels, what is emitted for a model, its constants, and the bridge to the simulation.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use fastrand::Rng;
use sparsehls_build::{formats::FixedNetwork, manifest::Model};

use super::{
    Table, Trial, Verdict, all,
    common::program::{self, Program},
    first_seed, is_lively,
};

/// Operators and words, and what stands in their place.
const CHANGES: [(&str, &str); 30] = [
    (" < ", " <= "),
    (" <= ", " < "),
    (" > ", " >= "),
    (" >= ", " > "),
    (" >= ", " == "),
    (" == ", " != "),
    (" != ", " == "),
    (" + ", " - "),
    (" - ", " + "),
    (" * ", " + "),
    (" % ", " / "),
    (" / ", " * "),
    (" << ", " >> "),
    (" >> ", " << "),
    (" & ", " | "),
    (" | ", " & "),
    (" && ", " || "),
    (" |= ", " &= "),
    (" += values", " -= values"),
    ("height", "width"),
    ("width", "height"),
    ("row", "column"),
    ("column", "row"),
    ("slots", "channels"),
    ("channels", "slots"),
    ("filters", "channels"),
    ("sum<", "any<"),
    ("any<", "sum<"),
    ("AP_RND", "AP_TRN"),
    ("continue;", ";"),
];

#[test]
fn text_with_a_fault_is_caught() {
    let (networks, mutants, events) = if all() { (3, 10, 1_000) } else { (2, 8, 1_000) };
    let table = Mutex::new(Table::default());
    let next = AtomicUsize::new(0);
    let chosen: Vec<_> = (first_seed()..).filter_map(|seed| Some((seed, network(seed)?))).take(networks).collect();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((seed, (network, model))) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut random = Rng::with_seed(*seed);
                    let program = Program::new(network, model).unwrap();
                    let trial = Trial::new(network, events);
                    let right = program.compile("right", &["-O0"]).unwrap();
                    let as_right = trial.verdict(&|events| program.run(&right, events));
                    assert_eq!(as_right, Verdict::Same, "seed {seed}: without a fault");
                    for number in 0..mutants {
                        let (place, what, wrong) = mutant(&program, &right, number, &mut random);
                        let verdict = trial.verdict(&|events| program.run(&wrong, events));
                        table.lock().unwrap().add(&place, format!("seed {seed}: {what}"), verdict);
                    }
                }
            });
        }
    });
    table.into_inner().unwrap().settle(&["kernels/", "emitted"], networks * mutants);
}

/// A network drawn by this seed; none if it cannot be built, compiles for long or has little in it.
fn network(seed: u64) -> Option<(FixedNetwork, Model)> {
    let (network, model) = program::network(seed)?;
    let is_small = network.layers.iter().all(|fixed| fixed.layer.shape.len() <= 256);
    (is_small && network.layers.len() >= 4 && is_lively(&network)).then_some((network, model))
}

/// The files of a project that can be changed, by what they are.
fn files(project: &Path) -> Vec<(String, Vec<PathBuf>)> {
    let listed = |folder: PathBuf| -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    };
    let firmware = project.join("firmware");
    let mut files: Vec<_> = listed(firmware.join("kernels"))
        .into_iter()
        .map(|path| (format!("kernels/{}", path.file_name().unwrap().display()), vec![path]))
        .collect();
    files.push(("emitted parameters.h".into(), vec![firmware.join("parameters.h")]));
    files.push(("emitted model.cpp".into(), vec![firmware.join("fixture.cpp")]));
    files.push(("emitted constants".into(), listed(firmware.join("weights"))));
    files.push(("emitted bridge.cpp".into(), vec![project.join("fixture_bridge.cpp")]));
    files.retain(|(_, paths)| !paths.is_empty());
    files
}

/// One of the files with a fault, in turn: where, what, the program. What does not compile is none, and neither is what gives the same
/// machine code: a template that the network does not use, the size of an array that is an argument.
fn mutant(program: &Program<'_>, right: &Path, number: usize, random: &mut Rng) -> (String, String, PathBuf) {
    let files = files(program.folder.path());
    loop {
        let (place, paths) = &files[(number + random.usize(..2)) % files.len()];
        let path = random.choice(paths).unwrap();
        let text = fs::read_to_string(path).unwrap();
        let Some((wrong, what)) = change(&text, random) else { continue };
        fs::write(path, wrong).unwrap();
        let compiled = program.compile("wrong", &["-O0"]);
        fs::write(path, text).unwrap();
        let differs = |compiled: &PathBuf| fs::read(compiled).unwrap() != fs::read(right).unwrap();
        if let Some(compiled) = compiled.ok().filter(differs) {
            return (place.clone(), what, compiled);
        }
    }
}

/// A text with a token of its code changed, and what that is.
fn change(text: &str, random: &mut Rng) -> Option<(String, String)> {
    let mut places = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let code = line.split("//").next().unwrap_or_default();
        let trimmed = code.trim();
        let is_loop_or_choice = ["for (", "if ("].iter().any(|word| trimmed.starts_with(word));
        let is_signature = trimmed.contains("void ") || trimmed.ends_with(',') || trimmed.ends_with(") {") && !is_loop_or_choice;
        if !trimmed.starts_with('#') && !trimmed.starts_with("template") && !is_signature {
            places_of(code, at, &mut places);
        }
        at += line.len();
    }
    let (at, old, new) = random.choice(places)?;
    let line = text[..at].lines().count();
    let wrong = format!("{}{new}{}", &text[..at], &text[at + old.len()..]);
    let full = wrong.lines().nth(line.saturating_sub(1)).unwrap_or_default().trim().to_owned();
    Some((
        wrong,
        format!("line {line}, `{}` becomes `{}` in `{}`", old.trim(), new.trim(), full.chars().take(120).collect::<String>()),
    ))
}

/// Every change of a line that begins at `start`: where, of what, to what.
fn places_of(code: &str, start: usize, places: &mut Vec<(usize, String, String)>) {
    let is_loop = code.trim_start().starts_with("for (");
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for (old, new) in CHANGES {
        // A loop that never ends takes the time of many.
        if is_loop && !matches!(old, " < " | " + " | "slots" | "channels" | "width" | "height") {
            continue;
        }
        places.extend(code.match_indices(old).map(|(at, _)| (start + at, old.to_owned(), new.to_owned())));
    }
    let mut before = ' ';
    let mut rest = code.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        if c.is_ascii_digit() && !is_word(before) && before != '.' {
            let end = code[at..].find(|c: char| !is_word(c)).map_or(code.len(), |length| at + length);
            if let Ok(number) = code[at..end].parse::<i64>() {
                let news = [number.checked_add(1), number.checked_sub(1).filter(|less| *less >= 0)];
                places.extend(news.into_iter().flatten().map(|new| (start + at, code[at..end].to_owned(), new.to_string())));
            }
            while rest.peek().is_some_and(|(next, _)| *next < end) {
                rest.next();
            }
        }
        before = c;
    }
}
