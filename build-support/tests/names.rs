//! Whatever a model or a layer is called: `check` refuses the name of a model with one that it takes, or everything that is
//! made of it builds.
//!
//! Candidates are the keywords of all languages that names reach, every identifier of generated projects and of the C
//! library, and a few hundred ordinary words (`common/names.rs`). A sample is built; SPARSEHLS_ALL=names builds all.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use common::names::{C_HEADERS, accepted, candidates, generated, include, sample};
use serde_json::json;
use sparsehls_build::{
    Code,
    backend::{self, Bindings, hls},
    check, data,
    formats::FixedNetwork,
    keras::{KerasLayer, KerasModel, TensorRef},
    manifest::Model,
    network::Network,
};

const FLAGS: [&str; 8] =
    ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-unknown-pragmas", "-Icsim/ap_types", "-I.", "-fsyntax-only"];
const STANDARDS: [&str; 2] = ["-std=c++11", "-std=c++14"];

fn is_installed(tool: &str) -> bool {
    let there = Command::new(tool).arg("--version").output().is_ok();
    if !there {
        common::skip::skipped(&format!("{tool} is not installed"));
    }
    there
}

/// A small network and a manifest entry for it.
fn fixture(name: &str) -> (Model, FixedNetwork) {
    let source = common::fixtures().into_iter().find(|path| path.file_stem().unwrap() == name).unwrap();
    let x = data::read_golden(&source.with_extension("npz")).unwrap().x;
    common::load(&source, &x).unwrap()
}

/// What `check` says of each of `work`, on all cores.
fn in_parallel<T: Sync>(work: &[T], check: impl Fn(usize, &T) -> Option<String> + Sync) {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = work.get(at) else { break };
                    failures.lock().unwrap().extend(check(at, item));
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), work.len(), failures.join("\n\n"));
}

/// What a command prints, if it does not end well or says anything.
fn said(command: &mut Command) -> Option<String> {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let first: Vec<_> = text.lines().take(8).collect();
    (!output.status.success() || !text.is_empty()).then(|| format!("{}\n{}", output.status, first.join("\n")))
}

/// The compilers of this machine, each with each standard.
fn compilers() -> Vec<(&'static str, &'static str)> {
    let found = ["g++", "clang++"].into_iter().filter(|tool| is_installed(tool));
    found.flat_map(|compiler| STANDARDS.map(|standard| (compiler, standard))).collect()
}

/// What a compiler says about `sources` in `folder`, if it says anything.
fn compile((compiler, standard): (&str, &str), folder: &Path, sources: &[&str]) -> Option<String> {
    said(Command::new(compiler).arg(standard).args(FLAGS).args(sources).current_dir(folder))
        .map(|text| format!("{compiler} {standard}: {text}"))
}

fn model_names() -> Vec<String> {
    candidates().into_iter().filter(|name| accepted(name).is_ok()).collect()
}

#[test]
fn a_name_is_refused_with_one_that_is_not() {
    let mut refused = 0;
    for name in candidates() {
        let Err(error) = accepted(&name) else { continue };
        refused += 1;
        assert_eq!((error.code(), error.key_path().is_some()), (Code::InvalidValue, true), "{name}");
        let suggestion = error.help_text().unwrap().rsplit('`').nth(1).unwrap().to_owned();
        accepted(&suggestion).unwrap_or_else(|error| panic!("{name}: `{suggestion}` is suggested: {error}"));
    }
    assert!(refused > 500, "{refused}");
    for name in ["input", "output", "event", "events", "input_t", "output_t", "ap_int", "ap_uint", "ap_fixed", "ap_ufixed"] {
        // `events` works: nothing but a local variable of the bridge was ever called so.
        assert_eq!(accepted(name).is_ok(), name == "events", "{name}");
    }
    for name in ["digits", "tracks", "net", "model", "jet_tagger", "cnn_v2", "top", "test", "sum", "hits", "l1_trigger"] {
        accepted(name).unwrap();
    }
}

