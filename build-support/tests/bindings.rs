//! The bindings bring floats to the input grid as everything else does.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{fmt::Write as _, process::Command};

use sparsehls_build::{
    backend::{self, Bindings, hls::library::texts},
    fixed::{Format, Overflow, QuantizerFormat, Rounding},
    formats::{FixedNetwork, Rest},
    keras::KerasModel,
    manifest::Model,
    network::{Layer, Network, Op, Origin, Quantizer, Shape},
};

const VALUES: usize = 6;

/// A network that only quantizes, with the input grid that follows from that.
fn network(format: QuantizerFormat, rounding: Rounding, overflow: Overflow, input: Option<Format>) -> (Model, FixedNetwork) {
    let shape = vec![VALUES];
    let layer = Layer {
        name: "q".into(),
        keras_name: "q".into(),
        keras_class: "Quantizer".into(),
        id: "q".into(),
        shape: Shape::Dense(shape.clone()),
        origin: Origin::Model,
        op: Op::Quantize(Quantizer::uniform(format, rounding, overflow, 1)),
    };
    let mut model = common::model("net.keras".as_ref(), Format { signed: true, width: 8, fraction: 2 });
    model.input = input;
    let network = Network { input_shape: shape, layers: vec![layer], tolerance: 0.0 };
    let fixed = FixedNetwork::infer(network, &model).unwrap();
    (model, fixed)
}

/// Networks with input grids of every kind.
fn models() -> Vec<(Model, FixedNetwork)> {
    let mut models = Vec::new();
    for (at, (rounding, ..)) in Rounding::ALL.into_iter().enumerate() {
        for (overflow, name) in [(Overflow::Wrap, "wrap"), (Overflow::Saturate, "sat"), (Overflow::SaturateSymmetric, "sym")] {
            for signed in [0, 1] {
                let (mut model, network) = network(QuantizerFormat::live(signed, 2, 3), rounding, overflow, None);
                model.name = format!("m{at}_{name}_{signed}");
                models.push((model, network));
            }
        }
    }
    let given = Format { signed: true, width: 7, fraction: 2 };
    let (mut model, fixed) = network(QuantizerFormat::live(1, 2, 3), Rounding::HalfEven, Overflow::Wrap, Some(given));
    model.name = "given".into();
    models.push((model, fixed));
    // Saved networks whose first quantizer has a format for each element.
    let mut by_element = 0;
    for (name, source, _) in common::cases().into_iter().filter(|(_, _, case)| !case.refused) {
        let mut model = common::model(&source, given);
        model.input = None;
        let fixed =
            Network::new(&KerasModel::read(&source).unwrap(), &model).and_then(|network| FixedNetwork::infer(network, &model));
        let Ok(fixed) = fixed else { continue };
        let Rest::OddOrQuantized { quantizer, .. } = &fixed.input.rest else { continue };
        by_element += usize::from(!quantizer.is_uniform());
        model.name = format!("fixture_{}", name.replace('-', "_"));
        models.push((model, fixed));
    }
    assert!(by_element > 2, "{by_element} fixtures wrap by element");
    models
}

/// Floats of every kind.
fn values() -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(11);
    (0..600 * VALUES)
        .map(|_| match random.u8(..6) {
            // The last number before a power of two, which Keras may round as that; and what is subnormal.
            4 => f32::from_bits(random.u32(115..135) << 23 | 0x7f_ffff | random.u32(..2) << 31),
            5 => f32::from_bits(random.u32(..1 << 23) | random.u32(..2) << 31),
            0 => random.i32(-200..200) as f32 / 16.0,
            1 => f32::from_bits(random.u32(..)),
            2 => (random.i32(-200..200) as f32 / 16.0) * (1.0 + f32::EPSILON),
            _ => (random.f32() - 0.5) * 40.0,
        })
        .collect()
}

/// What was found for each model in turn must be what its network's grid says.
fn compare(models: &[(Model, FixedNetwork)], values: &[f32], found: &[i64]) {
    assert_eq!(found.len(), models.len() * values.len());
    let wide: Vec<f64> = values.iter().map(|x| f64::from(*x)).collect();
    for ((model, network), found) in models.iter().zip(found.chunks(values.len())) {
        let (wanted, _) = network.input.mantissas(&wide);
        let wanted = wanted.values();
        let first = (0..values.len()).find(|&at| found[at] != wanted[at]);
        assert_eq!(first.map(|at| (values[at], found[at], wanted[at])), None, "{}: {}", model.name, network.input.format);
    }
}

