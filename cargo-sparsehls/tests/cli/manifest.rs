//! Mistakes in Cargo.toml, and in the flags that choose from it.

use crate::firmware::{Catalogue, Firmware, net};

#[test]
fn keys_that_are_wrong() {
    let mut all = Catalogue::default();
    let firmware = Firmware::of("dense-only");
    let model = net("dense-only");
    // Each line goes at the end of the model's table.
    for line in [
        "sorce = \"models/net.keras\"",
        "clock_period = 5.0",
        "xyzzy = 1",
        "source = 3",
        "source = \"a\\u0000b\"",
        "golden = [\"models/net.npz\"]",
        "input = 8",
        "input = \"float32\"",
        "input = \"ufixed<0,0>\"",
        "input = \"ufixed<65,0>\"",
        "input = \"ufixed<64,0>\"",
        "output = \"logit\"",
        "output = true",
        "pipeline = \"dataflows\"",
        "interface = \"streams\"",
        "block-control = \"ap_ctrl_hs\"",
        "reset-level = 1",
        "backend = \"quartus\"",
        "part = \"\"",
        "part = \"xcu250; exec rm\"",
        "clock-period = \"5 ns\"",
        "clock-period = 0.0",
        "clock-period = -5",
        "clock-period = nan",
        "clock-period = inf",
        "clock-uncertainty = 27",
        "clock-uncertainty = \"27\"",
        "clock-uncertainty = \"100%\"",
        "clock-uncertainty = \"-1%\"",
        "clock-uncertainty = \"nan%\"",
        "launcher = \"srun\"",
        "launcher = [\"srun\", 4]",
        "launcher = [\"\"]",
        "tool-timeout = \"4 h\"",
        "tool-timeout = 0",
        "tool-timeout = inf",
        "rows = 2",
        "backend = \"verilog\"\nrows = 2",
        "backend = \"verilog\"\nrows = 0",
        "backend = \"verilog\"\naxi-stream = \"yes\"",
        "backend = \"verilog\"\npipeline = \"function\"",
        "backend = \"vivado\"\nclock-enable = true",
        "limits = 200",
        "limits = { latency = 200 }",
        "limits = { latency-cycles = -1 }",
        "limits = { lut = \"400k\" }",
        "limits = { dsp = 1.5 }",
        "layers = { conv1 = { reuse-factor = 2 } }",
        "layers = { conv1 = 3 }",
        "weights-precision = 8",
        "weights-precision = \"float16\"",
        "layers = { q_dense = { result-precision = \"fixed<0,0>\" } }",
        "layers = { nowhere = { weights-precision = \"fixed<8,2>\" } }",
    ] {
        let key = line.split(' ').next().unwrap();
        let others: String = model.lines().filter(|other| !other.starts_with(key)).map(|other| format!("{other}\n")).collect();
        firmware.manifest(&format!("{others}{line}\n"));
        all.failure(line, &firmware, &["check"]);
    }
    insta::assert_snapshot!(all.0);
}

#[test]
fn tables_that_are_wrong() {
    let mut all = Catalogue::default();
    let firmware = Firmware::of("dense-only");
    let model = net("dense-only");
    let long = "x".repeat(65);
    let mut case = |title: &str, metadata: &str| {
        firmware.manifest(metadata);
        all.failure(title, &firmware, &["check"]);
    };
    case("no metadata at all", "");
    case("no models", "[package.metadata.sparsehls]\nbackend = \"vitis\"\n");
    case("metadata is no table", "[package.metadata]\nsparsehls = true\n");
    case("models is no table", "[package.metadata.sparsehls]\nmodels = [\"models/net.keras\"]\n");
    case("a model is no table", "[package.metadata.sparsehls.models]\nnet = \"models/net.keras\"\n");
    case("a model without source", "[package.metadata.sparsehls.models.net]\n");
    case("an unknown key of the package", &format!("[package.metadata.sparsehls]\nmodel = 1\n{model}"));
    case("a default of the package is wrong", &format!("[package.metadata.sparsehls]\nclock-period = 1e9\n{model}"));
    case("an unknown key of the workspace", &format!("[workspace.metadata.sparsehls]\nclock = 5\n{model}"));
    case("a default of the workspace is wrong", &format!("[workspace.metadata.sparsehls]\npart = 5\n{model}"));
    for name in ["class", "match", "Net", "2nd", "a-b", "a__b", "\"../../escape\"", "\"\"", "\"ü\"", "std", &long] {
        case(&format!("a model called {name}"), &model.replace("models.net]", &format!("models.{name}]")));
    }
    case("Cargo.toml cannot be read", "[package.metadata\n");
    insta::assert_snapshot!(all.0);
}

#[test]
fn choices_that_do_not_exist() {
    let mut all = Catalogue::default();
    let model = net("dense-only");
    let firmware = Firmware::of("dense-only");
    all.failure("no such package", &firmware, &["check", "-p", "firmwear"]);
    all.failure("no such model", &firmware, &["build", "--model", "nett"]);
    all.failure("no such manifest", &firmware, &["check", "--manifest-path", "nowhere/Cargo.toml"]);
    all.failure("a manifest that is a folder", &firmware, &["check", "--manifest-path", "models"]);
    firmware.manifest(&format!("{model}{}", model.replace("models.net]", "models.other]")));
    let predict = ["predict", "--input", "x.npy", "--output", "y.npy"];
    all.failure("predict with two models", &firmware, &predict);
    let nowhere = tempfile::tempdir().unwrap();
    all.failure_of("no package here", &firmware, &|| {
        let mut command = firmware.command(&["check"]);
        command.current_dir(nowhere.path());
        command
    });
    all.0 = all.0.replace(&*nowhere.path().to_string_lossy(), "[NOWHERE]");
    insta::assert_snapshot!(all.0);
}