#[test]
fn a_function_of_every_accepted_name_gets_along_with_the_c_library() {
    // The vendor's headers include most of it.
    let mut text =
        include(&C_HEADERS) + "#include \"ap_fixed.h\"\ntypedef ap_fixed<8, 3> input_t;\ntypedef ap_ufixed<9, 3> output_t;\n";
    for name in model_names() {
        let _ = writeln!(text, "void {name}(const input_t input[4], output_t output[2]);");
        let _ = writeln!(text, "void {name}(const input_t input[4], output_t output[2]) {{ output[0] = input[1]; }}");
        let _ = writeln!(text, "void CALL_{name}(const input_t *in, output_t *out) {{ ::{name}(in, out); }}");
    }
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("all.cpp"), text).unwrap();
    let headers = format!("-I{}/../hls_lib/ap_types", env!("CARGO_MANIFEST_DIR"));
    in_parallel(&compilers(), |_, compiler| compile(*compiler, directory.path(), &[&headers, "all.cpp"]));
}

#[test]
fn a_model_of_every_accepted_name_compiles() {
    let source = common::fixtures().into_iter().find(|path| path.file_stem().unwrap() == "dense-only").unwrap();
    let keras = KerasModel::read(&source).unwrap();
    let (model, network) = fixture("dense-only");
    let inputs = check::made_up(&network, 1);
    let directory = tempfile::tempdir().unwrap();
    // What the generated code says itself is what a name can collide with.
    let near = generated();
    let (own, other): (Vec<_>, Vec<_>) = model_names().into_iter().partition(|name| near.contains(name));
    // Local variables of the functions that call the model.
    let local = ["bits", "complete", "different", "events", "expected", "i", "inputs", "mantissa", "open_data", "same", "total"];
    let local = local.map(str::to_owned).into_iter().filter(|name| near.contains(name)).collect();
    let names = [local, sample(own, 60), sample(other.into_iter().step_by(50), 10)].concat();
    let compilers = compilers();
    in_parallel(&names, |at, name| {
        let model = Model { name: name.clone(), ..model.clone() };
        let network = FixedNetwork::infer(Network::new(&keras, &model).unwrap(), &model).unwrap();
        let folder = directory.path().join(name);
        common::project("names", &model, &network, &inputs).unwrap().write(&folder).unwrap();
        let kernel = format!("{}#include \"firmware/{name}.cpp\"\n", include(&C_HEADERS));
        fs::write(folder.join("kernel.cpp"), kernel).unwrap();
        let [bridge, test] = ["_bridge.cpp", "_test.cpp"].map(|end| format!("{name}{end}"));
        let said = compile(compilers[at % compilers.len()], &folder, &["kernel.cpp", &bridge, &test]);
        fs::remove_dir_all(&folder).unwrap();
        said.map(|text| format!("model `{name}`: {text}"))
    });
}

