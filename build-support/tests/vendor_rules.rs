//! What the vendor's tools need of every HLS project so that they make of it what was planned: rows of "What a vendor's tool
//! would stumble over" in docs/hls-project.md, held on the text and the size of projects. No tool runs here.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Mutex, OnceLock},
};

use sparsehls_build::{
    backend, check, cost, data,
    manifest::{HlsTool, Knob, Language},
};

/// The files below `firmware/` that are compiled: name, lines without comments.
type Sources = Vec<(String, Vec<String>)>;

/// The C++ of every fixture, with knobs, interface and pipeline drawn.
fn projects() -> &'static [(String, Sources)] {
    static PROJECTS: OnceLock<Vec<(String, Sources)>> = OnceLock::new();
    PROJECTS.get_or_init(|| {
        let projects = Mutex::new(Vec::new());
        let failures = common::for_every(1, "", |name, source, _| {
            let show = |error: sparsehls_build::Error| error.to_string();
            let x = &data::read_npz(&source.with_extension("npz")).map_err(show)?["x"];
            let (mut model, network) = common::load(source, x).map_err(show)?;
            let seed = name.bytes().map(u64::from).sum();
            model.target.language = Language::Hls(if seed % 2 == 0 { HlsTool::Vitis } else { HlsTool::Vivado });
            common::draw_knobs(&mut model, &network, seed);
            let project = common::project("text", &model, &network, &check::made_up(&network, 1)).map_err(show)?;
            let is_source = |path: &str| path.starts_with("firmware/") && (path.ends_with(".cpp") || path.ends_with(".h"));
            let lines =
                |text: &str| text.lines().map(|line| line.split("//").next().unwrap_or("").trim_end().to_owned()).collect();
            let files = project.files.iter().filter(|(path, _)| is_source(path));
            let sources = files.map(|(path, text)| (path.clone(), lines(text))).collect();
            projects.lock().unwrap().push((name.to_owned(), sources));
            Ok(())
        });
        assert!(failures.is_empty(), "{failures:?}");
        projects.into_inner().unwrap()
    })
}

fn for_projects(look: impl Fn(&Sources) -> Result<(), String>) {
    let failures: Vec<_> =
        projects().iter().filter_map(|(name, sources)| look(sources).err().map(|why| format!("{name}: {why}"))).collect();
    assert!(failures.is_empty(), "{} projects fail:\n{}", failures.len(), failures.join("\n"));
}

/// The lines of `firmware/NAME.cpp`, function by function, each from its head to its last brace.
fn functions(sources: &Sources) -> Vec<&[String]> {
    let (_, lines) = sources.iter().find(|(path, _)| path == "firmware/fixture.cpp").unwrap();
    let is_head = |line: &String| (line.starts_with("static void ") || line.starts_with("void ")) && line.ends_with('{');
    let body = |at: usize| {
        let end = at + lines[at..].iter().position(|line| line == "}").unwrap();
        &lines[at..=end]
    };
    (0..lines.len()).filter(|at| is_head(&lines[*at])).map(body).collect()
}

fn require(holds: bool, what: &str, line: &str) -> Result<(), String> {
    holds.then_some(()).ok_or_else(|| format!("{what}: {line}"))
}

/// The variables that say which step it is.
const OF_STEPS: [&str; 6] = ["step", "turn", "group", "channel_turn", "input_turn", "output_turn"];

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// What stands between square brackets, the innermost ones.
fn indices(line: &str) -> impl Iterator<Item = &str> {
    line.split('[').skip(1).filter_map(|rest| rest.split_once(']')).map(|(index, _)| index).filter(|index| !index.contains('['))
}

/// Rewind is for a loop with nothing beside it, and a loop of one step might be folded away with its pragma.
#[test]
fn a_process_is_one_labelled_loop_and_all_other_loops_are_unrolled() {
    for_projects(|sources| {
        for (path, lines) in sources {
            for (at, line) in lines.iter().enumerate().filter(|(_, line)| words(line).any(|word| word == "for")) {
                let next = lines[at + 1].trim();
                let is_process = path == "firmware/fixture.cpp" && next == "#pragma HLS PIPELINE II=1 rewind";
                require(is_process || next == "#pragma HLS UNROLL", path, line)?;
            }
            for line in lines {
                require(!words(line).any(|word| ["while", "do", "goto"].contains(&word)), path, line)?;
            }
        }
        let mut labels = BTreeSet::new();
        for function in functions(sources) {
            let Some(at) = function.iter().position(|line| line.starts_with("    for (")) else {
                require(!function.iter().any(|line| line.contains("for (")), "a loop in a branch", &function[0])?;
                continue;
            };
            let (before, loop_, after) = (&function[1..at - 1], &function[at], &function[function.len() - 2..]);
            let steps = loop_.split("step < ").nth(1).and_then(|rest| rest.split(';').next()?.parse::<usize>().ok());
            require(steps.is_some_and(|steps| steps > 1), "a loop of one step", loop_)?;
            let label = function[at - 1].strip_suffix("_steps:");
            require(label.is_some_and(|label| labels.insert(label)), "no label of its own", &function[at - 1])?;
            // What stands before the loop is done once for all events: only what the first step does not look at.
            let is_declared = |line: &&String| line.starts_with("#pragma ") || line.ends_with("_turn = {0, 0, 0};");
            let beside = before.iter().find(|line| !is_declared(line) && line.contains(['(', '=', '{']));
            require(beside.is_none(), "beside the loop", beside.map_or("", |line| line))?;
            let ends = function[at + 1..].iter().position(|line| line == "    }");
            require(ends == Some(function.len() - at - 3), "behind the loop", &after[0])?;
        }
        Ok(())
    });
}

