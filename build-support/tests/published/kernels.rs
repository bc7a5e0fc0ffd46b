//! What hls4ml's sparsepixels kernels do, as structures of the cost model. From hls4ml pull request #1468 and the projects of
//! arXiv:2512.06208: facts only.

use std::fmt;

use sparsehls_build::structure::{Clock, Operation, Step, Structure};

use Operation::{Add, Compare, Decode, Equal, Gate, GatedOr, Multiply, MultiplyConstant, Select, Sum, Table};

/// The clock of every published project: 5 ns, uncertainty 27 %.
pub const CLOCK: Clock = Clock { period: 5.0, uncertainty: 27.0 };

/// Bits of a coordinate that are left after optimization: images of up to 15 pixels a side; the large ones have 63.
const COORDINATE: u32 = 4;
const LARGE_COORDINATE: u32 = 6;
/// The index of a pixel is declared with 12 bits; the HLS estimate counts them all.
const INDEX: u32 = 12;
/// LUTs that HLS estimates for a multiplexer of its state machine.
const HLS_MUX: f64 = 9.0;

/// A kernel of the published projects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kernel {
    /// Finds the first active pixel of the image, once for each slot, and its coordinates if anything needs them.
    Reduce {
        pixels: u32,
        channels: u32,
        slots: u32,
        width: u32,
        coordinates: bool,
    },
    /// Every pair of slots: position in the window, weight, product, sum.
    Conv {
        slots: u32,
        channels: u32,
        filters: u32,
        window: u32,
        width: u32,
        weight: Weight,
        saturates: bool,
    },
    /// Every slot takes the pixels of its cell that are still there.
    Pool {
        slots: u32,
        channels: u32,
        size: u32,
        width: u32,
        saturates: bool,
    },
    Relu {
        values: u32,
        width: u32,
    },
    /// Slots are written into the grid, four in a trip. The loop is pipelined in one version of the kernel.
    Flatten {
        positions: u32,
        channels: u32,
        slots: u32,
        width: u32,
        pipelined: bool,
    },
    /// Products with constants.
    Dense {
        inputs: u32,
        outputs: u32,
        constants: Constants,
        width: u32,
    },
}

/// What is known of the constants of a published dense layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Constants {
    /// Those that are not zero.
    pub nonzero: u32,
    /// Their non-zero digits in all.
    pub digits: u32,
    /// Those that have three digits and more.
    pub long: u32,
    /// Different ones of three digits and more, for each input.
    pub products: u32,
    /// Their mean bits, rounded up.
    pub bits: u32,
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reduce { pixels, slots, width, .. } => {
                write!(f, "input reduction, {pixels} pixels to {slots} slots, {width} bits")
            }
            Self::Conv { slots, channels, filters, window, width, .. } => {
                write!(f, "convolution, {slots} slots, window of {window}, {channels} to {filters} channels, {width} bits")
            }
            Self::Pool { slots, channels, width, .. } => {
                write!(f, "average pooling, {slots} slots, {channels} channels, {width} bits")
            }
            Self::Relu { values, width } => write!(f, "ReLU, {values} values, {width} bits"),
            Self::Flatten { positions, channels, slots, width, .. } => {
                write!(f, "flatten, {slots} slots to {positions} positions, {channels} channels, {width} bits")
            }
            Self::Dense { inputs, outputs, width, .. } => write!(f, "dense, {inputs} to {outputs}, {width} bits"),
        }
    }
}

/// How the published convolution finds a weight: the first version compares both differences with every position of the
/// window, the later one reads a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    Compared,
    Table,
}

/// A structure, and what HLS sees that logic synthesis does not.
pub struct Published {
    pub structure: Structure,
    /// What HLS counts where that is not the structure.
    pub counted: Option<Vec<Step>>,
    /// Multiplexers of its state machine, which are only in its estimate.
    pub muxes: u64,
    /// Bits that it keeps from one trip to the next, results included.
    pub state: u64,
    /// Cycles of control around the structure.
    pub control: u64,
}

