//! What text is made with, in every language.

use minijinja::{Environment, Value, value::Serde};
use serde::Serialize;

use crate::{
    error::{Code, Error, Result},
    fixed::Format,
};

/// The templates, parsed.
#[derive(Debug)]
pub struct Templates(Environment<'static>);

impl Templates {
    /// Parses all templates.
    ///
    /// # Errors
    /// [`Code::Io`], which cannot happen with the embedded templates.
    pub fn new() -> Result<Self> {
        let mut environment = Environment::new();
        // Nothing is HTML, and a missing value must not become an empty text.
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::SemiStrict);
        for (name, text) in sparsehls_templates::TEMPLATES {
            environment.add_template(name, text).map_err(|error| broken(&error))?;
        }
        Ok(Self(environment))
    }

    /// Fills in the template `name`.
    ///
    /// # Errors
    /// [`Code::Io`], which cannot happen with the embedded templates.
    pub fn render(&self, name: &str, values: &Value) -> Result<String> {
        let text = self.0.get_template(name).and_then(|template| template.render(values.clone()));
        // The newline at the end of a template is not part of what it gives.
        text.map(|text| text + "\n").map_err(|error| broken(&error))
    }
}

/// Data for a template.
pub fn serde(data: impl Serialize) -> Value {
    Value::from(Serde(data))
}

fn broken(error: &minijinja::Error) -> Error {
    let detail = error.detail().unwrap_or_default();
    let place = format!("{}:{}", error.name().unwrap_or_default(), error.line().unwrap_or_default());
    Error::new(Code::Io, format!("a template of cargo-sparsehls is broken: {error} {detail} ({place})"))
        .help("this is a bug in cargo-sparsehls; please report it with the model")
}

/// `28 x 28 x 1`.
pub(super) fn describe(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x ")
}

/// `digits: 28 x 28 x 1 values of ufixed<8,1> in, 10 of fixed<12,5> out.`
pub(super) fn summary(name: &str, shape: &str, input: Format, outputs: usize, output: Format) -> String {
    format!("{name}: {shape} values of {input} in, {outputs} of {output} out.")
}
