//! The input grid: which numbers the firmware takes, and how floats become them.

use std::num::NonZeroUsize;

use crate::{
    error::{Code, Error, Result},
    fixed::{Format, MAX_WIDTH, Overflow, QuantizerFormat, Rounding},
    manifest,
    mantissas::Mantissas,
    network::{Layer, Network, Op, Quantizer, Shape, SparseShape},
    ops::Threshold,
};

/// The input's format, and what happens to a float that is not in it.
#[derive(Debug, Clone)]
pub struct InputGrid {
    /// The format.
    pub format: Format,
    /// What happens out of range.
    pub overflow: Overflow,
    /// What becomes of the bits below the format's.
    pub rest: Rest,
    /// Values of one event.
    size: NonZeroUsize,
    /// What decides whether a pixel is active, if that is the first thing that happens.
    activity: Option<Activity>,
    /// Where the first quantizer of an inferred grid adds one half.
    pub adds_half: AddsHalf,
}

/// To numbers of which sign Keras adds one half before it drops the rest. It does so in float32, in which the last number
/// before one half, and one half, make 1: that number is rounded as one half is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AddsHalf {
    /// To negative ones; it subtracts, rather.
    pub below_zero: bool,
    /// To positive ones.
    pub above_zero: bool,
}

/// What becomes of the bits below the format's.
#[derive(Debug, Clone)]
pub enum Rest {
    /// They are dropped, toward minus infinity, as an ADC does it: the format is the manifest's.
    Truncated,
    /// They are dropped too: the quantizer truncates, or rounds half up with a bit more than it keeps.
    Kept,
    /// The last bit is set if anything below it was ("rounding to odd"): what lies between two points of the grid stays
    /// between them, so that a quantizer with two bits less rounds it as it rounds the number itself.
    Odd,
    /// As [`Self::Odd`]. The quantizer wraps and rounds by the sign, which wrapping changes: a number out of range becomes
    /// what its element's format makes of it.
    OddOrQuantized {
        /// The quantizer that the input meets first.
        quantizer: Quantizer,
        /// The index of each element's format.
        classes: Vec<u16>,
    },
}

/// What decides whether a pixel is active.
#[derive(Debug, Clone, Copy)]
struct Activity {
    channels: usize,
    threshold: Option<f32>,
}

/// What happened to the floats of a data set on their way to the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GridReport {
    /// Values looked at.
    pub values: u64,
    /// Values that were between two points of the grid.
    pub off_grid: u64,
    /// Values beyond the format's range that were wrapped or saturated.
    pub out_of_range: u64,
    /// NaN and infinities, taken as 0.
    pub not_finite: u64,
    /// Pixels that are active in Keras, and not in the firmware, or the other way round.
    pub activity_changed: u64,
}

impl GridReport {
    /// Counts what happened to another part of the data set too.
    pub fn add(&mut self, other: Self) {
        self.values += other.values;
        self.off_grid += other.off_grid;
        self.out_of_range += other.out_of_range;
        self.not_finite += other.not_finite;
        self.activity_changed += other.activity_changed;
    }