impl From<Structure> for Published {
    fn from(structure: Structure) -> Self {
        Self { structure, counted: None, muxes: 0, state: 0, control: 0 }
    }
}

impl Published {
    /// LUTs after logic synthesis.
    pub fn luts(&self) -> f64 {
        self.structure.estimate(&CLOCK).luts as f64
    }

    /// LUTs in the HLS estimate.
    pub fn hls_luts(&self) -> f64 {
        let steps = self.counted.as_ref().unwrap_or(&self.structure.steps).clone();
        let counted = Structure { steps, trips: 1, initiation_interval: 1 };
        counted.estimate(&CLOCK).hls_luts as f64 + HLS_MUX * self.muxes as f64
    }

    /// Flip-flops.
    pub fn ffs(&self) -> f64 {
        (self.structure.estimate(&CLOCK).ffs + self.state) as f64
    }

    /// DSP blocks.
    pub fn dsps(&self) -> f64 {
        self.structure.estimate(&CLOCK).dsps as f64
    }

    /// Cycles.
    pub fn latency(&self) -> f64 {
        (self.structure.estimate(&CLOCK).latency + self.control) as f64
    }
}

fn step(what: &'static str, operation: Operation, count: u64, levels: u32, live: u64) -> Step {
    Step { what, operation, count, levels, live }
}

impl Kernel {
    pub fn published(self) -> Published {
        match self {
            Self::Reduce { pixels, channels, slots, width, coordinates } => reduce(pixels, channels, slots, width, coordinates),
            Self::Conv { saturates: true, width, slots, filters, .. } => {
                let structure = self.conv();
                let terms = u64::from(slots) * u64::from(slots - 1) * u64::from(filters);
                let counted = structure.steps.iter().cloned().chain(quantize(width, terms)).collect();
                Published { counted: Some(counted), ..structure.into() }
            }
            Self::Conv { .. } => self.conv().into(),
            Self::Pool { slots, channels, size, width, saturates } => pool(slots, channels, size, width, saturates),
            Self::Relu { values, width } => Published { muxes: values.into(), ..relu(values, width).into() },
            Self::Flatten { positions, channels, slots, width, pipelined } => {
                flatten(positions, channels, slots, width, pipelined)
            }
            Self::Dense { inputs, outputs, constants, width } => dense(inputs, outputs, constants, width).into(),
        }
    }

    /// Block RAMs of a convolution with saturating sums. It is not pipelined and takes four slots a cycle, so that a table
    /// is read again in every cycle.
    pub fn bram18(self) -> Option<u64> {
        match self {
            Self::Conv { saturates: true, slots, .. } => {
                Some(self.published().structure.estimate(&CLOCK).bram18.div_ceil(u64::from(slots / 4)))
            }
            _ => None,
        }
    }

    /// Bits of what a kernel hands on, as (FIFOs, bits each): features, and coordinates where there are any.
    pub fn fifos(self) -> Vec<(u32, u32)> {
        match self {
            Self::Reduce { channels, slots, width, coordinates, .. } => {
                vec![(slots * channels, width), (if coordinates { 2 * slots } else { 0 }, COORDINATE)]
            }
            Self::Pool { slots, channels, width, .. } => vec![(slots * channels, width), (2 * slots, COORDINATE)],
            Self::Conv { slots, filters, width, .. } => vec![(slots * filters, width)],
            Self::Relu { values, width } => vec![(values, width)],
            Self::Flatten { positions, channels, width, .. } => vec![(positions * channels, width)],
            Self::Dense { outputs, width, .. } => vec![(outputs, width)],
        }
    }

