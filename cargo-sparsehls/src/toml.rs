//! TOML as JSON, as `cargo metadata` has it: for a machine without cargo.

use serde_json::{Map, Value};
use toml_edit::{DocumentMut, Item, TableLike};

/// The tables of a Cargo.toml.
pub fn parse(text: &str) -> Result<Value, String> {
    let document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.to_string())?;
    Ok(table(document.as_table()))
}

fn table(table: &dyn TableLike) -> Value {
    let entries = table.iter().map(|(key, value)| (key.to_owned(), item(value)));
    Value::Object(entries.collect::<Map<_, _>>())
}

fn item(item: &Item) -> Value {
    match item {
        Item::None => Value::Null,
        Item::Value(found) => value(found),
        Item::Table(found) => table(found),
        Item::ArrayOfTables(tables) => tables.iter().map(|found| table(found)).collect(),
    }
}

fn value(value: &toml_edit::Value) -> Value {
    use toml_edit::Value as Toml;
    match value {
        Toml::String(text) => text.value().as_str().into(),
        Toml::Integer(number) => (*number.value()).into(),
        Toml::Float(number) => (*number.value()).into(),
        Toml::Boolean(truth) => (*truth.value()).into(),
        Toml::Datetime(time) => time.value().to_string().into(),
        Toml::Array(values) => values.iter().map(self::value).collect(),
        Toml::InlineTable(found) => table(found),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn every_kind_of_value_is_read() {
        let text = "a.b = 1\n[t]\ns = \"x\\\"\\u00e9\"\nf = 2.5\nl = [1, [true]]\ni = { d = 2024-01-01 }\n[[r]]\nn = -1\n[[r]]\n";
        let expected = json!({"a": {"b": 1}, "t": {"s": "x\"é", "f": 2.5, "l": [1, [true]], "i": {"d": "2024-01-01"}},
            "r": [{"n": -1}, {}]});
        assert_eq!(super::parse(text), Ok(expected));
        assert!(super::parse("a = \n").is_err() && super::parse("a = 1\na = 2").is_err());
    }
}