fn numbers(program: &std::path::Path) -> Vec<i64> {
    let run = Command::new(program).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).unwrap().lines().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn floats_become_the_same_mantissas_in_the_bindings() {
    let (models, values) = (models(), values());
    let modules: Vec<_> = models.iter().map(|(model, network)| (model, network, None)).collect();
    let options = Bindings { left_out: Some("it is not needed here".into()), no_std: false };
    let mut program = backend::bindings(&modules, &options).unwrap();
    let bits: Vec<_> = values.iter().map(|x| x.to_bits().to_string()).collect();
    let _ = writeln!(program, "static VALUES: [u32; {}] = [{}];\nfn main() {{", bits.len(), bits.join(", "));
    for (model, network) in &models {
        let (name, size) = (&model.name, network.input_len());
        let _ = writeln!(
            program,
            "for (at, x) in VALUES.iter().enumerate() {{ println!(\"{{}}\", {name}::to_mantissa_at(at % {size}, f32::from_bits(*x))); }}"
        );
    }
    program += "}\n";
    let folder = tempfile::tempdir().unwrap();
    let (source, binary) = (folder.path().join("main.rs"), folder.path().join("main"));
    std::fs::write(&source, program).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let compiled =
        Command::new(rustc).args(["--edition", "2024", "-D", "warnings", "-o"]).args([&binary, &source]).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    compare(&models, &values, &numbers(&binary));
}

/// The library of each model in a file of its own, all in one program: with every compiler that is there, and without a warning.
#[test]
fn floats_become_the_same_mantissas_in_the_libraries() {
    let (mut models, values) = (models(), values());
    // Between two signs and three overflows every rounding stays.
    let keep =
        |at: usize| std::env::var_os("SPARSEHLS_ALL").is_some() || at > 41 || at.is_multiple_of(2) == (at / 6).is_multiple_of(2);
    models = models.into_iter().enumerate().filter(|(at, _)| keep(*at)).map(|(_, model)| model).collect();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let bits: Vec<_> = values.iter().map(|x| format!("{}u", x.to_bits())).collect();
    let (mut includes, mut calls, mut sources) = (String::new(), String::new(), vec!["main.c".to_owned()]);
    for (model, network) in &models {
        let name = &model.name;
        let [(header, declared), (_, source), _] = texts(model, network).unwrap();
        write(&header, &declared);
        write(&format!("{name}.cpp"), &format!("#define SPARSEHLS_SYMBOL stub\n{source}"));
        sources.push(format!("{name}.cpp"));
        let _ = writeln!(includes, "#include \"{header}\"");
        // Whole events; the last one is padded.
        let events = values.len().div_ceil(network.input_len().get());
        let _ = writeln!(calls, "    print({name}_to_mantissas(x, m, {events}));");
    }
    let most = values.len() + 4096;
    assert!(models.iter().all(|(_, network)| network.input_len().get() < 4096));
    let count = values.len();
    let bits = bits.join(", ");
    write(
        "main.c",
        &format!(
            "#include <inttypes.h>\n#include <stdio.h>\n#include <string.h>\n{includes}\n\
        int stub(const long long* input, long long* output, unsigned long long events);\n\
        int stub(const long long* input, long long* output, unsigned long long events) {{ *output = *input + (long long)events; return 0; }}\n\
        static const uint32_t bits[] = {{{bits}}};\nstatic float x[{most}];\nstatic int64_t m[{most}];\n\
        static void print(int32_t status) {{\n    size_t i;\n    for (i = 0; i < {count}; ++i) printf(\"%\" PRId64 \"\\n\", status == SPARSEHLS_OK ? m[i] : 0);\n}}\n\
        int main(void) {{\n    memcpy(x, bits, sizeof bits);\n{calls}    return 0;\n}}\n"
        ),
    );
    let warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror", "-O1"];
    for (c, cpp) in [("gcc", "g++"), ("clang", "clang++")] {
        if Command::new(cpp).arg("--version").output().is_err() {
            common::skip::skipped(&format!("{cpp} is not installed"));
            continue;
        }
        let compile = |compiler: &str, standard: &str, sources: &[String]| {
            let mut command = Command::new(compiler);
            command.args(warnings).args([standard, "-c"]).args(sources).current_dir(folder.path());
            let said = command.output().unwrap();
            assert!(said.status.success() && said.stderr.is_empty(), "{compiler}: {}", String::from_utf8_lossy(&said.stderr));
        };
        compile(c, "-std=c99", &sources[..1]);
        compile(cpp, "-std=c++11", &sources[1..]);
        let objects = sources.iter().map(|source| format!("{}.o", source.split_once('.').unwrap().0));
        let linked =
            Command::new(cpp).args(objects).args(["-pthread", "-o", "main"]).current_dir(folder.path()).output().unwrap();
        assert!(linked.status.success(), "{}", String::from_utf8_lossy(&linked.stderr));
        compare(&models, &values, &numbers(&folder.path().join("main")));
    }
}
