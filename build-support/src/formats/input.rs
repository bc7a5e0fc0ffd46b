//! The input grid: which numbers the firmware takes, and how floats become them.

use serde::Serialize;

use crate::{
    error::{Code, Error, Result},
    fixed::{Format, Overflow, QuantizerFormat, Rounding},
    manifest,
    network::{Network, Op, Quantizer},
};

/// The input's format, and what happens to a float that is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputGrid {
    /// The format.
    pub format: Format,
    /// What happens out of range.
    pub overflow: Overflow,
}

/// What happened to the floats of a data set on their way to the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GridReport {
    /// Values that were not on the grid and were truncated toward minus infinity.
    pub off_grid: u64,
    /// Values beyond the format's range that were wrapped or saturated.
    pub out_of_range: u64,
    /// NaN and infinities, taken as 0.
    pub not_finite: u64,
}

impl GridReport {
    /// Counts what happened to another part of the data set too.
    pub fn add(&mut self, other: Self) {
        self.off_grid += other.off_grid;
        self.out_of_range += other.out_of_range;
        self.not_finite += other.not_finite;
    }
}

impl InputGrid {
    /// The manifest's format, or else the envelope of the first quantizer with one more fraction bit when it rounds
    /// half up, none when it truncates, two otherwise (section 2 of the design). For a quantizer that truncates or rounds
    /// half up, a number between two points of the grid then gives what the point below it gives; for the others only
    /// numbers on the grid are exact.
    pub fn infer(network: &Network, model: &manifest::Model) -> Result<Self> {
        let first = network.layers.iter().find_map(|layer| match &layer.op {
            Op::Quantize(quantizer) => Some(quantizer),
            _ => None,
        });
        let overflow = first.map_or(Overflow::Wrap, |quantizer| quantizer.overflow);
        let format = model.input.or_else(|| first_quantizer(network).and_then(envelope)).ok_or_else(|| {
            Error::new(Code::InputFormat, "the format of the input cannot be inferred: no quantizer limits it")
                .file(&model.manifest)
                .key(format!("{}.input", model.key()))
                .help("add `input = \"ufixed<W,I>\"`, the format the detector delivers")
        })?;
        if format.width + u32::from(!format.signed) > super::MAX_WIDTH {
            return Err(Error::new(
                Code::InputFormat,
                format!("the input would be {format}; 64 bits, sign included, are the most"),
            )
            .file(&model.manifest)
            .key(format!("{}.input", model.key()))
            .help("add `input = \"ufixed<W,I>\"`, the format the detector delivers"));
        }
        Ok(Self { format, overflow })
    }

    /// The mantissas of `values`, and what happened to them.
    pub fn mantissas(&self, values: &[f64]) -> (Vec<i64>, GridReport) {
        let mut report = GridReport::default();
        let scale = 2f64.powi(self.format.fraction);
        let range = self.format.interval();
        // Nearly all values of nearly all data are on the grid and in range, and need no more than a look. Beyond 53
        // bits a float cannot tell what is in range.
        let (lo, hi) = if self.format.width <= 53 { (range.lo as f64, range.hi as f64) } else { (0.0, 0.0) };
        let mantissa = |&value: &f64| {
            let scaled = value * scale;
            let whole = scaled as i64;
            let is_easy = whole as f64 == scaled && lo <= scaled && scaled <= hi;
            if is_easy { whole } else { self.mantissa(value, &mut report) }
        };
        let mantissas = values.iter().map(mantissa).collect();
        (mantissas, report)
    }

    /// The mantissa of `x`: truncated toward minus infinity, then wrapped or saturated.
    pub fn mantissa(&self, x: f64, report: &mut GridReport) -> i64 {
        if !x.is_finite() {
            report.not_finite += 1;
            return 0;
        }
        let scaled = x * 2f64.powi(self.format.fraction);
        let floor = scaled.floor();
        report.off_grid += u64::from(floor != scaled);
        let range = self.format.interval();
        // Far beyond any format the lower bits are zero, and wrapping gives the same as for the number itself.
        let wide = floor.clamp(-(2f64.powi(120)), 2f64.powi(120)) as i128;
        if (range.lo..=range.hi).contains(&wide) {
            return wide as i64;
        }
        report.out_of_range += 1;
        let reduced = match self.overflow {
            Overflow::Wrap => (wide - range.lo).rem_euclid(range.hi - range.lo + 1) + range.lo,
            Overflow::Saturate | Overflow::SaturateSymmetric => wide.clamp(range.lo, range.hi),
        };
        reduced as i64
    }
}

/// The quantizer that the input meets before anything else changes its values.
fn first_quantizer(network: &Network) -> Option<&Quantizer> {
    for layer in &network.layers {
        match &layer.op {
            Op::Quantize(quantizer) => return Some(quantizer),
            Op::InputReduce { .. } | Op::SparseFlatten | Op::Reshape => {}
            _ => return None,
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
