//! Designs with one number changed: what lowering might have got wrong. The circuit of the wrong design is run.
//!
//! Bits of words that only HLS declares are not here: the circuit finds its own, and `text` changes those of the C++.

use std::panic::catch_unwind;

use fastrand::Rng;
use sparsehls_build::{
    circuit::{core::Core, engine::Simulated},
    engine::Engine,
    fixed::{Format, Overflow, Rounding},
    lower::{Design, Work},
    network::{Coefficients, SparseShape},
    ops::{By, Condition, Elements, FormatChoice, IndexedTable, Kernel, Pool, QuantizeKernel, Quotient, Sums},
};

use super::{
    Table, Trial, all,
    circuit::{TIMING, design},
    first_seed, is_lively,
};

#[test]
fn designs_with_a_fault_are_caught() {
    let (networks, mutants, events) = if all() { (16, 10, 4_000) } else { (8, 7, 1_000) };
    let mut table = Table::default();
    // Other networks than the circuits have.
    let designs = (first_seed() + 1000..)
        .filter_map(|seed| Some((seed, design(seed)?)))
        .filter(|(_, (network, _))| is_lively(network))
        .take(networks);
    for (seed, (network, design)) in designs {
        let trial = Trial::new(&network, events);
        let right = Core::new(&design, &TIMING).unwrap();
        let mut random = Rng::with_seed(seed);
        for _ in 0..mutants {
            let (what, core) = mutant(&design, &right, &mut random);
            let run = |events: &_| {
                let said = |error: sparsehls_build::Error| error.to_string();
                let simulated = Simulated::new(&network, core.clone()?).map_err(said)?;
                simulated.start().map_err(said)?.run(events).map_err(said)
            };
            table.add("lowering", format!("seed {seed}: {what}"), trial.verdict(&run));
        }
    }
    table.settle(&["lowering"], networks * mutants);
}

/// A design with a fault, as a circuit, if one can be made of it. A number that no circuit depends on is none.
fn mutant(design: &Design, right: &Core, random: &mut Rng) -> (String, Result<Core, String>) {
    loop {
        let mut wrong = design.clone();
        let what = mutate(&mut wrong, random);
        let core = catch_unwind(|| Core::new(&wrong, &TIMING));
        let core = core.map_err(|_| "it panics".to_owned()).and_then(|core| core.map_err(|error| error.to_string()));
        if !core.as_ref().is_ok_and(|core| is_same(core, right)) {
            return (what, core);
        }
    }
}

/// Whether two circuits are the same, node by node.
fn is_same(one: &Core, other: &Core) -> bool {
    let nodes = |core: &Core| core.circuit.nets().map(|net| core.circuit.node(net).clone()).collect::<Vec<_>>();
    (one.words, one.interval, one.answer) == (other.words, other.interval, other.answer)
        && nodes(one) == nodes(other)
        && one.circuit.states() == other.circuit.states()
        && one.circuit.tables() == other.circuit.tables()
        && one.circuit.outputs() == other.circuit.outputs()
}

/// Changes a number of a layer that has some, and says which.
fn mutate(design: &mut Design, random: &mut Rng) -> String {
    let layers: Vec<usize> = (0..design.layers.len())
        .filter(|at| match &mut design.layers[*at].work {
            Work::Kernel(kernel) => !numbers(kernel).is_empty(),
            Work::Absorbed { .. } => false,
        })
        .collect();
    let layer = &mut design.layers[*random.choice(&layers).unwrap()];
    let Work::Kernel(kernel) = &mut layer.work else { unreachable!("only layers with a kernel were taken") };
    let mut numbers = numbers(kernel);
    let at = random.usize(..numbers.len());
    let (name, number) = &mut numbers[at];
    format!("{} of {}: {}", name, layer.kind, number.change(random))
}

