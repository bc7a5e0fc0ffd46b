//! What a build script may say beside the manifest.

use crate::support::{Firmware, SOURCES, slow};

fn script(chain: &str) -> String {
    format!(
        "use sparsehls_build::{{Build, Result, Synth}};\n\nfn main() -> Result {{\n    let _ = Synth::Skip;\n    \
         Build::from_manifest()?{chain}.compile()\n}}\n"
    )
}

#[test]
fn a_build_script_adds_models_and_chooses_among_them() {
    if !slow() {
        return;
    }
    let _same = SOURCES.read();
    let firmware = Firmware::new("builder", &[]);
    firmware.add("net", "dense-only");
    firmware
        .write("src/main.rs", "fn main() { println!(\"{} {}\", builder::net::OUTPUTS, builder::net::INPUT_FORMAT.width); }\n");
    let models = ".model(\"net\", \"models/net.keras\").golden(\"net\", \"models/net.npz\").input(\"net\", \"ufixed<9,6>\")";
    firmware.write("build.rs", script(&format!("{models}.flag(\"-O1\").csim(true).synth(Synth::Auto)")));
    let run = firmware.cargo(&["run"]).ok();
    assert!(run.stdout.trim().ends_with(" 9"), "{run:?}");
    assert!(run.stderr.contains("synthesis of net is skipped"), "{run:?}");

    // What it names is watched, like what the manifest names.
    firmware.add("net", "dense-only");
    assert!(firmware.cargo(&["build", "-v"]).ok().ran_script());
    assert!(!firmware.cargo(&["build", "-v"]).ok().ran_script());

    // What is wrong is said where it was said.
    for (chain, code) in [
        ("", "no-models"),
        (".golden(\"net\", \"x.npz\")", "missing-key"),
        (".model(\"net\", \"none.keras\")", "file-not-found"),
        (".model(\"Net\", \"models/net.keras\")", "invalid-value"),
        (".model(\"net\", \"models/net.keras\").input(\"net\", \"float\")", "invalid-value"),
        (".model(\"net\", \"models/net.keras\").only([\"other\"])", "model-not-declared"),
        (".model(\"net\", \"models/net.keras\").synth(Synth::Require)", "tool-missing"),
    ] {
        firmware.write("build.rs", script(chain));
        let run = firmware.cargo(&["check"]);
        assert!(!run.success && run.stderr.contains(&format!("code: {code}")), "{chain}: {run:?}");
        assert!(!run.stderr.contains("panicked"), "{run:?}");
    }

    firmware.write("build.rs", script(&format!("{models}.model(\"other\", \"models/none.keras\").only([\"net\"]).csim(false)")));
    firmware.write("src/main.rs", "fn main() { println!(\"{:?}\", builder::net::simulated()); }\n");
    let run = firmware.cargo(&["run", "--quiet"]).ok();
    assert!(run.stdout.contains("the build script asked for that"), "{run:?}");
}