    /// What happened, a sentence for each kind of thing.
    pub fn sentences(&self, grid: &InputGrid) -> Vec<String> {
        let (values, format) = (self.values, grid.format);
        let between = if grid.is_inferred() {
            "they keep the bits that the first quantizer gives them"
        } else {
            "they were truncated toward minus infinity, as an ADC does it"
        };
        let overflow = if grid.overflow == Overflow::Wrap { "wrapped" } else { "saturated" };
        let sentence = |count: u64, text: String| (count > 0).then(|| format!("{count} of {values} input values {text}"));
        let pixels = |count: u64| {
            let are = if count == 1 { "1 pixel is".to_owned() } else { format!("{count} pixels are") };
            let or_out = if self.out_of_range + self.not_finite > 0 { ", or the value is out of range" } else { "" };
            format!(
                "{are} active in Keras and not in the firmware, or the other way round: value and threshold are closer than the grid is fine{or_out}"
            )
        };
        [
            sentence(self.off_grid, format!("are not on the input grid, {format}; {between}")),
            sentence(self.out_of_range, format!("are out of range of {format} and were {overflow}")),
            sentence(self.not_finite, "are NaN or infinite and were taken as 0".to_owned()),
            (self.activity_changed > 0).then(|| pixels(self.activity_changed)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Whether Keras computed with other numbers than the firmware: what differs after that is no fault of a layer.
    pub fn changes_values(&self, grid: &InputGrid) -> bool {
        match grid.rest {
            Rest::Truncated => !self.is_exact(),
            // The first quantizer makes the same of them, as long as the same pixels are active.
            Rest::Kept | Rest::Odd | Rest::OddOrQuantized { .. } => self.activity_changed + self.not_finite > 0,
        }
    }

    /// Whether all values were on the grid.
    pub fn is_exact(&self) -> bool {
        self.off_grid + self.out_of_range + self.not_finite == 0
    }
}

impl InputGrid {
    /// The manifest's format, whose floats are truncated; or else the envelope of the first quantizer with one more
    /// fraction bit when it rounds half up, none when it truncates, two otherwise. A float that
    /// is not on that grid then keeps the bits that the quantizer gives it.
    pub(crate) fn infer(network: &Network, model: &manifest::Model) -> Result<Self> {
        let first = network.layers.iter().find_map(|layer| match &layer.op {
            Op::Quantize(quantizer) => Some(quantizer),
            _ => None,
        });
        let overflow = first.map_or(Overflow::Wrap, |quantizer| quantizer.overflow);
        let inferred =
            || first_quantizer(network).and_then(|(layer, quantizer)| Some((envelope(quantizer)?, rest(layer, quantizer))));
        let (format, rest) = model.input.map(|format| (format, Rest::Truncated)).or_else(inferred).ok_or_else(|| {
            Error::new(Code::InputFormat, "the format of the input cannot be inferred: no quantizer limits it")
                .file(&model.manifest)
                .key(format!("{}.input", model.key()))
                .help("add `input = \"ufixed<W,I>\"`, the format the detector delivers")
        })?;
        if format.width + u32::from(!format.signed) > MAX_WIDTH {
            return Err(Error::new(
                Code::InputFormat,
                format!("the input would be {format}; 64 bits, sign included, are the most"),
            )
            .file(&model.manifest)
            .key(format!("{}.input", model.key()))
            .help("add `input = \"ufixed<W,I>\"`, the format the detector delivers"));
        }
        let adds_half = match first.map(|quantizer| quantizer.rounding) {
            Some(rounding) if !matches!(rest, Rest::Truncated) => AddsHalf {
                below_zero: matches!(rounding, Rounding::HalfDown | Rounding::HalfAwayFromZero),
                above_zero: matches!(rounding, Rounding::HalfUp | Rounding::HalfAwayFromZero),
            },
            _ => AddsHalf::default(),
        };
        let size = network.input_shape.iter().product();
        let size = NonZeroUsize::new(size).ok_or_else(|| Error::internal("the input has no elements"))?;
        Ok(Self { format, overflow, rest, size, activity: activity(network), adds_half })
    }

    /// Whether the format is that of the first quantizer, not the manifest's.
    pub(crate) fn is_inferred(&self) -> bool {
        !matches!(self.rest, Rest::Truncated)
    }

    /// The mantissas of `values`, which are whole events, and what happened to them.
    pub fn mantissas(&self, values: &[f64]) -> (Mantissas, GridReport) {
        let mut report = GridReport { values: values.len() as u64, ..GridReport::default() };
        let scale = 2f64.powi(self.format.fraction);
        let range = self.format.range();
        // Nearly all values of nearly all data are on the grid and in range, and need no more than a look. Beyond 53
        // bits a float cannot tell what is in range, and beyond 24 Keras does not take every float as it is.
        let (lo, hi) = if self.format.width <= 53 { (range.lo as f64, range.hi as f64) } else { (0.0, 0.0) };
        let exact = if self.is_inferred() { f64::from(1 << f32::MANTISSA_DIGITS) } else { f64::INFINITY };
        let (lo, hi) = (lo.max(-exact), hi.min(exact));
        let mantissa = |(at, &value): (usize, &f64)| {
            let scaled = value * scale;
            let whole = scaled as i64;
            let is_easy = whole as f64 == scaled && lo <= scaled && scaled <= hi;
            if is_easy { whole } else { self.mantissa(value, at % self.size, &mut report) }
        };
        let mantissas = values.iter().enumerate().map(mantissa).collect();
        (Mantissas::new(mantissas, self.size, self.format), report)
    }

    /// The mantissa of `x`, value number `at` of its event.
    fn mantissa(&self, x: f64, at: usize, report: &mut GridReport) -> i64 {
        let x = self.taken(x);
        let mantissa = if x.is_finite() {
            self.finite(x, at, report)
        } else {
            report.not_finite += 1;
            0
        };
        report.activity_changed +=
            u64::from(self.activity.is_some_and(|activity| activity.changes(at, x, mantissa, self.format)));
        mantissa
    }

    /// `x` as float32, as Keras and the bindings take it. What is on a grid of the user's stays as it is: a detector may
    /// deliver more than 24 bits.
    fn taken(&self, x: f64) -> f64 {
        let scaled = x * 2f64.powi(self.format.fraction);
        if self.is_inferred() || scaled.floor() != scaled { as_keras_takes(x).into() } else { x }
    }

    /// The mantissa of `x` before it is wrapped or saturated, and whether `x` lies between two points of the grid.
    fn wide(&self, x: f64) -> (i128, bool) {
        let scale = 2f64.powi(self.format.fraction);
        let is_between = (x * scale).floor() != x * scale;
        let scaled = if is_between { self.half(x).unwrap_or(x) * scale } else { x * scale };
        // Far beyond any format the lower bits are zero, and wrapping gives the same as for the number itself.
        let floor = scaled.floor().clamp(-(2f64.powi(120)), 2f64.powi(120)) as i128;
        (if scaled.floor() != scaled && self.is_inferred_odd() { floor | 1 } else { floor }, is_between)
    }

    /// The power of two that follows on `x`, if Keras rounds `x` as that. Where it is not one half of a step, both are
    /// rounded the same way anyhow.
    fn half(&self, x: f64) -> Option<f64> {
        const MANTISSA: u32 = (1 << (f32::MANTISSA_DIGITS - 1)) - 1;
        let adds = if x < 0.0 { self.adds_half.below_zero } else { self.adds_half.above_zero };
        let bits = (x as f32).to_bits();
        let next = f64::from(f32::from_bits(bits.wrapping_add(1)));
        let is_in_range = next.abs() * 2f64.powi(self.format.fraction) <= self.format.range().hi as f64;
        (adds && bits & MANTISSA == MANTISSA && is_in_range).then_some(next)
    }

    /// The mantissa that `x` would have if the grid had no end, as far as 64 bits go; 0 for NaN and infinities.
    pub(crate) fn unreduced(&self, x: f64) -> i128 {
        let x = self.taken(x);
        let end = 1 << 63;
        if x.is_finite() { self.wide(x).0.clamp(-end, end) } else { 0 }
    }

    fn finite(&self, x: f64, at: usize, report: &mut GridReport) -> i64 {
        let (wide, is_between) = self.wide(x);
        report.off_grid += u64::from(is_between);
        let range = self.format.range();
        if (range.lo..=range.hi).contains(&wide) {
            return wide as i64;
        }
        report.out_of_range += 1;
        let reduced = match (&self.rest, self.overflow) {
            (Rest::OddOrQuantized { quantizer, classes }, _) => self.quantized(wide, quantizer, classes[at]),
            (_, Overflow::Wrap) => (wide - range.lo).rem_euclid(range.hi - range.lo + 1) + range.lo,
            (_, Overflow::Saturate | Overflow::SaturateSymmetric) => wide.clamp(range.lo, range.hi),
        };
        reduced as i64
    }

    /// What the format of number `class` makes of a mantissa, as a mantissa of the grid.
    fn quantized(&self, mantissa: i128, quantizer: &Quantizer, class: u16) -> i128 {
        let format = quantizer.formats[usize::from(class)];
        let result = format.quantize(mantissa, self.format.fraction, 1, quantizer.rounding, quantizer.overflow);
        format.fraction().map_or(0, |f| result << (self.format.fraction - f))
    }

    fn is_inferred_odd(&self) -> bool {
        matches!(self.rest, Rest::Odd | Rest::OddOrQuantized { .. })
    }
}

impl Activity {
    /// Whether the float `x` and its mantissa do not agree on whether the pixel is active.
    fn changes(self, at: usize, x: f64, mantissa: i64, format: Format) -> bool {
        if !at.is_multiple_of(self.channels) {
            return false;
        }
        let (in_keras, here) = match self.threshold {
            Some(threshold) => {
                (as_keras_takes(x) > threshold, i128::from(mantissa) > Threshold::new(threshold, format.fraction).floor)
            }
            None => (as_keras_takes(x) != 0.0, mantissa != 0),
        };
        in_keras != here
    }
}

/// What Keras makes of a number of a file, whatever its type there: a float32, and 0 if that would be subnormal.
pub(crate) fn as_keras_takes(x: f64) -> f32 {
    let x = x as f32;
    if x.is_subnormal() { 0.0 } else { x }
}

/// The threshold, if the image itself is what is held against it.
fn activity(network: &Network) -> Option<Activity> {
    let first = network.layers.first()?;
    match (&first.op, &first.shape) {
        (Op::InputReduce { threshold }, Shape::Sparse(SparseShape { channels, .. })) => {
            Some(Activity { channels: *channels, threshold: *threshold })
        }
        _ => None,
    }
}

/// What a quantizer needs of the bits below the envelope of its formats.
fn rest(layer: &Layer, quantizer: &Quantizer) -> Rest {
    let by_sign = matches!(quantizer.rounding, Rounding::TowardZero | Rounding::HalfTowardZero | Rounding::HalfAwayFromZero);
    match quantizer.rounding {
        // Truncated, one bit tells these what they need; see `envelope`.
        Rounding::Floor | Rounding::HalfUp => Rest::Kept,
        _ if by_sign && quantizer.overflow == Overflow::Wrap => {
            Rest::OddOrQuantized { quantizer: quantizer.clone(), classes: quantizer.expand(&layer.shape.keras()) }
        }
        _ => Rest::Odd,
    }
}

/// The quantizer that the input meets before anything else changes its values.
fn first_quantizer(network: &Network) -> Option<(&Layer, &Quantizer)> {
    for layer in &network.layers {
        match &layer.op {
            Op::Quantize(quantizer) => return Some((layer, quantizer)),
            Op::InputReduce { .. } | Op::SparseFlatten | Op::Reshape => {}
            Op::SparseConv2d(_)
            | Op::SparseBias(_)
            | Op::SparsePooling2d(_)
            | Op::Relu(_)
            | Op::Dense(_)
            | Op::Affine { .. }
            | Op::MaxMinus
            | Op::Lookup(_)
            | Op::Normalize { .. } => return None,
        }
    }
    None
}

/// The widest format of a quantizer's elements, with the extra fraction bits its rounding needs.
fn envelope(quantizer: &Quantizer) -> Option<Format> {
    let live = quantizer.formats.iter().filter_map(|format| match *format {
        QuantizerFormat::Live { k, i, f } => Some((k, i, f)),
        _ => None,
    });
    let (k, i, f) = live.reduce(|a, b| (a.0.max(b.0), a.1.max(b.1), a.2.max(b.2))).unwrap_or((0, 1, 0));
    let extra = match quantizer.rounding {
        Rounding::Floor => 0,
        Rounding::HalfUp => 1,
        _ => 2,
    };
    let width = k as i32 + i + f + extra;
    (width > 0).then_some(Format { signed: k == 1, width: width as u32, fraction: f + extra })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Layer, Network};

    /// `x * 2^f` for a float32 as an exact fraction: numerator and denominator, which is a power of two.
    fn scaled(x: f32, f: i32) -> (i128, i128) {
        let bits = x.to_bits();
        let exponent = ((bits >> 23) & 0xff) as i32;
        let magnitude = i128::from(bits & 0x7f_ffff) + if exponent == 0 { 0 } else { 1 << 23 };
        let shift = exponent.max(1) - 150 + f;
        let signed = if x < 0.0 { -magnitude } else { magnitude };
        match shift {
            0.. => (signed << shift, 1),
            -100..0 => (signed, 1 << -shift),
            _ => (signed.signum(), 1 << 100), // as near to 0 as makes no difference
        }
    }

    /// Rounds by the words of the documentation of each mode, on exact fractions.
    fn round((numerator, denominator): (i128, i128), rounding: Rounding) -> i128 {
        let below = numerator.div_euclid(denominator);
        let rest = numerator - below * denominator;
        let nearest = |tie_goes_up: bool| {
            if 2 * rest > denominator || 2 * rest == denominator && tie_goes_up { below + 1 } else { below }
        };
        match rounding {
            Rounding::Floor => below,
            Rounding::TowardZero => numerator / denominator,
            Rounding::HalfUp => nearest(true),
            Rounding::HalfDown => nearest(false),
            Rounding::HalfEven => nearest(below % 2 != 0),
            Rounding::HalfTowardZero => nearest(numerator < 0),
            Rounding::HalfAwayFromZero => nearest(numerator > 0),
        }
    }

    /// What the quantizer makes of a float: a mantissa with `f` fraction bits.
    fn exact(x: f32, format: QuantizerFormat, rounding: Rounding, overflow: Overflow) -> i128 {
        let QuantizerFormat::Live { k, i, f } = format else { return 0 };
        let x = if x.is_subnormal() { 0.0 } else { x };
        // Keras adds one half in float32, in which these two are 1 together.
        let is_nearly_half = (x * 2f32.powi(f)).abs() == 0.5f32.next_down();
        let adds_half = match rounding {
            Rounding::HalfUp => x > 0.0,
            Rounding::HalfDown => x < 0.0,
            Rounding::HalfAwayFromZero => true,
            _ => false,
        };
        let rounded = round(if is_nearly_half && adds_half { (x.signum() as i128, 2) } else { scaled(x, f) }, rounding);
        let end = 1i128 << (i + f);
        let lowest = match (k, overflow) {
            (0, _) => 0,
            (_, Overflow::SaturateSymmetric) => 1 - end,
            _ => -end,
        };
        match overflow {
            Overflow::Wrap => (rounded - lowest).rem_euclid(end - lowest) + lowest,
            _ => rounded.clamp(lowest, end - 1),
        }
    }

    fn grid(formats: &[QuantizerFormat], rounding: Rounding, overflow: Overflow) -> InputGrid {
        let shape = vec![formats.len()];
        let quantizer = Quantizer::new(formats, shape.clone(), rounding, overflow).unwrap();
        let layer = Layer {
            name: "q".into(),
            keras_name: "q".into(),
            keras_class: "Quantizer".into(),
            id: "q".into(),
            shape: Shape::Dense(shape.clone()),
            origin: crate::network::Origin::Model,
            op: Op::Quantize(quantizer),
        };
        let network = Network { input_shape: shape, layers: vec![layer], tolerance: 0.0 };
        InputGrid::infer(&network, &model()).unwrap()
    }

    /// An entry of a manifest that says nothing of the input.
    fn model() -> manifest::Model {
        let package = manifest::Package {
            name: "p".into(),
            manifest: "Cargo.toml".into(),
            directory: "".into(),
            metadata: Some(serde_json::json!({ "models": { "net": { "source": "net.keras" } } })),
            workspace_metadata: None,
            workspace_manifest: "Cargo.toml".into(),
            target_directory: "target".into(),
        };
        manifest::models(&package).unwrap().remove(0)
    }

    /// Floats around the points and ties of a quantizer with about `f` fraction bits, in range and far out of it.
    fn floats(random: &mut fastrand::Rng, f: i32) -> f32 {
        let step = 2f32.powi(-f);
        let near = random.i32(-40..=40) as f32 * step / *random.choice(&[1.0, 2.0, 4.0]).unwrap();
        let nudge = |x: f32, by: i32| f32::from_bits((x.abs().to_bits() as i32 + by).max(0) as u32).copysign(x);
        match random.u8(..9) {
            8 => (step / 2.0).next_down() * if random.bool() { 1.0 } else { -1.0 },
            0 => near,
            1 | 2 => nudge(near, random.i32(-2..=2)),
            3 => near + step * (random.f32() - 0.5),
            4 => (random.f32() - 0.5) * 64.0,
            5 => nudge(near * 1024.0, random.i32(-1..=1)),
            6 => random.choice(&[1e-30, -1e-30, 1e9, -1e9, 0.0, -0.0, 1e-40, -1e-40]).copied().unwrap(),
            _ => (random.f32() - 0.5) * step,
        }
    }

    #[test]
    fn a_double_is_taken_as_the_float_that_keras_makes_of_it() {
        let wide = grid(&[QuantizerFormat::live(1, 23, 2); 2], Rounding::Floor, Overflow::Wrap);
        // On the grid, and of 25 bits; the float32 that come next are even.
        let x = f64::from((1 << 24) + 1) / 4.0;
        assert_eq!(wide.mantissas(&[x, -x]).0.values(), [1 << 24, -(1 << 24)]);
        assert_eq!(wide.mantissas(&[x + 0.25, 1e-40]).0.values(), [(1 << 24) + 2, 0]);
    }

    #[test]
    fn a_double_between_two_points_of_a_given_grid_is_taken_as_float_too() {
        let mut given = grid(&[QuantizerFormat::live(0, 1, 31); 4], Rounding::Floor, Overflow::Wrap);
        given.rest = Rest::Truncated;
        // The first is on the grid, with more bits than a float has.
        let on_grid = 1.0 + 2f64.powi(-31);
        let third = f64::from(1.0f32 / 3.0);
        assert_eq!(
            given.mantissas(&[on_grid, 1.0 / 3.0, third, 1.0 - 1e-12]).0,
            given.mantissas(&[on_grid, third, third, 1.0]).0
        );
        assert_eq!(given.mantissas(&[on_grid, 1.0 - 1e-12, 0.0, 0.0]).0.values(), [(1 << 31) + 1, 1 << 31, 0, 0]);
        assert!(given.mantissas(&[1.0 - 1e-12; 4]).1.is_exact());
    }

    #[test]
    fn a_float_keeps_the_bits_of_the_first_quantizer_whatever_the_mode() {
        let mut random = fastrand::Rng::with_seed(7);
        let (mut compared, mut between, mut beyond, mut nearly_half) = (0u64, 0u64, 0u64, 0u64);
        for (rounding, ..) in Rounding::ALL {
            for overflow in [Overflow::Wrap, Overflow::Saturate, Overflow::SaturateSymmetric] {
                for _ in 0..60 {
                    // Each element has a format of its own, some of them none.
                    let formats: Vec<_> = (0..4)
                        .map(|_| QuantizerFormat::live(random.u32(0..=1), random.i32(-2..=4), random.i32(-2..=5)))
                        .collect();
                    if formats.iter().all(|format| *format == QuantizerFormat::Dead) {
                        continue;
                    }
                    let grid = grid(&formats, rounding, overflow);
                    for _ in 0..100 {
                        let values: Vec<f32> = formats
                            .iter()
                            .map(|_| {
                                let f = random.i32(-3..=6);
                                floats(&mut random, f)
                            })
                            .collect();
                        let wide: Vec<f64> = values.iter().map(|x| f64::from(*x)).collect();
                        let (mantissas, report) = grid.mantissas(&wide);
                        between += report.off_grid;
                        beyond += report.out_of_range;
                        for ((format, &x), &mantissa) in formats.iter().zip(&values).zip(mantissas.values()) {
                            let range = grid.format.range();
                            assert!((range.lo..=range.hi).contains(&i128::from(mantissa)));
                            let found = format.quantize(mantissa.into(), grid.format.fraction, 1, rounding, overflow);
                            nearly_half += u64::from(x.abs() == 2f32.powi(-1 - format.fraction().unwrap_or(99)).next_down());
                            let wanted = exact(x, *format, rounding, overflow);
                            assert_eq!(
                                found, wanted,
                                "{x:e} in {format:?}, {rounding:?}, {overflow:?}: mantissa {mantissa} of {}",
                                grid.format
                            );
                            compared += 1;
                        }
                    }
                }
            }
        }
        assert!(compared > 400_000 && between > 100_000 && beyond > 50_000, "{compared} {between} {beyond}");
        assert!(nearly_half > 2_000, "{nearly_half}");
    }
}
