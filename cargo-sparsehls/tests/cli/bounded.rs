//! Sizes that are claimed, and sizes that are real: memory follows from what is looked at first.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use crate::firmware::{Catalogue, Firmware, edit, edit_config, net};

const MIB: u64 = 1 << 20;

/// A package with a model of `build-support/tests/bounded`.
fn package(model: &str, more: &str) -> Firmware {
    let metadata = "[package.metadata.sparsehls.models.net]\nsource = \"models/net.keras\"\ninput = \"ufixed<6,3>\"\n";
    let firmware = Firmware::new(&format!("{metadata}{more}"));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../build-support/tests/bounded");
    fs::copy(folder.join(format!("{model}.keras")), firmware.path("models/net.keras")).unwrap();
    firmware
}

/// An archive whose arrays `x` and `y` have these shapes, and are nothing but zeros.
fn zeros(path: &Path, arrays: [(&str, &[usize]); 2]) {
    let mut zip = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (name, shape) in arrays {
        let packed = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        zip.start_file(format!("{name}.npy"), packed).unwrap();
        let shape_text: String = shape.iter().map(|size| format!("{size}, ")).collect();
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape_text}), }}\n");
        zip.write_all(&[b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes()].concat()).unwrap();
        let (block, mut left) = (vec![0; 1 << 16], 4 * shape.iter().product::<usize>());
        while left > 0 {
            let part = left.min(block.len());
            zip.write_all(&block[..part]).unwrap();
            left -= part;
        }
    }
    zip.finish().unwrap();
}

