//! Quantizers and quantized weights, from the variables of HGQ2.

use serde_json::Value;

use super::options::Options;
use crate::{
    error::{Code, Error, Result},
    fixed::{Dyadic, Format, MantissaRange, Overflow, QuantizerFormat, Rounding},
    keras::{Weights, keys},
};

/// The largest |i|, |f| of a quantizer that is not dead. HGQ2 constrains them to 24.
pub(crate) const MAX_BITS: i32 = 63;
/// The most formats of one quantizer: they are counted in 16 bits.
pub(crate) const MAX_FORMATS: usize = 1 << 16;
/// The most bits of quantized weights that share a binary point.
pub(crate) const MAX_WEIGHT_BITS: u32 = 62;

/// A quantizer of a value: a format for every element, most of them shared.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantizer {
    /// The distinct formats, in order of first use.
    pub formats: Vec<QuantizerFormat>,
    /// How all of them round.
    pub rounding: Rounding,
    /// How all of them overflow.
    pub overflow: Overflow,
    /// Shape of `classes`: as the value's, with 1 on axes that share formats.
    shape: Vec<usize>,
    /// Index into `formats`.
    classes: Vec<u16>,
}

impl Quantizer {
    /// The same format for every element of a value of rank `rank`.
    pub fn uniform(format: QuantizerFormat, rounding: Rounding, overflow: Overflow, rank: usize) -> Self {
        Self { formats: vec![format], rounding, overflow, shape: vec![1; rank], classes: vec![0] }
    }

    /// Rounds half up, with saturation, into `format`; for a value of rank `rank`.
    pub fn of_format(format: Format, rank: usize) -> Self {
        Self::uniform(live(format), Rounding::HalfUp, Overflow::Saturate, rank)
    }

    /// A format for each of `elements`, row-major, of a value that has `shape`, or more of what is 1 there. `None` if there are
    /// more different ones than can be counted.
    pub fn new(elements: &[QuantizerFormat], shape: Vec<usize>, rounding: Rounding, overflow: Overflow) -> Option<Self> {
        let mut formats = Vec::new();
        let mut index = std::collections::HashMap::new();
        let mut classes = Vec::with_capacity(elements.len());
        for element in elements {
            let class = *index.entry(*element).or_insert_with(|| {
                formats.push(*element);
                formats.len() - 1
            });
            classes.push(u16::try_from(class).ok()?);
        }
        Some(Self { formats, rounding, overflow, shape, classes })
    }

    /// Elements that have a format of their own in the model's file.
    pub(crate) fn size(&self) -> usize {
        self.classes.len()
    }

    /// Whether all elements share one format.
    pub fn is_uniform(&self) -> bool {
        self.formats.len() == 1
    }

    /// After how many elements of a value of `shape` the formats repeat.
    pub(crate) fn period(&self, shape: &[usize]) -> usize {
        let first = (0..shape.len()).find(|axis| self.shape.get(*axis).is_some_and(|size| *size != 1));
        first.map_or(1, |first| shape[first..].iter().product())
    }

    /// The format index of every element of a value of `shape`, row-major.
    pub(crate) fn expand(&self, shape: &[usize]) -> Vec<u16> {
        let mut strides = vec![0; shape.len()];
        let mut stride = 1;
        for axis in (0..shape.len()).rev() {
            let size = self.shape.get(axis).copied().unwrap_or(1);
            strides[axis] = if size == 1 { 0 } else { stride };
            stride *= size;
        }
        let count = shape.iter().product();
        let mut out = Vec::with_capacity(count);
        let mut position = vec![0; shape.len()];
        for _ in 0..count {
            out.push(self.classes[position.iter().zip(&strides).map(|(p, s)| p * s).sum::<usize>()]);
            for axis in (0..shape.len()).rev() {
                position[axis] += 1;
                if position[axis] < shape[axis] {
                    break;
                }
                position[axis] = 0;
            }
        }
        out
    }
}

/// Quantized weights, biases or scales: integers that share a binary point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coefficients {
    /// The integers, row-major.
    pub values: Vec<i64>,
    /// Bits behind the binary point; as few as the values allow.
    pub fraction: i32,
}

impl Coefficients {
    /// Rounds float weights half up, with saturation, into `format`.
    pub(crate) fn rounded(values: &[f32], format: Format) -> Result<Self> {
        let quantizer = live(format);
        let round = |value: &f32| {
            let mantissa = quantizer.quantize_weight(*value, Rounding::HalfUp, Overflow::Saturate)?;
            Some(Dyadic { mantissa, fraction: format.fraction })
        };
        Self::aligned(values.iter().map(round)).ok_or_else(|| {
            Error::new(Code::WeightsValue, format!("weights in {format} need more than {MAX_WEIGHT_BITS} bits"))
                .help("give weights-precision fewer bits")
        })
    }

