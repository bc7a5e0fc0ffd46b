//! Kinds of crates: programs, static libraries for C, crates without std, and many of them in one program.

use std::{
    fs,
    io::{Cursor, Read, Write},
    process::Command,
};

use sparsehls_build::{formats::FixedNetwork, manifest, reference::Reference};

use crate::support::{Firmware, INCLUDE, finish, repository, slow};

#[test]
fn a_program_without_a_library() {
    if !slow() {
        return;
    }
    let firmware = Firmware::new("only-bin", &[("net", "dense-only")]);
    fs::remove_file(firmware.folder.join("src/lib.rs")).unwrap();
    firmware
        .write("src/main.rs", format!("{INCLUDE}fn main() {{ println!(\"{{}}\", net::predict(&[0.0; net::INPUTS]).len()); }}\n"));
    // A second program that includes the bindings by itself.
    firmware.write("src/bin/second.rs", format!("{INCLUDE}fn main() {{ net::predict_raw(&[0; net::INPUTS]); }}\n"));
    let run = firmware.cargo(&["run", "--quiet", "--bin", "only-bin"]).ok();
    assert!(run.stdout.trim().parse::<usize>().unwrap() > 0);
    firmware.cargo(&["run", "--quiet", "--bin", "second"]).ok();
}

#[test]
fn a_static_library_for_c_needs_no_cpp_library() {
    if !slow() {
        return;
    }
    let firmware = Firmware::new("static-fw", &[("net", "dense-only")]);
    let manifest = fs::read_to_string(firmware.folder.join("Cargo.toml")).unwrap();
    firmware.write(
        "Cargo.toml",
        manifest.replace("[workspace]", "[lib]\ncrate-type = [\"staticlib\", \"cdylib\", \"rlib\"]\n\n[workspace]"),
    );
    firmware.write(
        "src/lib.rs",
        format!(
            "{INCLUDE}\n/// For C.\n#[unsafe(no_mangle)]\npub extern \"C\" fn outputs_of_zero() -> u64 {{\n    \
             net::predict_raw(&[0; net::INPUTS]).len() as u64\n}}\n"
        ),
    );
    let build = firmware.cargo(&["rustc", "--quiet", "--crate-type", "staticlib", "--", "--print", "native-static-libs"]).ok();
    assert!(!build.stderr.contains("stdc++"), "{build:?}");
    firmware.cargo(&["build", "--quiet"]).ok();
    firmware
        .write("main.c", "extern unsigned long long outputs_of_zero(void);\nint main(void) { return outputs_of_zero() == 0; }\n");
    let program = firmware.outside().join("program");
    let mut compile = Command::new("cc");
    compile.arg(firmware.folder.join("main.c")).arg(firmware.target.join("debug/libstatic_fw.a"));
    compile.args(["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc", "-o"]).arg(&program);
    finish(compile).ok();
    finish(Command::new(program)).ok();
}

#[test]
fn a_crate_without_std() {
    if !slow() {
        return;
    }
    let firmware = Firmware::new("no-std-fw", &[("net", "dense-only")]);
    firmware.write(
        "build.rs",
        "fn main() -> sparsehls_build::Result { sparsehls_build::Build::from_manifest()?.no_std(true).compile() }\n",
    );
    firmware.write("src/lib.rs", "#![no_std]\ninclude!(concat!(env!(\"OUT_DIR\"), \"/sparsehls.rs\"));\n");
    firmware.cargo(&["check", "--quiet"]).ok();
}

/// Two packages with two models each, of the same names, with the same layers, types and sizes, and other thresholds:
/// the linker must not take one's for the other's.
#[test]
fn models_of_the_same_name_in_one_program_stay_apart() {
    if !slow() {
        return;
    }
    let firmware = Firmware::new("apart", &[]);
    fs::remove_dir_all(&firmware.folder).unwrap();
    let mut expected = Vec::new();
    for (at, package) in ["fw-a", "fw-b"].into_iter().enumerate() {
        let member = firmware.member(package);
        let mut metadata = String::new();
        for (model, threshold) in [("net", at as f64), ("other", at as f64 + 2.0)] {
            let keras = with_threshold("whole-net-023", threshold);
            firmware.write(&format!("{package}/models/{model}.keras"), &keras);
            let table = format!("[package.metadata.sparsehls.models.{model}]\n");
            metadata += &format!("{table}source = \"models/{model}.keras\"\ninput = \"ufixed<6,3>\"\n");
            expected.push(format!("{:?}", reference(&keras, &event())));
        }
        firmware.write(&format!("{package}/Cargo.toml"), format!("{member}\n{metadata}"));
    }
    firmware.write(
        "Cargo.toml",
        "[package]\nname = \"apart\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\nmembers = [\"fw-*\"]\n\n\
         [dependencies]\nfw-a.path = \"fw-a\"\nfw-b.path = \"fw-b\"\n",
    );
    firmware.write(
        "src/main.rs",
        format!(
            "fn main() {{\n    let event: [i64; fw_a::net::INPUTS] = {:?};\n    for output in [fw_a::net::predict_raw(&event), \
             fw_a::other::predict_raw(&event), fw_b::net::predict_raw(&event), fw_b::other::predict_raw(&event)] {{\n        \
             println!(\"{{output:?}}\");\n    }}\n}}\n",
            event()
        ),
    );
    let run = firmware.cargo(&["run", "--quiet"]).ok();
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), expected);
    expected.sort();
    expected.dedup();
    assert_eq!(expected.len(), 4, "the models compute different things: {expected:?}");
    firmware.cargo(&["clean", "--quiet", "-p", "fw-a", "-p", "fw-b"]).ok();
}

fn event() -> Vec<i64> {
    (0..9 * 8 * 2).map(|at| (at * 37 + 11) % 64).collect()
}

/// A fixture with another threshold of its input reduction.
fn with_threshold(fixture: &str, threshold: f64) -> Vec<u8> {
    let path = repository().join(format!("build-support/tests/fixtures/{fixture}.keras"));
    let mut archive = zip::ZipArchive::new(fs::File::open(path).unwrap()).unwrap();
    let mut changed = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for at in 0..archive.len() {
        let mut member = archive.by_index(at).unwrap();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        if member.name() == "config.json" {
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.contains("\"threshold\": 0.25"));
            bytes = text.replace("\"threshold\": 0.25", &format!("\"threshold\": {threshold}")).into_bytes();
        }
        changed.start_file(member.name(), zip::write::SimpleFileOptions::default()).unwrap();
        changed.write_all(&bytes).unwrap();
    }
    changed.finish().unwrap().into_inner()
}

/// What the reference makes of an event.
fn reference(keras: &[u8], event: &[i64]) -> Vec<i64> {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("net.keras"), keras).unwrap();
    let package = manifest::Package {
        name: "fw".into(),
        manifest: "Cargo.toml".into(),
        directory: directory.path().to_owned(),
        metadata: Some(serde_json::json!({ "models": { "net": { "source": "net.keras", "input": "ufixed<6,3>" } } })),
        workspace_metadata: None,
        workspace_manifest: "Cargo.toml".into(),
        target_directory: "target".into(),
    };
    let model = manifest::models(&package).unwrap().remove(0);
    Reference::new(&FixedNetwork::read(&model).unwrap()).run(event)
}