    fn conv(self) -> Structure {
        let Self::Conv { slots, channels, filters, window, width, weight, saturates } = self else { unreachable!() };
        let coordinate = if saturates { LARGE_COORDINATE } else { COORDINATE } + 1;
        let pairs = u64::from(slots) * u64::from(slots - 1);
        let (terms, sums) = (pairs * u64::from(filters), u64::from(slots) * u64::from(filters));
        let mut steps = match weight {
            Weight::Compared => compared_weights(coordinate, pairs, terms * u64::from(channels), window, width),
            Weight::Table => {
                weights_from_tables(coordinate, pairs, terms * u64::from(channels), window, window * channels * filters, width)
            }
        };
        steps.extend(products(channels, terms, width));
        let live = sums * u64::from(width);
        if saturates {
            steps.push(step("round", Add { width }, terms, 0, 0));
            steps.push(step("sum", Add { width }, terms, 0, 0));
            steps.push(step("saturate", Gate { width: 2 * width }, terms, 0, 0));
            steps.extend(one_after_another(slots, width, live));
        } else {
            steps.push(step("sum", Sum { inputs: slots, width }, sums, 1, live));
        }
        steps.push(step("bias", Add { width }, sums, 1, live));
        steps.push(step("is there anything", Compare { width }, sums, 0, 0));
        steps.push(step("choose", Gate { width }, 2 * sums, 1, live));
        Structure { steps, trips: 1, initiation_interval: 1 }
    }
}

/// `products`: weights that are needed, one for each pair, channel and filter.
fn compared_weights(coordinate: u32, pairs: u64, products: u64, window: u32, width: u32) -> Vec<Step> {
    let live = pairs * u64::from(window);
    vec![
        step("difference", Add { width: coordinate }, 2 * pairs, 1, 2 * pairs * u64::from(coordinate)),
        step("which position", Decode { width: coordinate }, 5 * pairs, 1, live),
        step("combine", Gate { width: 1 }, 30 * pairs, 2, live),
        step("weight", Select { inputs: window, width }, products, 1, products * u64::from(width)),
    ]
}

/// One table has the weights of all channels and filters: `entries`.
fn weights_from_tables(coordinate: u32, pairs: u64, products: u64, window: u32, entries: u32, width: u32) -> Vec<Step> {
    let index = u32::BITS - window.leading_zeros();
    let live = 2 * pairs * u64::from(coordinate);
    vec![
        step("difference", Add { width: coordinate }, 2 * pairs, 1, live),
        step("into the window", Add { width: coordinate + 1 }, 2 * pairs, 1, live),
        step("in the window", Decode { width: coordinate + 1 }, 2 * pairs, 0, 0),
        step("position", Add { width: index }, 3 * pairs, 2, pairs * u64::from(index)),
        step("index", Add { width: index + 1 }, products - pairs, 0, 0),
        step("weight", Table { entries, width }, products, 1, products * u64::from(width)),
    ]
}

/// Of several channels one is multiplied in LUTs, the others in DSPs that also add; 16 bits take a DSP each.
fn products(channels: u32, terms: u64, width: u32) -> Vec<Step> {
    let live = terms * u64::from(width);
    let product = Multiply { a: width, b: width };
    let first = if product.dsps() > 0 { terms * u64::from(channels) } else { terms };
    let further = if product.dsps() > 0 { 0 } else { terms };
    let mut steps = vec![step("product", product, first, 1, live)];
    for _ in 1..channels {
        steps.push(step("product of another channel", Multiply { a: 11, b: 11 }, further, 1, live));
        steps.push(step("added in the DSP", Add { width }, 0, 1, live));
    }
    steps.push(step("mask", Gate { width }, terms, 1, live));
    steps
}

/// The longest path through a sum that takes one slot after another: HLS cannot make a tree of it.
fn one_after_another(slots: u32, width: u32, live: u64) -> impl Iterator<Item = Step> {
    let slot = [step("sum of a slot", Add { width }, 0, 1, live), step("choose", Gate { width }, 0, 1, live)];
    (0..slots).flat_map(move |_| slot.clone())
}

