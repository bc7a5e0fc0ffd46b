//! Kernel after kernel: which of them work on all of a value at once, and which in turns.

use super::{
    Way,
    words::{dense, word},
};
use crate::{
    budget::{MAX_NODES, too_large},
    circuit::{
        Circuit, Net,
        kernels::{Around, Place, convolution::Convolution, flatten, look_up_dense::LookUpDense, pooling::Pooling, reduce},
        stream::{Elements, Flow, InTurns, Pixels, Slot, Stream},
    },
    error::{Error, Result},
    fixed::MantissaRange,
    lower::{Design, Interface, Work},
    network::SparseShape,
    ops::{Arrival, By, Form, Kernel, Layout, ReduceKernel, SparseQuantizeKernel},
};

/// A circuit that is being built, layer by layer.
pub(super) struct Assembly<'a> {
    design: &'a Design,
    /// How layers that can do both divide their work; by number of the layer.
    ways: &'a [Way],
    pub(super) c: Circuit,
    /// The value of each id.
    pub(super) streams: Vec<Option<Stream>>,
    /// Layers whose work on each feature by itself is put off: behind what comes in turns there is less of it.
    pending: Vec<usize>,
    /// A quantizer that has been done before its turn, on the way into the slots.
    early: Option<usize>,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(design: &'a Design, ways: &'a [Way]) -> Self {
        Self { design, ways, c: Circuit::default(), streams: vec![None; design.values.len()], pending: Vec::new(), early: None }
    }

    /// Builds all layers, from the ports that go in to those that come out.
    pub(super) fn build(&mut self) -> Result {
        let design = self.design;
        self.c.enter(design.layers.len());
        let valid = self.c.input("in_valid", MantissaRange { lo: 0, hi: 1 });
        let input = design.value(design.input);
        let size = match design.interface {
            Interface::Whole => input.size(),
            Interface::Rows { values, rows } => values * rows,
        };
        let values = (0..size).map(|at| self.c.input(format!("in_data_{at}"), input.format.range())).collect();
        let mut stream = Stream::Elements(Elements { values, valid });
        for (at, layer) in design.layers.iter().enumerate() {
            let Work::Kernel(kernel) = &layer.work else { continue };
            self.c.enter(at);
            stream = self.kernel(at, kernel, stream).map_err(|error| error.layer(&layer.keras_name))?;
            if self.c.nodes().len() > MAX_NODES {
                let what = "the circuit up to this layer has too many operations";
                return Err(too_large(what, self.c.nodes().len(), MAX_NODES).layer(&layer.keras_name));
            }
            if self.pending.last() != Some(&at) && self.early != Some(at + 1) {
                self.record(at, &stream);
            }
        }
        let Stream::Elements(Elements { values, valid }) = stream else {
            return Err(Error::internal("the network ends with a sparse value"));
        };
        self.c.enter(design.layers.len());
        self.c.output("out_valid", valid);
        for (at, value) in values.iter().enumerate() {
            self.c.output(format!("out_data_{at}"), *value);
        }
        self.c.finish()
    }

    /// Notes what a layer writes, and names its nets.
    fn record(&mut self, at: usize, stream: &Stream) {
        match stream {
            Stream::Pixels(pixels) => {
                for (number, slot) in pixels.slots.iter().enumerate() {
                    for (channel, feature) in slot.features.iter().enumerate() {
                        self.c.label(*feature, format!("slot{number}_x{channel}"));
                    }
                    self.c.label(slot.row, format!("slot{number}_row"));
                    self.c.label(slot.column, format!("slot{number}_column"));
                }
            }
            Stream::Elements(elements) => {
                for (number, value) in elements.values.iter().enumerate() {
                    self.c.label(*value, format!("y{number}"));
                }
            }
        }
        self.streams[self.design.layers[at].writes.0] = Some(stream.clone());
    }

    fn around(&self, at: usize) -> Around<'a> {
        let layer = &self.design.layers[at];
        Around { input: self.design.value(layer.reads), output: self.design.value(layer.writes) }
    }

    fn kernel(&mut self, at: usize, kernel: &Kernel, stream: Stream) -> Result<Stream> {
        let around = self.around(at);
        match stream {
            Stream::Pixels(pixels) => self.of_pixels(at, kernel, pixels),
            Stream::Elements(elements) => match kernel {
                Kernel::InputReduce(reduce) => Ok(Stream::Pixels(self.reduce(at, reduce, &elements)?)),
                _ => Ok(Stream::Elements(dense(&mut self.c, kernel, &around, elements)?)),
            },
        }
    }

    fn reduce(&mut self, at: usize, kernel: &ReduceKernel, image: &Elements) -> Result<Pixels> {
        match (self.design.interface, kernel.arrival) {
            (Interface::Rows { rows, .. }, Arrival::Rows { .. }) => {
                let Some(quantizer) = self.early_quantizer(at + 1) else {
                    return reduce::rows(&mut self.c, kernel, image, rows, &mut |_, x, _, _, _| Ok(x));
                };
                self.early = Some(at + 1);
                let (shape, around) = (kernel.shape, self.around(at + 1));
                let columns = (0..shape.width).map(|column| of_column(quantizer, shape, column)).collect::<Result<Vec<_>>>()?;
                let mut early = |c: &mut Circuit, x: Net, row: Net, column: usize, channel: usize| {
                    let first = c.constant(1);
                    let place = Place::Pixel { row, column: first, channel, shape: SparseShape { width: 1, ..shape } };
                    word(c, &columns[column], &around, x, &place)
                };
                reduce::rows(&mut self.c, kernel, image, rows, &mut early)
            }
            (_, Arrival::Whole { pixels_per_cycle, .. }) => {
                Ok(reduce::whole(&mut self.c, kernel, image.valid, &image.values, pixels_per_cycle))
            }
            (Interface::Whole, Arrival::Rows { .. }) => Err(Error::internal("a whole image for a reduction that takes rows")),
        }
    }

    /// Layer number `at`, if it is a quantizer with formats by position that would be there for every slot: in front of the
    /// reduction there is one for each column, which has its formats by row.
    fn early_quantizer(&self, at: usize) -> Option<&'a SparseQuantizeKernel> {
        let Work::Kernel(Kernel::SparseQuantize(quantizer)) = &self.design.layers.get(at)?.work else { return None };
        (matches!(quantizer.quantizer.choice.by, By::Pixel(_)) && self.is_wanted_whole(at + 1)).then_some(quantizer)
    }

    /// Whether the next layer that works on more than a feature, from layer number `at` on, takes its input at once.
    fn is_wanted_whole(&self, at: usize) -> bool {
        let mut kernels = self.design.layers.iter().enumerate().skip(at).filter_map(|(at, layer)| match &layer.work {
            Work::Kernel(kernel) => Some((at, kernel)),
            Work::Absorbed { .. } => None,
        });
        kernels
            .find_map(|(at, kernel)| match kernel {
                Kernel::Conv2d(kernel) => Some(kernel.form == Form::Gather || self.way(at) == Way::Output),
                Kernel::Pooling2d(_) => Some(self.way(at) == Way::Output),
                Kernel::Flatten(kernel) => Some(kernel.pixels_per_cycle >= kernel.shape.slots),
                Kernel::LookUpDense(kernel) => Some(kernel.pixels_per_cycle >= kernel.shape.slots),
                _ => None,
            })
            .unwrap_or(false)
    }

    fn of_pixels(&mut self, at: usize, kernel: &Kernel, pixels: Pixels) -> Result<Stream> {
        let (design, around) = (self.design, self.around(at));
        match kernel {
            Kernel::SparseQuantize(_) if self.early == Some(at) => Ok(Stream::Pixels(pixels)),
            Kernel::SparseQuantize(_) | Kernel::SparseBias(_) | Kernel::Relu(_) | Kernel::LimitedRelu(_) | Kernel::Lookup(_) => {
                self.pending.push(at);
                Ok(Stream::Pixels(pixels))
            }
            Kernel::Conv2d(kernel) => {
                self.convolution(at, &Convolution { kernel, input: around.input, output: around.output }, pixels)
            }
            Kernel::Pooling2d(kernel) => self.pooling(at, &Pooling { kernel, output: around.output }, pixels),
            Kernel::Flatten(kernel) => {
                let pixels = if kernel.pixels_per_cycle < kernel.shape.slots {
                    self.turns(at, pixels, kernel.pixels_per_cycle, 1)?.pixels
                } else if pixels.updates.is_some() {
                    self.whole(at, pixels)?.0
                } else {
                    self.settle(at, pixels)?
                };
                let Some(quantizer) = &kernel.quantizer else {
                    return Ok(Stream::Elements(flatten::scatter(&mut self.c, kernel, around.output, &pixels)));
                };
                // In the image each element has a format that is known, which is less logic than formats by position.
                let image = flatten::scatter(&mut self.c, kernel, around.input, &pixels);
                dense(&mut self.c, &Kernel::DenseQuantize(quantizer.clone()), &around, image).map(Stream::Elements)
            }
            Kernel::LookUpDense(kernel) => {
                let layer = LookUpDense {
                    kernel,
                    input: around.input,
                    multiplied: design.value(kernel.multiplied),
                    output: around.output,
                };
                let is_whole = kernel.pixels_per_cycle >= kernel.shape.slots && layer.span() == 1;
                if let (Flow::Whole(valid), true) = (pixels.flow, is_whole) {
                    let pixels = self.settle(at, pixels)?;
                    return layer.whole(&mut self.c, &pixels, valid).map(Stream::Elements);
                }
                let input = self.turns(at, pixels, kernel.pixels_per_cycle, layer.span())?;
                layer.in_turns(&mut self.c, &input).map(Stream::Elements)
            }
            _ => Err(Error::internal("a kernel for dense values gets a sparse one")),
        }
    }

    fn convolution(&mut self, at: usize, layer: &Convolution<'_>, pixels: Pixels) -> Result<Stream> {
        let (lanes, span) = (layer.kernel.pixels_per_cycle, layer.span());
        let is_whole = lanes >= layer.kernel.shape.slots && span == 1;
        Ok(Stream::Pixels(if is_whole {
            let (pixels, _) = self.whole(at, pixels)?;
            layer.whole(&mut self.c, &pixels)
        } else if self.way(at) == Way::Input && layer.has_by_input() {
            let input = self.turns(at, pixels, lanes, span)?;
            layer.by_input(&mut self.c, &input)
        } else {
            let (pixels, valid) = self.whole(at, pixels)?;
            layer.by_output(&mut self.c, &pixels.slots, valid)
        }))
    }

    fn pooling(&mut self, at: usize, layer: &Pooling<'_>, pixels: Pixels) -> Result<Stream> {
        let lanes = layer.kernel.pixels_per_cycle;
        Ok(Stream::Pixels(if lanes >= layer.kernel.shape.slots {
            let (pixels, _) = self.whole(at, pixels)?;
            layer.whole(&mut self.c, &pixels)
        } else if self.way(at) == Way::Input && layer.has_by_input() {
            let input = self.turns(at, pixels, lanes, 1)?;
            layer.by_input(&mut self.c, &input)
        } else {
            let (pixels, valid) = self.whole(at, pixels)?;
            layer.by_output(&mut self.c, &pixels.slots, valid)
        }))
    }

    fn way(&self, at: usize) -> Way {
        self.ways.get(at).copied().unwrap_or_default()
    }

    /// The value in turns of at most `lanes` slots, for layer number `at`.
    fn turns(&mut self, at: usize, pixels: Pixels, lanes: usize, span: usize) -> Result<InTurns> {
        if let Flow::Turns(turns) = pixels.flow
            && span == 1
            && pixels.updates.is_none()
            && pixels.slots.len() <= lanes
        {
            let (pixels, token) = (self.settle(at, pixels)?, self.c.constant(0));
            return Ok(InTurns { pixels, turns, busy: turns.act, token });
        }
        let (pixels, valid) = match pixels.flow {
            Flow::Turns(_) => self.whole(at, pixels)?,
            Flow::Whole(valid) => (pixels, valid),
        };
        let input = self.c.in_turns(&pixels.slots, valid, lanes.min(pixels.slots.len()), span);
        Ok(InTurns { pixels: self.settle(at, input.pixels)?, ..input })
    }

    /// All of the value at once, and the bit that says when.
    fn whole(&mut self, at: usize, pixels: Pixels) -> Result<(Pixels, Net)> {
        let pixels = self.settle(at, pixels)?;
        let pixels = self.c.whole(pixels);
        match pixels.flow {
            Flow::Whole(valid) => Ok((pixels, valid)),
            Flow::Turns(_) => Err(Error::internal("a value is still in turns")),
        }
    }

    /// Does the work that was put off, then goes on with layer number `at`.
    fn settle(&mut self, at: usize, mut pixels: Pixels) -> Result<Pixels> {
        for layer in std::mem::take(&mut self.pending) {
            self.c.enter(layer);
            pixels.slots = pixels.slots.iter().map(|slot| self.each(layer, slot)).collect::<Result<_>>()?;
            self.record(layer, &Stream::Pixels(pixels.clone()));
        }
        self.c.enter(at);
        Ok(pixels)
    }

    /// A layer's work on every feature of a slot.
    fn each(&mut self, layer: usize, slot: &Slot) -> Result<Slot> {
        let around = self.around(layer);
        let Work::Kernel(kernel) = &self.design.layers[layer].work else {
            return Err(Error::internal("a layer without a kernel"));
        };
        let Layout::Sparse(layout) = &around.input.layout else {
            return Err(Error::internal("a dense value in slots"));
        };
        let mut features = Vec::with_capacity(slot.features.len());
        for (channel, x) in slot.features.iter().enumerate() {
            let place = Place::Pixel { row: slot.row, column: slot.column, channel, shape: layout.shape };
            features.push(word(&mut self.c, kernel, &around, *x, &place)?);
        }
        Ok(Slot { features, ..slot.clone() })
    }
}

/// A quantizer as it is in one column.
fn of_column(quantizer: &SparseQuantizeKernel, shape: SparseShape, column: usize) -> Result<Kernel> {
    let By::Pixel(indices) = &quantizer.quantizer.choice.by else {
        return Err(Error::internal("a quantizer without formats by position"));
    };
    let pixels = indices.chunks(shape.channels).skip(column).step_by(shape.width);
    let mut inner = quantizer.quantizer.clone();
    inner.choice.by = By::Pixel(pixels.flatten().copied().collect());
    Ok(Kernel::SparseQuantize(SparseQuantizeKernel { quantizer: inner, ..quantizer.clone() }))
}
