//! Why an engine and Keras differ, as far as the data tell: what the input grid did to them, whether that is what the
//! events that differ have in common, and the `input` with which they would agree.
//!
//! It reads the data again, and only after a comparison has failed.

use std::ops::AddAssign;

use crate::{
    backend, check,
    data::Source,
    engine,
    error::{Error, Result},
    fixed::Format,
    float32::Float32,
    formats::{FixedNetwork, GridReport, as_keras_takes},
    manifest::Model,
    parallel,
    reference::Reference,
};

/// The widest `input` that is proposed.
const WIDEST: u32 = 32;

/// What is known about data that differ from Keras.
#[derive(Debug)]
pub struct Diagnosis {
    /// What happened to the inputs.
    pub grid: GridReport,
    counts: Counts,
    /// What to do, if the grid has to do with it.
    pub remedy: Option<Remedy>,
    sentences: Vec<String>,
}

/// What would help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// With this `input` in the manifest all events agree; it has been tried.
    Input {
        /// The format.
        format: Format,
        /// Events that were tried.
        events: usize,
    },
    /// The line of Python that brings the data to the grid before Keras gets them.
    Numpy(String),
}

/// Events, by whether Keras computed with other numbers than the firmware, and whether the outputs differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    events: usize,
    changed: usize,
    different: usize,
    both: usize,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.changed += other.changed;
        self.different += other.different;
        self.both += other.both;
    }
}

impl Counts {
    /// What the events that differ have to do with those that the grid changed.
    fn sentence(self) -> Option<String> {
        let Self { changed, different, both, .. } = self;
        let those = if different == 1 {
            "the event that differs is".to_owned()
        } else {
            format!("the {different} events that differ are")
        };
        match both {
            _ if changed == 0 || different == 0 => None,
            _ if both == different && both == changed => Some(format!("{those} exactly those with such values")),
            _ if both == different => Some(format!("{those} among the {changed} events with such values")),
            0 => Some(format!("{those} not among the {changed} events with such values")),
            _ => Some(format!("{both} of the {different} events that differ are among the {changed} with such values")),
        }
    }
}

impl Diagnosis {
    /// Looks at the data that `sources` opens, inputs and what Keras has for them, once or twice.
    ///
    /// # Errors
    /// What reading can give.
    pub fn new(model: &Model, network: &FixedNetwork, sources: impl Fn() -> Result<(Source, Source)>) -> Result<Self> {
        let Pass { grid, counts, format, .. } = Pass::over(network, sources()?)?;
        let mut sentences = grid.sentences(&network.input);
        sentences.extend(counts.sentence());
        let remedy = if counts.changed == 0 || counts.different == 0 {
            None
        } else {
            let tried = format.format().filter(|format| *format != network.input.format).map(|format| {
                let events = agree(model, format, sources()?)?;
                Ok::<_, Error>(events.map(|events| Remedy::Input { format, events }))
            });
            tried.transpose()?.flatten().or_else(|| Some(Remedy::Numpy(numpy_line(network.input.format, grid))))
        };
        Ok(Self { grid, counts, remedy, sentences })
    }

    /// Adds to `error` what the grid did, and what would help.
    #[must_use]
    pub fn explain(&self, mut error: Error) -> Error {
        for sentence in &self.sentences {
            error = error.and(sentence);
        }
        match &self.remedy {
            None => error,
            Some(Remedy::Input { format, events }) => {
                error.help_instead(format!("set `input`: with input = \"{format}\" all {events} events agree"))
            }
            Some(Remedy::Numpy(line)) => error.help_instead(format!(
                "put the data on the input grid before Keras gets them: `{line}`{}",
                if self.counts.both < self.counts.different { "; that does not explain all that differs" } else { "" }
            )),
        }
    }
}

/// Adds to an error about the golden file of a model what the data tell. If they cannot be read again, that is not what
/// matters.
pub fn explain_golden(model: &Model, network: &FixedNetwork, error: Error) -> Error {
    let Some(path) = &model.golden else { return error };
    let sources = || Ok((Source::in_archive(path, "x")?, Source::in_archive(path, "y")?));
    match Diagnosis::new(model, network, sources) {
        Ok(diagnosis) => diagnosis.explain(error),
        Err(_) => error,
    }
}