/// What rounding and saturating each term adds to the HLS estimate beside an addition and a choice: counts of an operator
/// table, roughly.
fn quantize(width: u32, terms: u64) -> [Step; 4] {
    [
        step("round", Add { width }, 2 * terms, 0, 0),
        step("overflow", Compare { width: 3 }, 2 * terms, 0, 0),
        step("saturate", Select { inputs: 2, width }, 3 * terms, 0, 0),
        step("decide", Gate { width: 1 }, 7 * terms, 0, 0),
    ]
}

fn reduce(pixels: u32, channels: u32, slots: u32, width: u32, coordinates: bool) -> Published {
    let n = u64::from(pixels);
    let levels = u32::BITS - (pixels - 1).leading_zeros();
    let mut search = Vec::new();
    for level in 1..=levels {
        let nodes = n >> level;
        let live = nodes * u64::from(width + level);
        search.push(step("active", Compare { width }, 2 * nodes, 1, nodes));
        search.push(step("first value", GatedOr { inputs: 2, width }, nodes, 1, live));
        search.push(step("its index", GatedOr { inputs: 2, width: level }, nodes, 0, live));
    }
    search.push(step("which pixel", Decode { width: levels }, n, 1, n));
    search.push(step("clear it", Gate { width }, n, 1, n * u64::from(width)));
    search.push(step("new image", Select { inputs: 2, width }, n, 0, 0));
    search.push(step("other channels", Select { inputs: pixels, width }, u64::from(channels - 1), 0, 0));
    let coordinate = Select { inputs: pixels, width: COORDINATE };
    if coordinates {
        search.push(step("coordinates", Table { entries: pixels, width: COORDINATE }, 2, 0, 0));
    }
    // What is found is cleared before the next search, so a trip takes as long as a search.
    let once = Structure { steps: search, trips: 1, initiation_interval: 1 };
    let interval = once.estimate(&CLOCK).latency;
    let structure = Structure { trips: u64::from(slots), initiation_interval: interval, ..once };
    let kept = u64::from(slots) * u64::from(channels * width + if coordinates { 2 * COORDINATE } else { 0 });
    // The reports have three comparisons for four nodes, and multiplexers (fitted); the whole index is counted.
    let nodes = n * 3 / 4;
    let counted = vec![
        step("active", Compare { width }, 2 * nodes, 1, 0),
        step("first value", Select { inputs: 2, width }, 2 * nodes, 1, 0),
        step("its index", Select { inputs: 2, width: INDEX }, 2 * nodes, 1, 0),
        step("coordinates", coordinate, if coordinates { 2 } else { 0 }, 0, 0),
    ];
    Published { structure, counted: Some(counted), muxes: n * 13 / 4, state: n * u64::from(width) + kept, control: 2 }
}

fn pool(slots: u32, channels: u32, size: u32, width: u32, saturates: bool) -> Published {
    let (n, c) = (u64::from(slots), u64::from(channels));
    let pairs = n * (n - 1) / 2;
    let live = n * c * u64::from(width);
    let mut steps = vec![
        step("cell", Add { width: COORDINATE }, 2 * n, 1, 2 * n * u64::from(COORDINATE)),
        step("same cell", Equal { width: 2 * COORDINATE }, pairs, 1, pairs),
        // A slot's sum waits for what the slots before it took.
        step("sum", Add { width }, pairs * c, 0, live),
        step("take", Gate { width }, 2 * pairs * c, 0, live),
    ];
    steps.extend(one_after_another(slots, width, live));
    if saturates {
        steps.push(step("round", Add { width }, pairs * c, 0, 0));
        steps.push(step("saturate", Gate { width: 2 * width }, pairs * c, 0, 0));
    }
    let mut counted = steps.clone();
    counted.push(step("cell, in more steps", Add { width: 10 }, 6 * n, 0, 0));
    counted.push(step("coordinates are declared wider", Equal { width: 13 }, pairs, 0, 0));
    if size.is_power_of_two() {
        steps.push(step("mean", Add { width }, n * c, 2, live));
        counted.push(step("mean, before it is a shift", Add { width: 21 }, 2 * n * c, 0, 0));
    } else {
        let products = width / 8;
        steps.push(step("mean", Multiply { a: 24.min(2 * width), b: 9 }, n * c * u64::from(products), products, live));
        steps.push(step("round", Add { width: 2 * width }, n * c, 1, live));
        steps.push(step("saturate", Compare { width: 2 * width }, n * c, 1, live));
    }
    Published { counted: Some(counted), ..Structure { steps, trips: 1, initiation_interval: 1 }.into() }
}

