//! The C++ of a network, compiled and run without the tool: with other flags, and from text that has been changed.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use fastrand::Rng;
use sparsehls_build::{
    Mantissas, check,
    formats::FixedNetwork,
    manifest::{HlsTool, Language, Model},
};

use super::draw;

/// A network drawn by this seed, with knobs, for one tool or the other; none if it cannot be built.
pub fn network(seed: u64) -> Option<(FixedNetwork, Model)> {
    let (network, input) = draw::network(&mut Rng::with_seed(seed));
    let mut model = super::model("random.keras".as_ref(), input);
    model.target.language = Language::Hls(if seed.is_multiple_of(2) { HlsTool::Vitis } else { HlsTool::Vivado });
    let network = FixedNetwork::infer(network, &model).ok()?;
    super::draw_knobs(&mut model, &network, seed);
    Some((network, model))
}

/// A written project of HLS.
pub struct Program<'a> {
    pub folder: tempfile::TempDir,
    network: &'a FixedNetwork,
    standard: &'static str,
}

impl<'a> Program<'a> {
    pub fn new(network: &'a FixedNetwork, model: &Model) -> Result<Self, String> {
        let folder = tempfile::tempdir().unwrap();
        let project = super::project("program", model, network, &check::made_up(network, 1));
        project.and_then(|project| project.write(folder.path())).map_err(|error| error.to_string())?;
        let standard = match model.target.language {
            Language::Hls(HlsTool::Vivado) => "-std=c++11",
            _ => "-std=c++14",
        };
        Ok(Self { folder, network, standard })
    }

    /// The program, called `name`.
    pub fn compile(&self, name: &str, flags: &[&str]) -> Result<PathBuf, String> {
        let program = self.folder.path().join(name);
        let output = Command::new("c++")
            .args([self.standard, "-w", "-Icsim/ap_types", "-I.", "fixture_bridge.cpp", "csim/main.cpp", "-o"])
            .arg(&program)
            .args(flags)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let errors = || String::from_utf8_lossy(&output.stderr).chars().take(2000).collect();
        if output.status.success() { Ok(program) } else { Err(errors()) }
    }

    /// Runs it, for a limited time.
    pub fn run(&self, program: &Path, inputs: &Mantissas) -> Result<Mantissas, String> {
        let mut command = Command::new("timeout");
        command.arg("120").arg(program).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let bytes = inputs.format().width.div_ceil(8).next_power_of_two() as usize;
        let mut events = (inputs.events() as u64).to_ne_bytes().to_vec();
        events.extend(inputs.values().iter().flat_map(|value| value.to_le_bytes()[..bytes].to_vec()));
        // It answers when it has read all of it.
        let mut stdin = child.stdin.take().unwrap();
        let written = stdin.write_all(&events);
        drop(stdin);
        let mut outputs = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut outputs).unwrap();
        let mut said = String::new();
        let _ = child.stderr.take().unwrap().read_to_string(&mut said);
        let status = child.wait().unwrap();
        let outputs: Vec<i64> = outputs.as_chunks().0.iter().map(|bytes| i64::from_ne_bytes(*bytes)).collect();
        if written.is_err() || !status.success() || outputs.len() != inputs.events() * self.network.output_len().get() {
            return Err(format!("the program ends with {status}: {}", said.chars().take(2000).collect::<String>()));
        }
        Ok(self.network.outputs(outputs))
    }
}