    /// Brings values with a binary point each to a common one; `None` if there is one without a value, or if that takes more than
    /// [`MAX_WEIGHT_BITS`]. They are gone through twice and never kept, for there may be millions.
    fn aligned(values: impl Iterator<Item = Option<Dyadic>> + Clone) -> Option<Self> {
        let mut finest = None;
        for value in values.clone() {
            // Zeros are on every grid.
            let value = value?.trimmed();
            finest = finest.max((value.mantissa != 0).then_some(value.fraction));
        }
        let fraction = finest.unwrap_or(0);
        let align = |value: Dyadic| match value.mantissa {
            0 => Some(0),
            _ if fraction - value.fraction >= MAX_WEIGHT_BITS as i32 => None,
            _ => i64::try_from(value.at(fraction)).ok().filter(|mantissa| mantissa.unsigned_abs() < 1 << MAX_WEIGHT_BITS),
        };
        let mut mantissas = Vec::with_capacity(values.size_hint().0);
        for value in values {
            mantissas.push(align(value?.trimmed())?);
        }
        Some(Self { values: mantissas, fraction })
    }

    /// Bits of the widest value, with a sign if any is negative.
    pub(crate) fn format(&self) -> Format {
        let lo = self.values.iter().min().copied().unwrap_or(0).min(0).into();
        let hi = self.values.iter().max().copied().unwrap_or(0).max(0).into();
        Format::holding(MantissaRange { lo, hi }, self.fraction)
    }
}

/// A format as a quantizer has it.
fn live(format: Format) -> QuantizerFormat {
    let k = u32::from(format.signed);
    QuantizerFormat::Live { k, i: format.integer() - k as i32, f: format.fraction }
}

/// Where a quantizer sits: its layer, its options (a serialized `QuantizerConfig`) and its path in the weights file.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub weights: &'a Weights,
    pub layer: &'a str,
    pub config: &'a Value,
    pub path: &'a str,
    /// Whether a layer around the quantizer is frozen, which freezes the quantizer.
    pub frozen: bool,
}

impl<'a> Place<'a> {
    /// The quantizer whose options stand under `key` and whose variables under `path`.
    pub(crate) fn new(weights: &'a Weights, layer: &'a str, options: Options<'a>, key: &str, path: &'a str) -> Self {
        let frozen = options.value("trainable") == &Value::Bool(false);
        Self { weights, layer, config: options.value(key), path, frozen }
    }

    /// The quantizer of a value with `shape` (no batch axis).
    ///
    /// `None` is a quantizer of type "dummy", which changes nothing.
    pub(crate) fn of_value(&self, shape: &[usize]) -> Result<Option<Quantizer>> {
        if self.config["config"]["q_type"] == "dummy" {
            return Ok(None);
        }
        let batched: Vec<usize> = std::iter::once(1).chain(shape.iter().copied()).collect();
        self.read(&batched).map(|mut quantizer| {
            quantizer.shape.remove(0);
            Some(quantizer)
        })
    }

    /// Quantizes `weights` of `shape` with this quantizer.
    pub(crate) fn quantize_weights(&self, weights: &[f32], shape: &[usize]) -> Result<Coefficients> {
        let quantizer = self.read(shape)?;
        let classes = quantizer.expand(shape);
        let quantize = |(&weight, &class): (&f32, &u16)| {
            let format = quantizer.formats[usize::from(class)];
            let mantissa = format.quantize_weight(weight, quantizer.rounding, quantizer.overflow)?;
            // What is always 0 has no fraction.
            Some(Dyadic { mantissa, fraction: format.fraction().unwrap_or(0) })
        };
        Coefficients::aligned(weights.iter().zip(&classes).map(quantize)).ok_or_else(|| {
            Error::new(
                Code::WeightsValue,
                format!("the weights quantized by `{}` need more than {MAX_WEIGHT_BITS} bits", self.path),
            )
            .layer(self.layer)
            .help("constrain the quantizer's bits in training, for example `bc=MinMax(0, 12)`")
        })
    }