fn relu(values: u32, width: u32) -> Structure {
    let n = u64::from(values);
    let steps =
        vec![step("positive", Compare { width }, n, 1, n), step("keep", Gate { width: width - 1 }, n, 1, n * u64::from(width))];
    Structure { steps, trips: 1, initiation_interval: 1 }
}

fn flatten(positions: u32, channels: u32, slots: u32, width: u32, pipelined: bool) -> Published {
    const PER_TRIP: u32 = 4;
    let n = u64::from(positions);
    let values = n * u64::from(channels);
    // Fitted: with slots that do not fill the last trip HLS needs more, as if half of them were written twice.
    let eighths = 8 + if pipelined { u64::from(slots % PER_TRIP) } else { 0 };
    let index = u32::BITS - positions.leading_zeros();
    let mut steps = vec![
        step("position", Add { width: index }, 3 * u64::from(PER_TRIP), 2, u64::from(PER_TRIP * index)),
        step("which position", Decode { width: index }, n * u64::from(PER_TRIP), 1, n),
    ];
    if pipelined {
        // Fitted on LUT and FF: as if the grid went through a register after each of the four writes.
        let write = GatedOr { inputs: 2, width };
        steps.push(step("writes", write, values * u64::from(PER_TRIP) * eighths / 8, PER_TRIP, values * u64::from(width)));
    } else {
        steps.push(step("write", GatedOr { inputs: PER_TRIP, width }, values, 1, values * u64::from(width)));
        steps.push(step("hold", Gate { width }, values, 0, 0));
    }
    let structure = Structure { steps, trips: u64::from(slots.div_ceil(PER_TRIP)), initiation_interval: 1 };
    // HLS writes the grid and reads the slots through multiplexers of its state machine; the counts are fitted.
    let muxes = 11 * values * eighths / 8 + 9 * u64::from(slots);
    let state = values * u64::from(width) * if pipelined { u64::from(PER_TRIP) } else { 1 };
    // Fitted. A pipelined loop can be a module of its own, which has to be called.
    Published { structure, counted: Some(Vec::new()), muxes, state, control: if pipelined { 5 } else { 3 } }
}

fn dense(inputs: u32, outputs: u32, constants: Constants, width: u32) -> Structure {
    let multiplied = Multiply { a: width, b: constants.bits };
    let wide = multiplied.dsps() > 0;
    // Bits of a product in the sum: fitted.
    let product = width + if wide { 10 } else { 3 };
    let mut steps = Vec::new();
    let terms = if wide {
        let live = u64::from(inputs * outputs * product);
        steps.push(step("products", multiplied, constants.products.into(), 1, live));
        let few = MultiplyConstant { digits: 2, width: width + product };
        steps.push(step("products of two digits", few, u64::from(constants.nonzero - constants.long), 0, 0));
        constants.nonzero
    } else {
        constants.digits
    } / outputs;
    let sum = Sum { inputs: terms, width: product };
    let results = u64::from(outputs * (product + u32::BITS - terms.leading_zeros()));
    steps.push(step("sums", sum, u64::from(outputs), 1, results));
    steps.push(step("bias", Add { width: product + 8 }, u64::from(outputs), 1, results));
    Structure { steps, trips: 1, initiation_interval: 1 }
}