/// How many events there are, if all agree with Keras with this input format; nothing if one differs, or the network
/// cannot have it.
fn agree(model: &Model, format: Format, sources: (Source, Source)) -> Result<Option<usize>> {
    let model = Model { input: Some(format), ..model.clone() };
    let Ok(network) = FixedNetwork::read(&model) else { return Ok(None) };
    if backend::plan(&network, &model).is_err() {
        return Ok(None);
    }
    let Counts { events, different, .. } = Pass::over(&network, sources)?.counts;
    Ok((different == 0).then_some(events))
}

/// The line of Python that brings such data to the input grid: as float32, in which Keras gets them, and which holds 24 bits
/// of the end of the range.
pub fn numpy_line(grid: Format, data: GridReport) -> String {
    let (fraction, range) = (grid.fraction, grid.range());
    let bits = i128::BITS - range.hi.leading_zeros();
    let below = bits.saturating_sub(f32::MANTISSA_DIGITS);
    let (lo, hi) = (range.lo, range.hi >> below << below);
    let x = if data.not_finite > 0 { "np.nan_to_num(np.float32(x), nan=0, posinf=0, neginf=0)" } else { "np.float32(x)" };
    format!("x = np.clip(np.floor({x} * 2.0**{fraction}), {lo}, {hi}) / 2.0**{fraction}")
}

/// What one look at all the data found.
#[derive(Default)]
struct Pass {
    grid: GridReport,
    counts: Counts,
    format: DataFormat,
}

impl Pass {
    fn over(network: &FixedNetwork, (mut x, mut y): (Source, Source)) -> Result<Self> {
        let (mut x, mut y) = (x.events()?, y.events()?);
        let (reference, float32) = (&Reference::new(network), &Float32::new(network));
        let worker = |_| move |(x, y): (Vec<f64>, Vec<f64>)| Ok(Self::of(network, reference, float32, &x, &y));
        let workers = (0..parallel::workers()).map(worker).collect();
        let events = engine::chunk_events(network);
        let next = || {
            let chunk = (x.read(events.get())?, y.read(events.get())?);
            Ok(Some(chunk).filter(|(x, _)| !x.is_empty()))
        };
        let mut all = Self::default();
        parallel::in_order(workers, next, |part: Self| {
            all.grid.add(part.grid);
            all.counts += part.counts;
            all.format.join(part.format);
            Ok(())
        })?;
        Ok(all)
    }

    fn of(network: &FixedNetwork, reference: &Reference<'_>, float32: &Float32<'_>, x: &[f64], y: &[f64]) -> Self {
        let mut all = Self::default();
        let events = x.chunks(network.input_len().get()).zip(y.chunks(network.output_len().get()));
        for (x, y) in events {
            let (inputs, grid) = network.input.mantissas(x);
            let found = reference.run_each(&inputs).to_floats();
            let is_different = check::with_keras(float32, &inputs, &found, y).events_different > 0;
            let is_changed = grid.changes_values(&network.input);
            all.grid.add(grid);
            all.counts += Counts {
                events: 1,
                changed: is_changed.into(),
                different: is_different.into(),
                both: (is_changed && is_different).into(),
            };
        }
        all.format.add(x);
        all
    }
}

/// The narrowest format that holds all numbers of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct DataFormat {
    /// Bits behind the binary point, unless all numbers are 0.
    fraction: Option<i32>,
    lo: f64,
    hi: f64,
    /// There is NaN or an infinity.
    none: bool,
}

impl DataFormat {
    fn add(&mut self, values: &[f64]) {
        for x in values.iter().map(|x| f64::from(as_keras_takes(*x))).filter(|x| *x != 0.0) {
            if !x.is_finite() {
                self.none = true;
                continue;
            }
            let fraction = fraction_bits(x);
            self.fraction = Some(self.fraction.map_or(fraction, |before| before.max(fraction)));
            self.lo = self.lo.min(x);
            self.hi = self.hi.max(x);
        }
    }

