//! One metadata table, with typed access whose errors name file, key and remedy.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use crate::error::{Code, Error, Result};

/// A metadata table and where it stands.
#[derive(Debug, Clone)]
pub struct Table {
    values: Map<String, Value>,
    key: String,
    file: PathBuf,
}

impl Table {
    /// The table `key` of `file`; an absent one is empty.
    pub(crate) fn new(value: Option<&Value>, key: &str, file: &Path) -> Result<Self> {
        let table = |values| Self { values, key: key.to_owned(), file: file.to_owned() };
        match value {
            None => Ok(table(Map::new())),
            Some(Value::Object(values)) => Ok(table(values.clone())),
            Some(other) => Err(Error::new(Code::InvalidValue, format!("`{key}` must be a table, not {}", kind(other)))
                .file(file)
                .key(key)
                .help(format!("write `[{key}]` and its keys below it"))),
        }
    }

    /// The keys that are there.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// An error at `name` in this table; an empty `name` means the table itself.
    pub(crate) fn error(&self, code: Code, name: &str, message: String) -> Error {
        let key = if name.is_empty() { self.key.clone() } else { format!("{}.{name}", self.key) };
        Error::new(code, message).file(&self.file).key(key)
    }

    /// Refuses every key that is not in `known`, and suggests the nearest.
    pub(crate) fn unknown_keys(&self, known: &[&str]) -> Vec<Error> {
        self.keys().filter(|key| !known.contains(key)).map(|key| self.unknown_key(key, known)).collect()
    }

    fn unknown_key(&self, unknown: &str, known: &[&str]) -> Error {
        let nearest = known
            .iter()
            .map(|name| (strsim::damerau_levenshtein(&unknown.replace('_', "-"), name), *name))
            .min()
            .filter(|(distance, name)| *distance <= name.len().max(4) / 2);
        let list = format!("known keys: {}", known.join(", "));
        let help = nearest.map_or(list.clone(), |(_, name)| format!("did you mean `{name}`? {list}"));
        self.error(Code::UnknownKey, unknown, format!("unknown key `{unknown}`")).help(help)
    }

    fn mistyped(&self, name: &str, value: &Value, wanted: &str, example: &str) -> Error {
        self.error(Code::InvalidValue, name, format!("`{name}` must be {wanted}, not {}", kind(value)))
            .help(format!("for example `{name} = {example}`"))
    }

    /// The string `name`.
    pub(crate) fn string(&self, name: &str) -> Result<Option<String>> {
        match self.values.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.contains('\0') => Ok(Some(text.clone())),
            Some(Value::String(_)) => {
                Err(self.error(Code::InvalidValue, name, format!("`{name}` holds a NUL character")).help("remove it"))
            }
            Some(other) => Err(self.mistyped(name, other, "a string", "\"…\"")),
        }
    }

    /// The list of strings `name`.
    pub(crate) fn words(&self, name: &str) -> Result<Option<Vec<String>>> {
        let Some(value) = self.values.get(name) else { return Ok(None) };
        let word = |value: &Value| value.as_str().filter(|word| !word.is_empty() && !word.contains('\0')).map(str::to_owned);
        let words = value.as_array().and_then(|words| words.iter().map(word).collect::<Option<Vec<_>>>());
        words
            .map(Some)
            .ok_or_else(|| self.mistyped(name, value, "a list of strings that are not empty", "[\"srun\", \"--mem=64G\"]"))
    }

    /// The number `name`, which must lie between `min` and `max` (in `unit`).
    pub(crate) fn number_between(&self, name: &str, unit: &str, min: f64, max: f64) -> Result<Option<f64>> {
        let Some(value) = self.values.get(name) else { return Ok(None) };
        match value.as_f64() {
            Some(number) if (min..=max).contains(&number) => Ok(Some(number)),
            Some(number) => Err(self
                .error(Code::InvalidValue, name, format!("`{name}` is {number} {unit}"))
                .help(format!("give a number from {min} to {max}, in {unit}"))),
            None => Err(self.mistyped(name, value, &format!("a number ({unit})"), "5.0")),
        }
    }

    /// Whether `name` is asked for.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>> {
        let Some(value) = self.values.get(name) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| self.mistyped(name, value, "true or false", "true"))
    }

    /// The non-negative integer `name`.
    pub(crate) fn count(&self, name: &str) -> Result<Option<u64>> {
        let Some(value) = self.values.get(name) else { return Ok(None) };
        value.as_u64().map(Some).ok_or_else(|| self.mistyped(name, value, "a whole number, zero or more", "200"))
    }

    /// The positive integer `name`. One beyond `usize` is more than any layer has, as `usize::MAX` is.
    pub(crate) fn positive(&self, name: &str) -> Result<Option<NonZeroUsize>> {
        let Some(count) = self.count(name)? else { return Ok(None) };
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        NonZeroUsize::new(count)
            .map(Some)
            .ok_or_else(|| self.error(Code::InvalidValue, name, format!("`{name}` is 0")).help("give 1 or more"))
    }

    /// The string `key`, which must be the name of one of `all`.
    pub(crate) fn choice<T: Copy>(&self, key: &str, all: &[T], name: fn(T) -> &'static str) -> Result<Option<T>> {
        let Some(text) = self.string(key)? else { return Ok(None) };
        all.iter().find(|choice| name(**choice) == text).map(|choice| Some(*choice)).ok_or_else(|| {
            let names: Vec<_> = all.iter().map(|choice| format!("\"{}\"", name(*choice))).collect();
            self.error(Code::InvalidValue, key, format!("`{key}` cannot be {text:?}")).help(format!("use {}", names.join(" or ")))
        })
    }

    /// The table `name`, empty if it is absent.
    pub fn table(&self, name: &str) -> Result<Self> {
        Self::new(self.values.get(name), &format!("{}.{name}", self.key), &self.file)
    }

    /// The tables inside the table `name`, by their names.
    pub(crate) fn tables(&self, name: &str) -> Result<Vec<(String, Self)>> {
        let outer = self.table(name)?;
        outer.values.keys().map(|inner| Ok((inner.clone(), outer.table(inner)?))).collect()
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "a table",
    }
}
