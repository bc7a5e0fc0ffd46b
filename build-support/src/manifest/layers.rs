//! What the manifest says about single layers.

use std::collections::BTreeMap;

use super::{Knob, Knobs, Problems, Variant, table::Table};
use crate::{
    error::{Code, Result},
    fixed::Format,
};

/// Formats for what the model itself does not quantize.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Precision {
    /// Weights of plain Keras layers.
    pub weights: Option<Format>,
    /// The layer's result.
    pub result: Option<Format>,
}

/// What the manifest says about one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayerOptions {
    /// Formats.
    pub precision: Precision,
    /// Which implementation.
    pub variant: Option<Variant>,
    /// How much it does in one step. What is not given is chosen.
    pub knobs: Knobs,
}

impl LayerOptions {
    /// The keys that are given about the layer's hardware.
    pub(crate) fn hardware_keys(&self) -> impl Iterator<Item = &'static str> {
        self.variant.map(|_| Variant::KEY).into_iter().chain(self.knobs.given().map(Knob::key))
    }
}

/// The keys of [`Precision`].
pub(super) const PRECISION_KEYS: [&str; 2] = ["weights-precision", "result-precision"];

pub(super) fn read(own: &Table, wrong: &mut Problems) -> BTreeMap<String, LayerOptions> {
    let keys = [&PRECISION_KEYS[..], Knob::KEYS, &[Variant::KEY]].concat();
    let tables = wrong.take(own.tables("layers"));
    tables
        .into_iter()
        .map(|(layer, table)| {
            wrong.0.extend(table.unknown_keys(&keys));
            let options = LayerOptions {
                precision: precision(&table, wrong),
                variant: wrong.take(table.choice(Variant::KEY, Variant::ALL, Variant::name)),
                knobs: Knobs::read(&[table], wrong),
            };
            (layer, options)
        })
        .collect()
}

pub(super) fn precision(table: &Table, wrong: &mut Problems) -> Precision {
    let mut read = |name| wrong.take(format(table, name));
    let [weights, result] = PRECISION_KEYS;
    Precision { weights: read(weights), result: read(result) }
}

pub(super) fn format(table: &Table, name: &str) -> Result<Option<Format>> {
    let Some(text) = table.string(name)? else { return Ok(None) };
    Format::parse(&text).map(Some).ok_or_else(|| {
        table
            .error(Code::InvalidValue, name, format!("{text:?} is not a fixed-point format"))
            .help("write `fixed<W,I>` or `ufixed<W,I>` with 1 to 64 bits W, of which I before the binary point, for example \"ufixed<8,0>\"")
    })
}