    fn join(&mut self, other: Self) {
        self.fraction = self.fraction.max(other.fraction);
        self.lo = self.lo.min(other.lo);
        self.hi = self.hi.max(other.hi);
        self.none |= other.none;
    }

    /// The format, if one of up to [`WIDEST`] bits does.
    fn format(&self) -> Option<Format> {
        let fraction = self.fraction.filter(|_| !self.none)?;
        let scale = 2f64.powi(fraction);
        let (lo, hi) = (self.lo * scale, self.hi * scale);
        let signed = lo < 0.0;
        let format = (1..=WIDEST).map(|width| Format { signed, width, fraction }).find(|format| {
            let range = format.range();
            range.lo as f64 <= lo && hi <= range.hi as f64
        });
        // What the manifest would not take is no remedy.
        format.filter(|format| Format::parse(&format.to_string()) == Some(*format))
    }
}

/// The fewest bits behind the binary point that hold `x` exactly; `x` is finite and not 0.
fn fraction_bits(x: f64) -> i32 {
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32;
    let mantissa = (bits & ((1 << 52) - 1)) | if exponent == 0 { 0 } else { 1 << 52 };
    // x = mantissa * 2^(exponent - 1075), and its lowest bit that is set decides.
    1075 - exponent.max(1) - mantissa.trailing_zeros() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(values: &[f64]) -> Option<String> {
        let (front, back) = values.split_at(values.len() / 2);
        let (mut all, mut other) = (DataFormat::default(), DataFormat::default());
        all.add(front);
        other.add(back);
        all.join(other);
        all.format().map(|format| format.to_string())
    }

    #[test]
    fn the_narrowest_format_that_holds_all_values() {
        for (values, wanted) in [
            (&[0.0, 3.0, 255.0][..], Some("ufixed<8,8>")),
            (&[0.0, 256.0], Some("ufixed<1,9>")),
            (&[0.5, 0.25, 1.75], Some("ufixed<3,1>")),
            (&[-1.0, 0.5], Some("fixed<2,1>")),
            (&[-1.0, 1.0], Some("fixed<2,2>")),
            (&[f64::from(1.0f32 / 255.0), 1.0], Some("ufixed<32,1>")),
            (&[f64::from(1.0f32 / 255.0), 2.0], None),
            (&[1.0 / 255.0, 1.0], Some("ufixed<32,1>")),
            (&[0.001, 1.0], None),
            (&[0.0], None),
            (&[1.0, f64::NAN], None),
            (&[5e-324], None),
        ] {
            assert_eq!(format(values).as_deref(), wanted, "{values:?}");
        }
    }

    #[test]
    fn the_line_of_numpy_stays_in_range_as_float32() {
        let line = |format, data| numpy_line(Format::parse(format).unwrap(), data);
        let finite = GridReport::default();
        assert_eq!(line("ufixed<8,1>", finite), "x = np.clip(np.floor(np.float32(x) * 2.0**7), 0, 255) / 2.0**7");
        assert_eq!(line("fixed<25,25>", finite), "x = np.clip(np.floor(np.float32(x) * 2.0**0), -16777216, 16777215) / 2.0**0");
        // 2^32 - 1 is 2^32 in float32, which is out of range.
        assert!(line("ufixed<32,0>", finite).contains(&format!(", 0, {}) ", 4_294_967_040_f32 as u32)));
        assert!(line("ufixed<8,1>", GridReport { not_finite: 1, ..finite }).contains("np.nan_to_num(np.float32(x), nan=0, "));
    }

    #[test]
    fn what_the_events_that_differ_have_in_common() {
        let sentence = |changed, different, both| Counts { events: 100, changed, different, both }.sentence();
        assert_eq!(sentence(0, 3, 0), None);
        assert_eq!(sentence(3, 3, 3).unwrap(), "the 3 events that differ are exactly those with such values");
        assert_eq!(sentence(9, 1, 1).unwrap(), "the event that differs is among the 9 events with such values");
        assert_eq!(sentence(9, 4, 1).unwrap(), "1 of the 4 events that differ are among the 9 with such values");
        assert_eq!(sentence(9, 4, 0).unwrap(), "the 4 events that differ are not among the 9 events with such values");
    }
}