/// One writer and one reader for each stream, the next process; nothing else in the region.
#[test]
fn a_dataflow_region_is_a_chain_of_processes() {
    for_projects(|sources| {
        let functions = functions(sources);
        let top = functions.last().unwrap();
        if !top.iter().any(|line| line == "#pragma HLS DATAFLOW") {
            return Ok(());
        }
        let head = &top[0];
        require(head.contains("x_in") && head.contains("y_out"), "the names of the ports", head)?;
        let (mut waiting, mut written) = (BTreeSet::from(["x_in"]), BTreeSet::new());
        for line in top[1..top.len() - 1].iter().filter(|line| !line.starts_with("#pragma ")) {
            if let Some(stream) = line.strip_prefix("    hls::stream<") {
                let name = stream.trim_end_matches(';').rsplit("> ").next().unwrap().split('[').next().unwrap();
                written.insert(name);
                continue;
            }
            let call = line.split_once("_process(").and_then(|(_, rest)| rest.strip_suffix(");"));
            let arguments: BTreeSet<_> = call.ok_or_else(|| format!("no call of a process: {line}"))?.split(", ").collect();
            let is_last = arguments.contains("y_out");
            let expected = waiting.union(&written).copied().chain(is_last.then_some("y_out")).collect();
            require(arguments == expected, "other streams than those of its neighbours", line)?;
            (waiting, written) = (written, BTreeSet::new());
        }
        require(waiting.is_empty(), "what nobody reads", &format!("{waiting:?}"))
    });
}

/// An index over more than the dimension of the steps is a choice among all elements, and for a write a decoder. An index of
/// bits is cast to an integer first.
#[test]
fn a_variable_index_goes_over_one_dimension() {
    for_projects(|sources| {
        for (path, lines) in sources.iter().filter(|(path, _)| path.starts_with("firmware/kernels/")) {
            let mut of_bits = BTreeSet::new();
            for line in lines {
                if line.starts_with('}') {
                    of_bits.clear();
                }
                let declared = line.split_once(" = ").filter(|(declared, _)| declared.contains("typename CONFIG::"));
                of_bits.extend(declared.and_then(|(declared, _)| words(declared).last()));
                for index in indices(line) {
                    let is_whole = words(index).count() == 1 || !words(index).any(|word| OF_STEPS.contains(&word));
                    require(is_whole, path, line)?;
                    let bare = words(index).find(|word| of_bits.contains(word) && !index.contains(&format!("int({word})")));
                    require(bare.is_none(), "an index that is no int", line)?;
                }
            }
        }
        Ok(())
    });
}

/// The tool makes ROMs of tables, and repeats them; as registers they would be large choices.
#[test]
fn tables_are_left_to_the_tool() {
    for_projects(|sources| {
        for (path, lines) in sources {
            for line in lines.iter().filter(|line| line.contains("ARRAY_PARTITION") || line.contains("BIND_STORAGE")) {
                require(!words(line).any(|word| word.ends_with("table") || word.ends_with("formats")), path, line)?;
            }
        }
        Ok(())
    });
}

/// Published designs say how long the tool takes for how many instructions.
#[test]
fn without_an_interval_a_model_gets_one_that_a_tool_can_compile() {
    for name in ["digits", "tracks"] {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../example-firmware/models/{name}.keras"));
        let x = data::read_golden(&source.with_extension("golden.npz")).unwrap().x;
        let (mut model, network) = common::load(&source, &x).unwrap();
        let plan = backend::plan(&network, &model).unwrap();
        let interval = plan.layers.iter().map(|layer| layer.steps).max().unwrap();
        let mut of = |interval| {
            model.knobs = common::knobs([(Knob::Interval, interval)]);
            cost::instructions(&network, &backend::plan(&network, &model).unwrap())
        };
        assert!(cost::instructions(&network, &plan) <= cost::FIRST_INSTRUCTIONS && interval > 1, "{name}: {interval}");
        assert!(of(interval / 2) > cost::FIRST_INSTRUCTIONS, "{name}: half of {interval} would do as well");
        assert_eq!(of(1) > cost::MANY_INSTRUCTIONS, name == "digits", "{name}: {}", of(1));
    }
}
