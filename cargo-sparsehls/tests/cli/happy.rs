//! What happens when nothing is wrong.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::Stdio,
    time::SystemTime,
};

use sparsehls_build::data;

use crate::{
    firmware::{Firmware, edit, fixture_path, net, reasons},
    stand_in::{heard, signal, wait_until},
};

/// Every file below `folder`, by its path in it.
fn files(folder: &Path) -> BTreeMap<PathBuf, PathBuf> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), path);
            }
        }
    }
    found
}

fn modified(folder: &Path) -> BTreeMap<PathBuf, SystemTime> {
    files(folder).into_iter().map(|(name, path)| (name, path.metadata().unwrap().modified().unwrap())).collect()
}

/// `project`, `self-check`, … as the commands of one model give them.
fn whole_life(fixture: &str, layers: usize) {
    let firmware = Firmware::of(fixture);
    let (_, lines) = firmware.json(&["check"]);
    let mut expected = vec!["layer"; layers];
    expected.extend(["estimate", "finished"]);
    assert_eq!(reasons(&lines), expected);
    assert!(!firmware.path("target").exists(), "check writes nothing");

    let (_, lines) = firmware.json(&["build"]);
    assert_eq!(reasons(&lines), ["project", "self-check", "synthesis", "finished"]);
    assert_eq!(lines[0]["path"], "[DIR]/target/sparsehls/firmware/net");
    assert_eq!((&lines[1]["model"], &lines[1]["events-different"]), (&"net".into(), &0.into()));
    assert_eq!(lines[2]["status"], "skipped");

    let project = firmware.path("target/sparsehls/firmware/net");
    let names: Vec<_> = files(&project).into_keys().collect();
    for name in [
        "firmware/net.cpp",
        "firmware/net.h",
        "firmware/defines.h",
        "firmware/parameters.h",
        "firmware/kernels/common.h",
        "net_test.cpp",
        "tb_data/input.dat",
        "tb_data/expected.dat",
        "build_prj.tcl",
        "project.tcl",
        "build_opt.tcl",
        "vivado_synth.tcl",
    ] {
        assert!(names.contains(&name.into()), "{name} is missing in {names:?}");
    }
    assert!(names.iter().any(|name| name.starts_with("firmware/weights")), "{names:?}");
    assert!(!names.iter().any(|name| name.to_string_lossy().contains(".sparsehls-")), "leftovers: {names:?}");

    let (_, lines) = firmware.json(&["verify"]);
    assert_eq!(reasons(&lines), ["project", "verify", "verify", "finished"]);
    let golden = data::read_golden(&fixture_path(fixture).with_extension("npz")).unwrap();
    for (line, engine) in lines[1..].iter().zip(["csim", "reference"]) {
        let found = (&line["engine"], &line["events"], &line["events-different"], line["max-abs-difference"].as_f64());
        assert_eq!(found, (&engine.into(), &golden.x.events().into(), &0.into(), Some(0.0)));
    }

    let x: Vec<_> = golden.x.values.iter().map(|value| *value as f32).collect();
    data::write_npy(&firmware.path("x.npy"), &golden.x.shape, &x).unwrap();
    fs::create_dir_all(firmware.path("new/folder")).unwrap();
    for engine in ["csim", "reference"] {
        let (_, lines) = firmware.json(&["predict", "--input", "x.npy", "--output", "new/folder/y.npy", "--engine", engine]);
        let expected: &[_] = if engine == "csim" { &["project", "predict", "finished"] } else { &["predict", "finished"] };
        assert_eq!(reasons(&lines), expected);
        assert_eq!(lines[lines.len() - 2]["path"], "new/folder/y.npy");
        let y = data::read_npy(&firmware.path("new/folder/y.npy")).unwrap();
        assert_eq!((y.shape[0], y.values), (golden.y.shape[0], golden.y.values.clone()), "{engine}");
        fs::remove_file(firmware.path("new/folder/y.npy")).unwrap();
    }
}