/// Runs the binary; gives its exit code, what it printed to standard error, and the most memory that it or one of the programs
/// that it started had at a time.
fn measured(firmware: &Firmware, arguments: &[&str]) -> (i32, String, u64) {
    let errors = tempfile::NamedTempFile::new().unwrap();
    let mut command = firmware.command(arguments);
    command.stdout(Stdio::null()).stderr(errors.reopen().unwrap());
    let mut child = command.spawn().unwrap();
    let mut most = 0;
    loop {
        most = most.max(memory(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            return (status.code().unwrap(), fs::read_to_string(errors.path()).unwrap(), most);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The most memory that a process and those that it has started have had, in bytes; of a process that has ended nothing.
fn memory(process: u32) -> u64 {
    let folder = PathBuf::from(format!("/proc/{process}"));
    let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let own = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).map_or(0, |kib| kib << 10);
    let threads = fs::read_dir(folder.join("task")).into_iter().flatten().flatten();
    let children = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok()).collect::<String>();
    children.split_whitespace().map(|child| memory(child.parse().unwrap())).fold(own, u64::max)
}

#[test]
fn models_that_are_too_large() {
    let mut all = Catalogue::default();
    let verilog = "[package.metadata.sparsehls]\nbackend = \"verilog\"\n";
    all.failure("a layer of 512 x 512 x 64 values", &package("layers", ""), &["check"]);
    all.failure("a circuit of a flatten of 64 x 64 x 1000 values", &package("wide", verilog), &["check"]);
    all.failure("a kernel of 2^26 elements", &package("many-weights", ""), &["check"]);
    all.failure("a kernel in a chunk of 2^26 elements", &package("wide-chunk", ""), &["check"]);
    insta::assert_snapshot!(all.0);
}

#[test]
fn check_takes_little_memory_whatever_the_file_claims() {
    for (model, code) in [("image", 0), ("wide", 0), ("layers", 1), ("many-weights", 1), ("wide-chunk", 1)] {
        let (found, errors, memory) = measured(&package(model, ""), &["check"]);
        assert!(found == code && (MIB..100 * MIB).contains(&memory), "{model}: {found}, {memory} bytes\n{errors}");
    }
}

#[test]
fn a_golden_file_is_never_in_memory_as_a_whole() {
    let firmware = Firmware::of("dense-only");
    let golden = sparsehls_build::data::read_golden(&firmware.path("models/net.npz")).unwrap();
    let event = |array: &sparsehls_build::data::Array| array.shape[1..].to_vec();
    let (input, output) = (event(&golden.x), event(&golden.y));
    let events = (1 << 24) / input.iter().product::<usize>();
    let file = firmware.path("models/net.npz");
    zeros(&file, [("x", &[&[events], &input[..]].concat()), ("y", &[&[events], &output[..]].concat())]);
    let (code, errors, memory) = measured(&firmware, &["check"]);
    assert!(code == 0 && memory < 100 * MIB, "the right shape: {code}, {memory} bytes\n{errors}");
    zeros(&file, [("x", &[1, 1 << 24]), ("y", &[1, 1 << 24])]);
    let (code, errors, memory) = measured(&firmware, &["check"]);
    assert!(code == 1 && memory < 100 * MIB && errors.contains("code: invalid-data"), "{code}, {memory} bytes\n{errors}");
}

#[test]
fn a_build_of_an_example_takes_less_than_a_gigabyte() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../example-firmware/models");
    for name in ["digits", "tracks"] {
        let table = format!("[package.metadata.sparsehls.models.{name}]\nsource = \"models/{name}.keras\"\n");
        let more =
            if name == "digits" { "input = \"ufixed<5,1>\"\ninterval = 40\n" } else { "input = \"ufixed<8,1>\"\ninterval = 5\n" };
        let firmware = Firmware::new(&format!("{table}golden = \"models/{name}.golden.npz\"\n{more}"));
        for file in [format!("{name}.keras"), format!("{name}.golden.npz")] {
            fs::copy(models.join(&file), firmware.path("models").join(&file)).unwrap();
        }
        let (code, errors, memory) = measured(&firmware, &["build", "--synth", "skip"]);
        assert!(code == 0 && (MIB..1024 * MIB).contains(&memory), "{name}: {code}, {memory} bytes\n{errors}");
    }
}

/// An image of 256 x 256 with 256 slots and 64 filters, and one of 64 x 64 with 1,000: four million outputs each.
#[test]
fn a_large_image_is_built_checked_and_predicted() {
    if std::env::var_os("SPARSEHLS_SLOW").is_none() {
        return crate::skip::skipped("SPARSEHLS_SLOW is not set");
    }
    for (model, side, filters) in [("image", 256, 64), ("wide", 64, 1000)] {
        let firmware = package(model, "");
        let run = |arguments: &[&str]| {
            let (code, errors, memory) = measured(&firmware, arguments);
            assert!(code == 0 && memory < 1024 * MIB, "{model} {arguments:?}: {code}, {memory} bytes\n{errors}");
        };
        run(&["build", "--synth", "skip"]);
        let x: Vec<f32> = (0..3 * side * side).map(|at| if at % 97 == 0 { (at % 61) as f32 / 8.0 } else { 0.0 }).collect();
        sparsehls_build::data::write_npy(&firmware.path("x.npy"), &[3, side, side, 1], &x).unwrap();
        let predict = |engine| {
            run(&["predict", "--input", "x.npy", "--output", "y.npy", "--engine", engine]);
            sparsehls_build::data::read_npy(&firmware.path("y.npy")).unwrap()
        };
        let (csim, reference) = (predict("csim"), predict("reference"));
        assert!(csim.shape == [3, side * side * filters] && csim == reference, "{model}: {:?}", csim.shape);
    }
}

/// What is many: 64 models in a package, and a million events, which take no more memory than ten thousand.
#[test]
fn what_is_many_does_not_add_up_in_memory() {
    if std::env::var_os("SPARSEHLS_SLOW").is_none() {
        return crate::skip::skipped("SPARSEHLS_SLOW is not set");
    }
    const SMALL: &str = "named-like-a-type";
    let models: String = (0..64).map(|at| net(SMALL).replace("models.net]", &format!("models.net{at}]"))).collect();
    let firmware = Firmware::new(&models);
    firmware.add(SMALL, "net");
    let run = |arguments: &[&str]| {
        let (code, errors, memory) = measured(&firmware, arguments);
        assert!(code == 0 && memory < 1024 * MIB, "{arguments:?}: {code}, {memory} bytes\n{errors}");
        memory
    };
    run(&["build", "--synth", "skip"]);
    let memory = [10_000, 1_000_000].map(|events| {
        let x: Vec<f32> = (0..events * 5).map(|at| (at % 32) as f32 / 32.0).collect();
        sparsehls_build::data::write_npy(&firmware.path("x.npy"), &[events, 5, 1, 1], &x).unwrap();
        run(&["predict", "--model", "net7", "--input", "x.npy", "--output", "y.npy", "--engine", "csim"])
    });
    assert!(memory[0] > MIB && memory[1] < memory[0] + 4 * MIB, "{memory:?} bytes");
}

/// Names of every layer that steer a terminal, turn the text around, are wide, or have 10,000 characters.
#[test]
fn names_neither_steer_a_terminal_nor_fill_it() {
    let firmware = Firmware::of("whole-net-032");
    let model = firmware.path("models/net.keras");
    let weird = |at: usize, name: &str| {
        let tails = ["\u{1b}[31mred\u{1b}]0;t\u{7}", "\0nul\u{9b}", "\u{202e}turned", "日本語", "e\u{301}\n\t|"];
        if at == 3 { name.repeat(2000) } else { format!("{name}{}", tails[at % tails.len()]) }
    };
    let mut names = Vec::new();
    edit_config(&model, |config| {
        let layers = config["config"]["layers"].as_array().unwrap();
        names = layers.iter().map(|layer| layer["config"]["name"].as_str().unwrap().to_owned()).collect();
    });
    // The names stand in the weights too, where they are not looked for if there is none.
    edit(&model, "model.weights.h5", |bytes| {
        for at in (0..bytes.len().saturating_sub(4)).filter(|at| &bytes[*at..*at + 4] == b"name").collect::<Vec<_>>() {
            bytes[at] = b'N';
        }
    });
    edit(&model, "config.json", |bytes| {
        let mut text = String::from_utf8(bytes.clone()).unwrap();
        // What is called like an activation cannot be renamed this way.
        for (at, name) in names.iter().enumerate().filter(|(_, name)| *name != "relu") {
            let json = serde_json::to_string(&weird(at, name)).unwrap();
            text = text.replace(&format!("\"{name}\""), &json);
        }
        *bytes = text.into_bytes();
    });
    let run = firmware.run(&["check"]);
    assert_eq!(run.code, 0, "{run:?}");
    let trace = firmware.run(&["trace"]);
    let wrong = firmware.run(&["check", "--model", &format!("\u{1b}[31m{}", "x".repeat(100_000))]);
    assert!(wrong.stderr.len() < 6000 && wrong.stderr.contains("\\u{1b}[31m"), "{}", wrong.stderr);
    for text in [&run.stdout, &run.stderr, &trace.stdout, &trace.stderr, &wrong.stderr] {
        assert!(!text.chars().any(|c| c != '\n' && sparsehls_build::terminal::steers(c)), "{text:?}");
        assert!(text.lines().all(|line| line.len() < 2500), "{text}");
    }
    // The columns stand below each other.
    let table: Vec<&str> = run.stdout.lines().filter(|line| line.starts_with("  ") && line.contains("fixed<")).collect();
    let columns = |line: &str| sparsehls_build::terminal::width(line[..line.find("fixed<").unwrap()].trim_end_matches('u'));
    assert!(table.len() > 5 && table.iter().all(|line| columns(line).abs_diff(columns(table[0])) <= 1), "{}", run.stdout);
    let (_, lines) = firmware.json(&["check"]);
    let all: Vec<_> = lines.iter().filter_map(|line| line["name"].as_str()).collect();
    assert!(all.contains(&weird(3, &names[3]).as_str()), "JSON has the whole name: {all:?}");
}