/// A number of a design.
enum Number<'a> {
    Size(&'a mut usize),
    Bits(&'a mut u32),
    Long(&'a mut i64),
    Wide(&'a mut i128),
    Unsigned(&'a mut u128),
    Classes(&'a mut Vec<u16>),
    Constants(&'a mut Vec<i64>),
    Format(&'a mut Format),
    Rounding(&'a mut Rounding),
    Overflow(&'a mut Overflow),
    Flag(&'a mut bool),
}

impl Number<'_> {
    fn change(&mut self, random: &mut Rng) -> String {
        let up = random.bool();
        let step = if up { 1 } else { -1 };
        match self {
            Self::Size(size) => {
                **size = if up { **size + 1 } else { size.saturating_sub(1).max(1) };
                format!("{size}")
            }
            Self::Bits(bits) => {
                **bits = if up || **bits == 0 { **bits + 1 } else { **bits - 1 };
                format!("{bits}")
            }
            Self::Long(number) => {
                **number += step;
                format!("{number}")
            }
            Self::Wide(number) => {
                **number += i128::from(step);
                format!("{number}")
            }
            Self::Unsigned(number) => {
                **number = if up { **number + 1 } else { number.saturating_sub(1) };
                format!("{number}")
            }
            Self::Classes(classes) => {
                let (at, most) = (random.usize(..classes.len()), classes.iter().max().copied().unwrap_or(0));
                classes[at] = if classes[at] == 0 { most.max(1) } else { classes[at] - 1 };
                format!("entry {at} is {}", classes[at])
            }
            Self::Constants(constants) => {
                let at = random.usize(..constants.len());
                constants[at] += step;
                format!("entry {at} is {}", constants[at])
            }
            Self::Format(format) => {
                match random.u8(..3) {
                    0 => format.signed = !format.signed,
                    1 => format.width = if up { format.width + 1 } else { format.width.saturating_sub(1).max(1) },
                    _ => format.fraction += step as i32,
                }
                format!("{format}")
            }
            Self::Rounding(rounding) => {
                let others = Rounding::ALL.iter().map(|(other, _)| *other).filter(|other| *other != **rounding);
                **rounding = *random.choice(&others.collect::<Vec<_>>()).unwrap();
                format!("{rounding:?}")
            }
            Self::Overflow(overflow) => {
                let others = [Overflow::Wrap, Overflow::Saturate, Overflow::SaturateSymmetric];
                **overflow = *random.choice(others.iter().filter(|other| **other != **overflow).collect::<Vec<_>>()).unwrap();
                format!("{overflow:?}")
            }
            Self::Flag(flag) => {
                **flag = !**flag;
                format!("{flag}")
            }
        }
    }
}

type Numbers<'a> = Vec<(&'static str, Number<'a>)>;

fn numbers(kernel: &mut Kernel) -> Numbers<'_> {
    let mut all = Numbers::new();
    match kernel {
        Kernel::InputReduce(reduce) => {
            shape(&mut reduce.shape, &mut all);
            if let Condition::Above { least: Some(least), .. } = &mut reduce.active {
                all.push(("least", Number::Wide(least)));
            }
        }
        Kernel::SparseQuantize(quantize) => {
            all.push(("pixels per cycle", Number::Size(&mut quantize.pixels_per_cycle)));
            quantizer(&mut quantize.quantizer, &mut all);
        }
        Kernel::DenseQuantize(quantize) => quantizer(quantize, &mut all),
        Kernel::Conv2d(conv) => {
            shape(&mut conv.shape, &mut all);
            constants("weights", &mut conv.weights, &mut all);
            all.push(("kernel height", Number::Size(&mut conv.kernel[0])));
            all.push(("is ordered", Number::Flag(&mut conv.is_ordered)));
            all.push(("accumulator", Number::Format(&mut conv.accumulator)));
        }
        Kernel::SparseBias(bias) => {
            constants("biases", &mut bias.biases, &mut all);
            all.push(("shift", Number::Bits(&mut bias.shift)));
        }
        Kernel::Pooling2d(pooling) => {
            shape(&mut pooling.shape, &mut all);
            let ([rows, columns], [height, width]) = (&mut pooling.window, &mut pooling.cells);
            let sizes =
                [("window height", rows), ("window width", columns), ("rows of cells", height), ("columns of cells", width)];
            all.extend(sizes.map(|(name, size)| (name, Number::Size(size))));
            match &mut pooling.pool {
                Pool::Sum { accumulator } => all.push(("accumulator", Number::Format(accumulator))),
                Pool::Largest { least, .. } => all.push(("least", Number::Wide(least))),
            }
        }
        Kernel::Flatten(flatten) => {
            shape(&mut flatten.shape, &mut all);
            all.push(("pixels per cycle", Number::Size(&mut flatten.pixels_per_cycle)));
            if let Some(quantize) = &mut flatten.quantizer {
                quantizer(quantize, &mut all);
            }
        }
        Kernel::LookUpDense(dense) => {
            shape(&mut dense.shape, &mut all);
            sums(&mut dense.sums, &mut all);
            if let Some(quantize) = &mut dense.quantizer {
                quantizer(quantize, &mut all);
            }
        }
        Kernel::Dense(dense) => {
            sums(&mut dense.sums, &mut all);
            all.push(("inputs per cycle", Number::Size(&mut dense.inputs_per_cycle)));
            all.push(("outputs per cycle", Number::Size(&mut dense.outputs_per_cycle)));
        }
        Kernel::Affine(affine) => {
            constants("scales", &mut affine.scales, &mut all);
            constants("offsets", &mut affine.offsets, &mut all);
            all.push(("shift", Number::Bits(&mut affine.shift)));
        }
        Kernel::Relu(elements) => of_elements(elements, &mut all),
        Kernel::LimitedRelu(relu) => {
            all.push(("shift", Number::Bits(&mut relu.shift)));
            all.push(("limit", Number::Wide(&mut relu.limit)));
            if let Some(slope) = &mut relu.slope {
                all.push(("slope", Number::Bits(slope)));
            }
        }
        Kernel::MaxMinus(max_minus) => all.push(("elements", Number::Size(&mut max_minus.elements))),
        Kernel::Lookup(lookup) => {
            choice(&mut lookup.choice, &mut all);
            table(&mut lookup.table, &mut all);
        }
        Kernel::Normalize(normalize) => {
            table(&mut normalize.table, &mut all);
            all.push(("rounded", Number::Format(&mut normalize.rounded)));
            all.push(("rounding", Number::Rounding(&mut normalize.rounding)));
            all.push(("overflow", Number::Overflow(&mut normalize.overflow)));
            all.push(("index", Number::Format(&mut normalize.index)));
        }
        Kernel::Copy { elements } => all.push(("elements", Number::Size(elements))),
    }
    all
}

fn shape<'a>(shape: &'a mut SparseShape, all: &mut Numbers<'a>) {
    let SparseShape { slots, height, width, channels } = shape;
    all.push(("slots", Number::Size(slots)));
    all.push(("height", Number::Size(height)));
    all.push(("width", Number::Size(width)));
    all.push(("channels", Number::Size(channels)));
}

fn of_elements<'a>(elements: &'a mut Elements, all: &mut Numbers<'a>) {
    match elements {
        Elements::Sparse(sparse) => shape(sparse, all),
        Elements::Dense(count) => all.push(("elements", Number::Size(count))),
    }
}

fn constants<'a>(name: &'static str, constants: &'a mut Coefficients, all: &mut Numbers<'a>) {
    all.push((name, Number::Constants(&mut constants.values)));
}

fn sums<'a>(sums: &'a mut Sums, all: &mut Numbers<'a>) {
    let Sums { weights, shift, biases, accumulator } = sums;
    constants("weights", weights, all);
    constants("biases", biases, all);
    all.push(("shift", Number::Bits(shift)));
    all.push(("accumulator", Number::Format(accumulator)));
}

fn table<'a>(table: &'a mut IndexedTable, all: &mut Numbers<'a>) {
    all.push(("first", Number::Long(&mut table.first)));
    all.push(("entries", Number::Size(&mut table.entries)));
    all.push(("table", Number::Constants(&mut table.values)));
}

fn choice<'a>(choice: &'a mut FormatChoice, all: &mut Numbers<'a>) {
    match &mut choice.by {
        By::Nothing => {}
        By::Channel(classes) | By::Pixel(classes) | By::Element(classes) => all.push(("classes", Number::Classes(classes))),
    }
}

fn quantizer<'a>(quantizer: &'a mut QuantizeKernel, all: &mut Numbers<'a>) {
    let QuantizeKernel { formats, rounding, overflow, choice: by, quotient } = quantizer;
    all.extend(formats.iter_mut().flatten().map(|format| ("format", Number::Format(format))));
    all.push(("rounding", Number::Rounding(rounding)));
    all.push(("overflow", Number::Overflow(overflow)));
    choice(by, all);
    if let Some(Quotient { left, right, offset, offset_quotient, multiplier, shift, .. }) = quotient {
        all.push(("left", Number::Bits(left)));
        all.push(("right", Number::Bits(right)));
        all.push(("offset", Number::Wide(offset)));
        all.push(("offset quotient", Number::Wide(offset_quotient)));
        all.push(("multiplier", Number::Unsigned(multiplier)));
        all.push(("shift", Number::Bits(shift)));
    }
}