#[test]
fn differences_within_float32_are_said_and_are_no_failure() {
    let net = "[package.metadata.sparsehls.models.net]\nsource = \"models/net.keras\"\ngolden = \"models/net.npz\"\n";
    let firmware = Firmware::new(&format!("{net}input = \"fixed<22,6>\"\n"));
    firmware.add("../rounding/rounding-11-104", "net");
    let text = "1 event differs within what float32 rounding explains, at most 4.8e-7";
    let run = firmware.run(&["verify"]);
    for engine in ["csim", "reference"] {
        assert!(run.stdout.contains(&format!("net: {engine} differs from Keras in 0 of 60 events; {text}\n")), "{run:?}");
    }
    let (_, lines) = firmware.json(&["verify", "--engine", "reference"]);
    assert_eq!((&lines[0]["events-different"], &lines[0]["within-float32"]), (&0.into(), &1.into()));
    assert!(lines[0]["float32-bound"].as_f64().unwrap() >= lines[0]["float32-difference"].as_f64().unwrap());
    for state in ["Checked", "Unchanged"] {
        let run = firmware.run(&["build", "--synth", "skip"]);
        assert!(
            run.stderr.contains(&format!("{state} net: ")) && run.stderr.contains(&format!("golden ones; {text}\n")),
            "{run:?}"
        );
        let (_, lines) = firmware.json(&["build", "--synth", "skip"]);
        let found = (&lines[1]["reason"], &lines[1]["within-float32"], lines[1]["float32-difference"].as_f64());
        assert_eq!(found.1, 1, "{found:?}");
    }

    // The layer in which the event differs is not blamed, and one that differs by more is.
    let golden = data::read_npz(&firmware.path("models/net.npz")).unwrap();
    let (x, y) = (&golden["x"], &golden["y"]);
    let floats = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<_>>();
    data::write_npy(&firmware.path("x.npy"), &x.shape, &floats(&x.values)).unwrap();
    data::write_npy(&firmware.path("y.npy"), &y.shape, &floats(&y.values)).unwrap();
    firmware.run(&["predict", "--input", "x.npy", "--output", "found.npy", "--engine", "reference"]);
    let found = data::read_npy(&firmware.path("found.npy")).unwrap();
    let different = (0..y.values.len()).find(|at| found.values[*at] != y.values[*at]).unwrap();
    let event = (different / (y.values.len() / 60)).to_string();
    let (run, lines) = firmware.json(&["trace", "--event", &event, "--keras", "models/net.npz"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(lines.iter().any(|line| line["within-float32"].as_u64() > Some(0)), "{run:?}");
    let mut beyond = floats(&y.values);
    beyond[different] = 2.0 * beyond[different] - found.values[different] as f32;
    data::write_npy(&firmware.path("y.npy"), &y.shape, &beyond).unwrap();
    let run = firmware.run(&["verify", "--engine", "reference", "--input", "x.npy", "--expected", "y.npy"]);
    assert!(run.code == 4 && run.stderr.contains("differs from Keras in 1 of 60 events; first"), "{run:?}");
}

#[test]
fn a_prediction_that_is_interrupted_leaves_nothing() {
    let firmware = Firmware::of("whole-net-032");
    let shape = data::read_golden(&fixture_path("whole-net-032").with_extension("npz")).unwrap().x.shape;
    many_zeros(&firmware.path("x.npy"), 20_000_000, &shape[1..]);
    fs::create_dir(firmware.path("out")).unwrap();
    let count = || fs::read_dir(firmware.path("out")).unwrap().count();
    for (engine, name) in [("reference", "TERM"), ("csim", "INT")] {
        let mut command = firmware.command(&["predict", "--input", "x.npy", "--output", "out/y.npy", "--engine", engine]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until("the file is begun", || count() == 1);
        signal(heard(name), &child.id().to_string());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains("the prediction of net was interrupted") && said.contains("code: interrupted"), "{said}");
        assert_eq!(count(), 0, "{engine}");
    }
    // Nor does it wait for a pipe that has fallen silent.
    let mut head = vec![0; 1 << 16];
    fs::File::open(firmware.path("x.npy")).unwrap().read_exact(&mut head).unwrap();
    let mut command = firmware.command(&["predict", "--input", "/dev/stdin", "--output", "out/y.npy", "--engine", "reference"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(&head).unwrap();
    wait_until("the file is begun", || count() == 1);
    signal("TERM", &child.id().to_string());
    assert_eq!((child.wait().unwrap().code(), count()), (Some(130), 0));
    drop(pipe);
}

/// Writes a file with so many events of zeros, most of which are a hole.
fn many_zeros(path: &Path, events: u64, event: &[usize]) {
    let sizes: String = event.iter().map(|size| format!(", {size}")).collect();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({events}{sizes})}}");
    let mut file = fs::File::create(path).unwrap();
    file.write_all(b"\x93NUMPY\x01\x00\xf6\x00").unwrap();
    file.write_all(format!("{header:245}\n").as_bytes()).unwrap();
    file.set_len(256 + 4 * events * event.iter().product::<usize>() as u64).unwrap();
}

#[test]
fn a_profile_counts_every_event_of_any_file() {
    let firmware = Firmware::of("whole-net-032");
    let golden = data::read_golden(&fixture_path("whole-net-032").with_extension("npz")).unwrap();
    let x: Vec<_> = golden.x.values.iter().map(|value| *value as f32).collect();
    data::write_npy(&firmware.path("x.npy"), &golden.x.shape, &x).unwrap();
    let npz = fixture_path("whole-net-032").with_extension("npz");
    let profile = |args: &[&str]| firmware.json(&[&["profile"], args].concat()).1;
    let lines = profile(&[]);
    assert_eq!(reasons(&lines), ["profile", "finished"]);
    assert_eq!(lines[0]["events"], golden.x.events());
    let histogram = lines[0]["pixels"]["histogram"].as_object().unwrap();
    assert_eq!(histogram.values().filter_map(serde_json::Value::as_u64).sum::<u64>(), golden.x.events() as u64);
    assert!(!lines[0]["quantizers"].as_array().unwrap().is_empty());
    assert_eq!(profile(&["--input", "x.npy"])[0], lines[0]);
    assert_eq!(profile(&["--input", npz.to_str().unwrap()])[0], lines[0]);
    assert!(!firmware.path("target").exists(), "profile writes nothing");
    assert!(firmware.run(&["profile"]).stdout.contains("active pixels"));
    let pixels = &lines[0]["pixels"];
    assert_eq!(pixels["budget-for-events"]["100"], histogram.keys().map(|key| key.parse::<u64>().unwrap()).max().unwrap());
    let chosen: Vec<_> = pixels["thresholds"].as_array().unwrap().iter().filter(|at| at["chosen"] == true).collect();
    assert_eq!((chosen.len(), &chosen[0]["100"]), (1, &pixels["budget-for-events"]["100"]), "{pixels}");
    assert!(pixels["budget-for-pixels"]["99"].as_u64() <= pixels["budget-for-events"]["99"].as_u64(), "{pixels}");
    assert!(lines[0]["quantizers"].as_array().unwrap().iter().all(|quantizer| quantizer["origin"] == "model"));
}

#[test]
fn a_profile_without_an_input_reduction_has_no_pixels() {
    let firmware = Firmware::of("dense-only");
    let (_, lines) = firmware.json(&["profile"]);
    assert_eq!(lines[0]["reason"], "profile");
    assert!(lines[0].get("pixels").is_none() && lines[0].get("quantizers").is_some(), "{}", lines[0]);
}

#[test]
fn a_profile_counts_floats_before_they_are_wrapped_or_truncated() {
    // Without `input` the grid is that of the first quantizer, and what is far out of it is wrapped into it.
    let firmware = Firmware::new("[package.metadata.sparsehls.models.net]\nsource = \"models/net.keras\"\n");
    firmware.add("flatten-dense", "net");
    let shape = data::read_golden(&fixture_path("flatten-dense").with_extension("npz")).unwrap().x.shape;
    let size: usize = shape[1..].iter().product();
    let mut x = vec![0.0; size];
    // Far above every range, a hair above the threshold of 0, and below it.
    (x[0], x[2], x[4]) = (1_000_001.0, 1e-6, -1.0);
    data::write_npy(&firmware.path("x.npy"), &[&[1], &shape[1..]].concat(), &x).unwrap();
    let (run, lines) = firmware.json(&["profile", "--input", "x.npy"]);
    let channels = shape[3];
    let by_hand: Vec<f32> = x.iter().copied().step_by(channels).collect();
    let active = by_hand.iter().filter(|x| **x > 0.0).count();
    assert_eq!(lines[0]["pixels"]["active"], active, "{run:?}");
    assert_eq!(lines[0]["pixels"]["below-threshold"], by_hand.iter().filter(|x| **x < 0.0).count());
    assert_eq!(lines[0]["quantizers"][0]["overflowed"], 1, "{run:?}");
    assert_eq!(lines[0]["grid"]["values"], size);
}

#[test]
fn a_whole_network_from_check_to_predict() {
    whole_life("whole-net-032", 17);
}

#[test]
fn a_pooling_network_from_check_to_predict() {
    whole_life("max-pool-2", 10);
}

#[test]
fn a_second_build_touches_nothing_and_output_does_not_depend_on_the_place() {
    let firmware = Firmware::of("flatten-dense");
    assert_eq!(firmware.run(&["build", "-q"]).code, 0);
    let project = firmware.path("target/sparsehls/firmware/net");
    let first = modified(&project);
    assert_eq!(firmware.run(&["build", "-q"]).code, 0);
    assert_eq!(modified(&project), first);

    let other = tempfile::tempdir().unwrap();
    let target = other.path().join("deep/er");
    assert_eq!(firmware.run(&["build", "-q", "--target-dir", target.to_str().unwrap()]).code, 0);
    let (here, there) = (files(&project), files(&target.join("sparsehls/firmware/net")));
    assert_eq!(here.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
    for (name, path) in here.iter().filter(|(name, _)| name.extension().is_some()) {
        assert_eq!(fs::read(path).unwrap(), fs::read(&there[name]).unwrap(), "{}", name.display());
    }

    // A change of the model changes the project; what belonged to the old one goes.
    firmware.add("dense-only", "net");
    firmware.manifest(&crate::firmware::net("dense-only"));
    assert_eq!(firmware.run(&["build", "-q"]).code, 0);
    let names: Vec<_> = files(&project).into_keys().collect();
    assert!(!names.contains(&"firmware/kernels/sparse_conv2d.h".into()), "{names:?}");
    assert_eq!(names.iter().filter(|name| name.parent() == Some(Path::new("csim"))).count(), 4, "{names:?}");

    assert_eq!(firmware.run(&["clean"]).code, 0);
    assert!(!firmware.path("target/sparsehls/firmware").exists());
    assert_eq!(firmware.run(&["clean"]).code, 0, "nothing to clean is no error");
}

#[test]
fn hostile_and_colliding_names_build() {
    let hostile = crate::firmware::net("hostile-names").replace("net", "hostile");
    let colliding = crate::firmware::net("colliding-names").replace("net", "colliding");
    let firmware = Firmware::new(&format!("{hostile}{colliding}"));
    firmware.add("hostile-names", "hostile");
    firmware.add("colliding-names", "colliding");
    let (run, lines) = firmware.json(&["build", "--jobs", "2"]);
    assert_eq!(run.code, 0, "{run:?}");
    for model in ["hostile", "colliding"] {
        let of: Vec<_> = lines.iter().filter(|line| line["model"] == model).cloned().collect();
        assert_eq!(reasons(&of), ["project", "self-check", "synthesis"]);
    }
    assert!(!run.stderr.contains('\u{1b}'), "{run:?}");
    let run = firmware.run(&["check", "--model", "hostile"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(!run.stdout.contains(['\u{1b}', '\r']), "{run:?}");
    // Nothing appears beside the package's own folders.
    let mut names: Vec<_> = fs::read_dir(firmware.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["Cargo.toml", "models", "src", "target"]);
}

#[test]
fn names_do_not_steer_the_terminal() {
    const NAME: &str = "a\u{1b}[2J\u{9b}31m\r\n\u{202e}b\u{7}";
    let firmware = Firmware::of("flatten-dense");
    edit(&firmware.path("models/net.keras"), "config.json", |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replace("\"flatten\"", &serde_json::to_string(NAME).unwrap()).into_bytes();
    });
    let steers = |text: &str| text.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}');
    let run = firmware.run(&["check"]);
    assert!(run.code == 0 && !steers(&run.stdout) && !steers(&run.stderr), "{run:?}");
    assert!(run.stdout.contains("\n  a\\u{1b}[2J\\u{9b}31m\\r\\n\\u{202e}b\\u{7} sparse-flatten"), "{}", run.stdout);
    let (_, lines) = firmware.json(&["check"]);
    assert!(lines.iter().any(|line| line["name"] == NAME), "JSON has the name as it is");

    edit(&firmware.path("models/net.keras"), "config.json", |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replace("\"Flatten\"", &serde_json::to_string(NAME).unwrap()).into_bytes();
    });
    let run = firmware.run(&["check"]);
    assert!(run.code == 1 && !steers(&run.stderr), "{run:?}");
}

/// The numbers of a line of the table, from the column `LUT` on.
fn cells(line: &str, header: &str) -> String {
    line.chars().skip(header.find("LUT").unwrap() - 3).collect()
}

#[test]
fn an_estimate_has_block_rams_and_times_that_fit_the_clock() {
    let firmware = Firmware::of("sigmoid-activation");
    firmware.manifest(&format!("{}clock-period = 1.5\n", net("sigmoid-activation")));
    let run = firmware.run(&["check"]);
    assert!(run.stdout.contains("interval 1 cycles (1.5 ns) at 1.5 ns; "), "{}", run.stdout);
    let header = run.stdout.lines().find(|line| line.contains("BRAM")).unwrap();
    assert!(header.ends_with("BRAM depth ns"), "{header}");
    let row = |name: &str| cells(run.stdout.lines().find(|line| line.contains(name)).unwrap(), header);
    let (_, lines) = firmware.json(&["check"]);
    let table = lines.iter().find(|line| line["kind"] == "lookup").unwrap();
    let total = lines.iter().find(|line| line["reason"] == "estimate").unwrap();
    assert_eq!((&table["cost"]["bram18"], &total["bram18"], &table["cost"]["luts"]), (&16.into(), &16.into(), &0.into()));
    assert!(row(" lookup ").contains(" 16 ") && row("  total").trim_end().ends_with(" 16"), "{}", run.stdout);
    assert!(run.stdout.contains(", 16 BRAM\n"), "{}", run.stdout);
    let explored = firmware.run(&["explore", "--max-interval", "1"]);
    assert!(explored.stdout.contains("   DSP  BRAM  knobs\n"), "{}", explored.stdout);

    let none = Firmware::of("dense-only").run(&["check"]);
    assert!(!none.stdout.contains("BRAM"), "a column of nothing is left out: {}", none.stdout);
}

#[test]
fn what_is_taken_of_the_part_is_said() {
    let firmware = Firmware::of("dense-only");
    let part = |part: &str| firmware.manifest(&format!("{}part = \"{part}\"\n", net("dense-only")));
    // (part, what is said of it, whether it is too full)
    for (name, said, full) in [
        ("xcu250-figd2104-2L-e", " % of the LUT, ", false),
        ("iCE40LP384-SG32", "of iCE40LP384-SG32", true),
        ("10AX115N2F45E1SG", "the capacity of 10AX115N2F45E1SG is not known", false),
    ] {
        part(name);
        let run = firmware.run(&["check"]);
        assert!(run.stdout.contains(said), "{}", run.stdout);
        assert_eq!(run.stderr.contains("it does not fit"), full, "{}", run.stderr);
        let (_, lines) = firmware.json(&["check"]);
        let total = lines.iter().find(|line| line["reason"] == "estimate").unwrap();
        assert_eq!(total["part"], name);
        let known = !said.contains("not known");
        assert_eq!((total["available"].is_null(), total["percent"].is_null()), (!known, !known), "{total}");
        if let (Some(percent), Some(all)) = (total["percent"]["lut"].as_f64(), total["available"]["lut"].as_f64()) {
            let exact = total["luts"].as_f64().unwrap() * 100.0 / all;
            assert!((percent - exact).abs() <= 0.051, "{total}");
        }
        let run = firmware.run(&["explore", "--max-interval", "2"]);
        assert_eq!(run.stdout.contains("LUT of part"), known, "{}", run.stdout);
        assert_eq!(run.stderr.contains("is not known"), !known, "{}", run.stderr);
        assert_eq!(run.stderr.contains("more than 70 % of"), full, "{}", run.stderr);
    }
}

#[test]
fn what_hls_has_to_compile_is_estimated() {
    let firmware = Firmware::of("whole-net-032");
    let instructions = |more: &str| {
        firmware.manifest(&format!("{}{more}", net("whole-net-032")));
        let (_, lines) = firmware.json(&["check"]);
        lines.iter().find(|line| line["reason"] == "estimate").unwrap()["instructions"].as_u64()
    };
    let (all, steps) = (instructions("").unwrap(), instructions("interval = 8\n").unwrap());
    assert!(steps * 2 < all && steps > 100, "steps are not unrolled: {all}, {steps}");
    let said = format!("about {steps} instructions for HLS to compile\n");
    assert!(firmware.run(&["check"]).stdout.contains(&said));
    assert_eq!(instructions("backend = \"verilog\"\n"), None);
}

/// With the intervals that their manifest has, and with those that are chosen without.
#[test]
fn a_first_synthesis_of_the_examples_is_expected_below_an_hour() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../example-firmware").canonicalize().unwrap();
    let manifest = fs::read_to_string(examples.join("Cargo.toml")).unwrap();
    let metadata = &manifest[manifest.find("[package.metadata.sparsehls]").unwrap()..];
    let given = metadata.replace("\"models/", &format!("\"{}/models/", examples.display()));
    let chosen = given.lines().filter(|line| !line.starts_with("interval")).collect::<Vec<_>>().join("\n");
    let firmware = Firmware::new(&given);
    for (metadata, intervals) in [(&given, [40, 5]), (&chosen, [40, 4])] {
        firmware.manifest(metadata);
        let (_, lines) = firmware.json(&["check"]);
        let estimates: Vec<_> = lines.iter().filter(|line| line["reason"] == "estimate").collect();
        assert!(estimates.iter().map(|estimate| &estimate["interval"]).eq(&intervals), "{estimates:?}");
        assert!(estimates.iter().all(|estimate| estimate["instructions"].as_u64().unwrap() <= 200_000), "{estimates:?}");
    }
}

#[test]
fn two_builds_at_once_do_not_disturb_each_other() {
    let firmware = Firmware::of("dense-only");
    let runs: Vec<_> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..3).map(|_| scope.spawn(|| firmware.run(&["build"]))).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    assert!(runs.iter().all(|run| run.code == 0), "{runs:?}");
    assert_eq!(firmware.run(&["verify"]).code, 0);
}

#[test]
fn help_and_completions_go_to_standard_output() {
    let firmware = Firmware::new("");
    for arguments in [&["--help"][..], &["build", "--help"], &["--version"], &["completions", "bash"]] {
        let run = firmware.run(arguments);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{arguments:?}");
        assert!(!run.stdout.is_empty());
    }
}