    /// Reads the variables, for a tensor of `shape`.
    fn read(&self, shape: &[usize]) -> Result<Quantizer> {
        let settings = self.settings()?;
        let frozen = self.frozen || self.config["config"]["trainable"] == Value::Bool(false);
        let wrap = settings.overflow == Overflow::Wrap;
        // `vars` holds the trainable variables, then the others, each in order of creation.
        let [at_bits, at_k, at_i] = match (settings.kbi, wrap) {
            (true, true) => [0, 1, 2],   // b, k, i
            (true, false) => [0, 2, 1],  // b, i, k
            (false, true) => [0, 1, 2],  // f, k, i
            (false, false) => [1, 2, 0], // i, f, k
        };
        let path = format!("{}/quantizer", self.path);
        let k = self.weights.read_if(self.layer, &path, at_k, |found| self.check_shape(found, shape))?;
        let read =
            |at, name| self.weights.read_shaped(self.layer, &path, at, &k.shape, &format!("variable {name} of `{}`", self.path));
        let i = read(at_i, "i")?;
        let bits = read(at_bits, if settings.kbi { "b" } else { "f" })?;
        let round_only = wrap && settings.is_weight && !frozen && (!settings.kbi || settings.rounding == Rounding::HalfUp);
        let element = |((&k, &i), &bits): ((&f32, &f32), &f32)| {
            let (i, bits) = (i.round_ties_even(), bits.round_ties_even());
            let f = if settings.kbi { bits - i } else { bits };
            self.element(k, i, f, round_only)
        };
        let elements = k.values.iter().zip(&i).zip(&bits).map(element).collect::<Result<Vec<_>>>()?;
        Quantizer::new(&elements, k.shape, settings.rounding, settings.overflow)
            .ok_or_else(|| self.bits_error(format!("has more than {MAX_FORMATS} different formats")))
    }

    fn element(&self, k: f32, i: f32, f: f32, round_only: bool) -> Result<QuantizerFormat> {
        if k != 0.0 && k != 1.0 {
            return Err(self.bits_error(format!("has k = {k}; it must be 0 or 1")));
        }
        if !round_only && k + i + f <= 0.0 {
            return Ok(QuantizerFormat::Dead); // a never-active position traced by `trace_minmax` has i = -1e9
        }
        let absurd = |bits: f32| !(-(MAX_BITS as f32)..=MAX_BITS as f32).contains(&bits);
        if absurd(f) || !round_only && (absurd(i) || k + i + f > MAX_BITS as f32 + 1.0) {
            return Err(self
                .bits_error(format!("has i = {i}, f = {f}; a quantizer may have up to 64 bits, and |i|, |f| up to {MAX_BITS}")));
        }
        let f = f as i32;
        Ok(if round_only { QuantizerFormat::RoundOnly { f } } else { QuantizerFormat::live(k as u32, i as i32, f) })
    }

    /// What a message calls it; a Quantizer layer has no path inside.
    fn title(&self) -> String {
        if self.path.is_empty() { "the quantizer".into() } else { format!("quantizer `{}`", self.path) }
    }

    fn bits_error(&self, what: String) -> Error {
        Error::new(Code::BitsOutOfRange, format!("{} {what}", self.title()))
            .layer(self.layer)
            .help("constrain the quantizer's bits in training, for example `ic=MinMax(-23, 23)`")
    }

    /// The variables' shape must broadcast to the tensor's.
    fn check_shape(&self, found: &[usize], shape: &[usize]) -> Result {
        if found.len() == shape.len() && found.iter().zip(shape).all(|(f, s)| f == s || *f == 1) {
            return Ok(());
        }
        let message = format!("{} has the shape {found:?}, which does not broadcast to {shape:?}", self.title());
        Err(Error::new(Code::WeightsShape, message)
            .layer(self.layer)
            .help("config.json and model.weights.h5 do not belong together; save the model again"))
    }

    fn settings(&self) -> Result<Settings> {
        let config = &self.config["config"];
        let refuse = |key: &str, remedy: &str| {
            let message = format!("{} with `{key} = {}` is not supported", self.title(), keys::shown(&config[key]));
            Error::new(Code::UnsupportedOption, message).layer(self.layer).help(remedy)
        };
        let mapper = &config["bw_mapper"];
        if !mapper.is_null() && mapper["registered_name"] != "hgq>DefaultBitwidthMapper" {
            return Err(refuse("bw_mapper", "use homogeneous_axis or heterogeneous_axis instead of a mapper of your own"));
        }
        let text = |key: &str| config[key].as_str().unwrap_or_default();
        let kbi = match text("q_type") {
            "kbi" => true,
            "kif" => false,
            _ => return Err(refuse("q_type", "use fixed-point quantizers: q_type \"kbi\" or \"kif\"")),
        };
        let rounding = Rounding::from_keras(text("round_mode"))
            .ok_or_else(|| refuse("round_mode", "use TRN, RND, RND_CONV, TRN_ZERO, RND_ZERO, RND_MIN_INF or RND_INF"))?;
        let overflow =
            Overflow::from_keras(text("overflow_mode")).ok_or_else(|| refuse("overflow_mode", "use WRAP, SAT or SAT_SYM"))?;
        Ok(Settings { kbi, rounding, overflow, is_weight: config["is_weight"] == Value::Bool(true) })
    }
}

struct Settings {
    kbi: bool,
    rounding: Rounding,
    overflow: Overflow,
    is_weight: bool,
}
