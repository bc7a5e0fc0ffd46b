//! The events of a golden file.

use std::path::PathBuf;

use crate::{
    data::{self, Source},
    error::{Error, Result},
    formats::{FixedNetwork, GridReport},
    manifest::Model,
    mantissas::Mantissas,
};

/// Golden events, on the input grid.
#[derive(Debug, Clone)]
pub struct Golden {
    /// What goes in.
    pub inputs: Mantissas,
    /// What Keras computed.
    pub outputs: Vec<f64>,
    /// What happened to inputs that were not on the grid.
    pub grid: GridReport,
}

impl Golden {
    /// Brings events to the input grid.
    ///
    /// # Errors
    /// [`InvalidData`](crate::Code::InvalidData) if shapes do not fit the network.
    pub fn new(golden: data::Golden, network: &FixedNetwork) -> Result<Self> {
        data::check_events(&golden.x, network)?;
        data::check_outputs(golden.x.events(), &golden.y.shape, network)?;
        Ok(Self::of_floats(&golden.x.values, golden.y.values, network))
    }

    fn of_floats(x: &[f64], outputs: Vec<f64>, network: &FixedNetwork) -> Self {
        let (inputs, grid) = network.input.mantissas(x);
        Self { inputs, outputs, grid }
    }
}

/// The golden file that a manifest names. It is read piece by piece, whatever its size, and only what its headers say of shapes
/// is known to be right.
#[derive(Debug, Clone)]
pub struct GoldenFile<'a> {
    path: PathBuf,
    key: String,
    network: &'a FixedNetwork,
}

impl<'a> GoldenFile<'a> {
    /// The golden file of `model`, if it names one.
    pub(super) fn of(model: &Model, network: &'a FixedNetwork) -> Result<Option<Self>> {
        let Some(path) = &model.golden else { return Ok(None) };
        let file = Self { path: path.clone(), key: format!("{}.golden", model.key()), network };
        file.each(0, &mut |_| Ok(false))?;
        Ok(Some(file))
    }

    /// The first events, `most` at most.
    ///
    /// # Errors
    /// [`InvalidData`](crate::Code::InvalidData), [`Io`](crate::Code::Io); the error names file and key.
    pub fn first(&self, most: usize) -> Result<Golden> {
        let mut first = None;
        self.each(most, &mut |golden| {
            first = Some(golden);
            Ok(false)
        })?;
        first.ok_or_else(|| Error::internal("a golden file was not read"))
    }

    /// Hands all events to `take`, `events` at a time, until that gives `false`.
    ///
    /// # Errors
    /// As [`Self::first`], and those of `take`.
    pub fn each(&self, events: usize, take: &mut dyn FnMut(Golden) -> Result<bool>) -> Result {
        let in_file = |error: Error| error.file(&self.path).key(&self.key);
        let open = |array| Source::in_archive(&self.path, array).map_err(in_file);
        let (mut x, mut y) = (open("x")?, open("y")?);
        let (mut x, mut y) = (x.events().map_err(in_file)?, y.events().map_err(in_file)?);
        data::check_shape(x.shape(), self.network).map_err(in_file)?;
        data::check_outputs(x.count(), y.shape(), self.network).map_err(in_file)?;
        loop {
            let (x, y) = (x.read(events).map_err(in_file)?, y.read(events).map_err(in_file)?);
            let end = x.is_empty();
            if end && events > 0 || !take(Golden::of_floats(&x, y, self.network))? {
                return Ok(());
            }
        }
    }
}
