//! Keys that a model needs and that nobody gave: they are left open in the Cargo.toml.

use sparsehls_build::{
    Code, Error, Result,
    fixed::Format,
    manifest::{Model, Precision},
    terminal,
};

/// A key of the model's table that the user is to fill in.
#[derive(Debug)]
pub struct Missing {
    /// Its name.
    pub key: &'static str,
    form: &'static str,
    example: &'static str,
    meaning: &'static str,
    /// Why the model needs it.
    error: Error,
}

impl Missing {
    /// What `error` says is missing. The model gets something narrow in its place, so that the rest of it is checked too.
    ///
    /// # Errors
    /// The error itself if no key of the model's table would help.
    pub fn of(error: Error, model: &mut Model) -> Result<Self> {
        let stand_in = Format { signed: true, width: 4, fraction: 2 };
        match error.code() {
            Code::InputFormat if model.input.is_none() => {
                model.input = Some(stand_in);
                let meaning = "what the detector delivers";
                Ok(Self { key: "input", form: "ufixed<W,I>", example: "ufixed<8,1>", meaning, error })
            }
            Code::MissingKey if model.precision.weights.is_none() => {
                let result = model.precision.result.or(Some(stand_in));
                model.precision = Precision { weights: Some(stand_in), result };
                let meaning = "weights of plain Keras layers";
                Ok(Self { key: "weights-precision", form: "fixed<W,I>", example: "fixed<8,2>", meaning, error })
            }
            _ => Err(error),
        }
    }

    /// The line of the Cargo.toml that is left open.
    pub fn line(&self) -> String {
        let Self { key, form, meaning, .. } = self;
        format!("# {key} = \"{form}\"    # to be filled in: {meaning}")
    }

    /// What the user is to do, and why.
    pub fn note(&self, golden: bool) -> String {
        let Self { key, example, error, .. } = self;
        let layer = error.layer_name().map(|layer| format!(" (layer `{}`)", terminal::name(layer))).unwrap_or_default();
        let exactly = match golden && *key == "weights-precision" {
            true => ". It must hold every weight exactly, or outputs differ from the golden file",
            false => "",
        };
        format!(
            "{}{layer}: fill in `{key}` in Cargo.toml, in the line that a `#` holds open, with W bits, of which I before the \
             binary point, for example `{key} = \"{example}\"`; or make the package with --{key} FORMAT{exactly}",
            error.message()
        )
    }
}
