//! The events of a golden file.

use crate::{
    data,
    error::Result,
    formats::{FixedNetwork, GridReport},
    manifest::Model,
    mantissas::Mantissas,
};

/// The events of a manifest's golden file, on the input grid.
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
    /// Reads the golden file of `model`, if it names one.
    pub(super) fn of(model: &Model, network: &FixedNetwork) -> Result<Option<Self>> {
        let Some(path) = &model.golden else { return Ok(None) };
        let read = || Self::new(data::read_golden(path)?, network).map_err(|error| error.file(path));
        read().map(Some).map_err(|error| error.key(format!("{}.golden", model.key())))
    }

    /// As [`Self::of`], but no more than the first `events`.
    pub(super) fn first(model: &Model, network: &FixedNetwork, events: usize) -> Result<Option<Self>> {
        let Some(path) = &model.golden else { return Ok(None) };
        let read = || {
            let (mut x, mut y) = (data::Source::in_archive(path, "x")?, data::Source::in_archive(path, "y")?);
            let (mut x, mut y) = (x.events()?, y.events()?);
            data::check_shape(x.shape(), network)?;
            data::check_outputs(x.count(), y.shape(), network)?;
            let first = |array: &mut data::Events<'_>| {
                let shape = [&[events.min(array.count())], &array.shape()[1..]].concat();
                array.read(events).map(|values| data::Array { shape, values })
            };
            Self::new(data::Golden { x: first(&mut x)?, y: first(&mut y)? }, network)
        };
        let read = || read().map_err(|error| error.file(path));
        read().map(Some).map_err(|error| error.key(format!("{}.golden", model.key())))
    }

    /// Brings events to the input grid.
    ///
    /// # Errors
    /// [`InvalidData`](crate::Code::InvalidData) if shapes do not fit the network.
    pub fn new(golden: data::Golden, network: &FixedNetwork) -> Result<Self> {
        data::check_events(&golden.x, network)?;
        data::check_outputs(golden.x.events(), &golden.y.shape, network)?;
        let (inputs, grid) = data::to_mantissas(&golden.x, network);
        Ok(Self { inputs, outputs: golden.y.values, grid })
    }
}