#[test]
fn the_bindings_of_every_accepted_name_compile() {
    let (model, network) = fixture("dense-only");
    let models: Vec<_> = sample(model_names(), 10).into_iter().map(|name| Model { name, ..model.clone() }).collect();
    let of = |library, left_out| {
        let all: Vec<_> = models.iter().map(|model| (model, &network, library)).collect();
        backend::bindings(&all, &Bindings { left_out, no_std: false }).unwrap()
    };
    // The modules lie in the root of a crate, beside what people write there.
    let user = "
        use std::fmt::Debug;
        /// A user's function.
        pub fn user(x: &[f32], text: &str) -> Result<Vec<i64>, Box<dyn core::error::Error>> {
            let sum: f32 = x.iter().copied().sum::<f32>().max(f32::EPSILON);
            println!(\"{text:?} {}\", std::mem::size_of::<u8>() + usize::MAX % 3 + core::cmp::max(1, 2));
            drop(Some(char::from(b'a')).map(String::from));
            Ok(vec![i64::from(u32::MAX), sum as i64, bool::default() as i64])
        }
        /// A user's type.
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct User;
        fn debug<T: Debug>(x: T) -> String { format!(\"{x:?}\") }
        /// Uses them.
        pub fn all() -> String { debug(User) + &debug(user(&[1.0], \"\").is_ok()) }
    ";
    let directory = tempfile::tempdir().unwrap();
    for (library, left_out) in [(None, Some("why".to_owned())), (Some("library"), None)] {
        let source = directory.path().join("lib.rs");
        fs::write(&source, of(library, left_out) + user).unwrap();
        let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        rustc.args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "-Dwarnings", "lib.rs"]);
        assert_eq!(said(rustc.current_dir(directory.path())), None);
    }
}

/// A module as HLS writes one, and one that uses it.
fn verilog(name: &str) -> String {
    format!(
        "module {name} (ap_clk, ap_rst, ap_start, ap_done, input_r, output_0, output_0_ap_vld);\n\
         parameter ap_ST_fsm_state1 = 1'd1;\ninput ap_clk;\ninput ap_rst;\ninput ap_start;\noutput ap_done;\n\
         input [7:0] input_r;\noutput [7:0] output_0;\noutput output_0_ap_vld;\nreg [7:0] value;\n\
         always @ (posedge ap_clk) begin\nif (ap_rst == 1'b1) value <= 8'd0;\nelse if (ap_start) value <= input_r;\nend\n\
         assign output_0 = value;\nassign output_0_ap_vld = 1'b1;\nassign ap_done = ap_start;\nendmodule //{name}\n\
         module TOP_{name} (input clk, output [7:0] q);\nwire done, valid;\n\
         {name} {name}_inst (.ap_clk(clk), .ap_rst(1'b0), .ap_start(1'b1), .ap_done(done), .input_r(8'd3), .output_0(q), \
         .output_0_ap_vld(valid));\n{name} grp_{name}_fu_1 (clk, 1'b0, 1'b1, , 8'd4, , );\nendmodule\n"
    )
}

#[test]
fn a_verilog_module_of_every_accepted_name_compiles() {
    if !is_installed("iverilog") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let text: String = model_names().iter().map(|name| verilog(name)).collect();
    fs::write(directory.path().join("all.v"), text).unwrap();
    for generation in ["-g2005", "-g2012"] {
        let mut iverilog = Command::new("iverilog");
        iverilog.args([generation, "-tnull", "all.v"]).current_dir(directory.path());
        assert_eq!(said(&mut iverilog), None, "{generation}");
    }
}

/// An entity as HLS writes one, and one that uses it.
fn vhdl(name: &str) -> String {
    format!(
        "library IEEE;\nuse IEEE.std_logic_1164.all;\nuse IEEE.numeric_std.all;\n\
         entity {name} is\ngeneric (C_WIDTH : INTEGER := 8);\nport (\nap_clk : IN STD_LOGIC;\nap_rst : IN STD_LOGIC;\n\
         ap_done : OUT BOOLEAN;\ninput_r : IN STD_LOGIC_VECTOR (7 downto 0);\n\
         output_0 : OUT STD_LOGIC_VECTOR (7 downto 0) );\nend;\n\
         architecture behav of {name} is\nattribute CORE_GENERATION_INFO : STRING;\n\
         attribute CORE_GENERATION_INFO of behav : architecture is \"{name}_{name},hls_ip\";\n\
         constant ap_const_logic_1 : STD_LOGIC := '1';\nsignal value : UNSIGNED (7 downto 0) := (others => '0');\n\
         signal count : NATURAL := 0;\nsignal offset : SIGNED (7 downto 0);\nsignal one : BIT := '0';\nbegin\n\
         process (ap_clk)\nvariable at : INTEGER;\nbegin\nif rising_edge(ap_clk) then\n\
         if (ap_rst = ap_const_logic_1) then value <= to_unsigned(0, 8);\n\
         else value <= resize(unsigned(input_r), 8) + shift_left(value, 1); end if;\nat := to_integer(value);\n\
         count <= at after 1 ns;\nassert at >= 0 report \"x\" severity failure;\nend if;\nend process;\n\
         offset <= signed(std_logic_vector(value));\nap_done <= true when offset > 0 else false;\n\
         output_0 <= std_logic_vector(value);\nend behav;\n\
         library IEEE;\nuse IEEE.std_logic_1164.all;\nentity top_of_{name} is\nport (clk : in std_logic);\nend;\n\
         architecture rtl of top_of_{name} is\nsignal q : std_logic_vector(7 downto 0);\nsignal done : boolean;\nbegin\n\
         {name}_inst : entity work.{name} port map (clk, '0', done, q, open);\nend;\n"
    )
}

#[test]
fn a_vhdl_entity_of_every_accepted_name_compiles() {
    if !is_installed("ghdl") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let text: String = model_names().iter().map(|name| vhdl(name)).collect();
    fs::write(directory.path().join("all.vhd"), text).unwrap();
    assert_eq!(said(Command::new("ghdl").args(["-a", "--std=08", "-Wno-hide", "all.vhd"]).current_dir(directory.path())), None);
}

/// A chain of ReLUs of these names behind the input of a small network, as it would be read from a file.
fn chain(names: &[String]) -> (Model, FixedNetwork) {
    let source = common::fixtures().into_iter().find(|path| path.file_stem().unwrap() == "dense-only").unwrap();
    let x = data::read_golden(&source.with_extension("npz")).unwrap().x;
    let (model, _) = common::load(&source, &x).unwrap();
    let mut keras = KerasModel::read(&source).unwrap();
    for name in names {
        if keras.layers.iter().any(|layer| layer.name == *name) {
            continue;
        }
        keras.layers.push(KerasLayer {
            name: name.clone(),
            class: "Activation".into(),
            module: Some("keras.layers".into()),
            registered: None,
            config: json!({ "name": name, "trainable": true, "dtype": "float32", "activation": "relu" })
                .as_object()
                .unwrap()
                .clone(),
            inputs: keras.outputs.clone(),
            input_shape: json!(null),
            arguments: serde_json::Map::new(),
        });
        keras.outputs = vec![TensorRef { layer: name.clone(), index: 0 }];
    }
    let network = Network::new(&keras, &model).unwrap();
    (model.clone(), FixedNetwork::infer(network, &model).unwrap())
}

/// Every source of a project that has names of layers in it.
fn compile_layers(compiler: (&str, &str), folder: &Path, model: &Model, network: &FixedNetwork) -> Option<String> {
    common::project("names", model, network, &check::made_up(network, 1)).unwrap().write(folder).unwrap();
    let kernel = folder.join("kernel.cpp");
    fs::write(&kernel, format!("{}\n#include \"firmware/{}.cpp\"\n", include(&C_HEADERS), model.name)).unwrap();
    compile(compiler, folder, &["fixture_bridge.cpp", "fixture_test.cpp", "csim/trace.cpp", "kernel.cpp"])
}

#[test]
fn layers_of_every_name_compile() {
    let directory = tempfile::tempdir().unwrap();
    let names = sample(candidates(), 15);
    let compilers = compilers();
    // Every network has something on what the next one's names may be made into.
    let suffixed =
        ["a", "a_t", "a_hash", "a_hash_t", "a_config", "a_process", "fixture", "Fixture", "fixture_t"].map(str::to_owned);
    let chains: Vec<Vec<String>> = names.chunks(150).map(|chunk| [chunk, &suffixed[..]].concat()).collect();
    in_parallel(&chains, |at, names| {
        let (model, network) = chain(names);
        let longest = network.layers.iter().map(|fixed| fixed.layer.id.len()).max().unwrap();
        assert!(longest <= 64, "{longest}");
        compile_layers(compilers[at % compilers.len()], &directory.path().join(at.to_string()), &model, &network)
    });
    // Layers with tables, weights and hashes get the same identifiers; of these a sample is enough.
    let (_, network) = chain(&sample(candidates().into_iter().step_by(12), 50));
    let ids: Vec<String> = network.layers.into_iter().map(|fixed| fixed.layer.id).collect();
    for base in ["whole-net-032", "conv-position-iq", "avg-pool-3-partial", "qsoftmax-heterogeneous"] {
        let (model, network) = fixture(base);
        let networks: Vec<FixedNetwork> = ids
            .chunks(network.layers.len())
            .map(|ids| {
                let mut network = network.clone();
                network.layers.iter_mut().zip(ids).for_each(|(fixed, id)| fixed.layer.id.clone_from(id));
                network
            })
            .collect();
        in_parallel(&networks, |at, network| {
            compile_layers(compilers[at % compilers.len()], &directory.path().join(format!("{base}-{at}")), &model, network)
        });
    }
}

#[test]
fn names_stay_short_enough_for_a_file_system() {
    // The longest file is `csim/.../NAME-trace-HASH`, and a library `libsparsehls_PACKAGE_MODEL_HASH.a`.
    let longest = "m".repeat(64);
    accepted(&longest).unwrap();
    accepted(&format!("{longest}m")).unwrap_err();
    let mut symbol = String::new();
    write!(symbol, "lib{}_{:016x}.a", hls::symbol(&"p".repeat(200), &longest), u64::MAX).unwrap();
    assert!(symbol.len() < 200, "{symbol}");
}
