//! Mutations of a `config.json` that stay JSON: bytes changed at random mostly end in its parser.

use fastrand::Rng;
use serde_json::{Value, json};

/// What a number may be replaced by.
const NUMBERS: [i64; 18] = [-1, 0, 1, 2, 3, 5, 7, 16, 64, 255, 1024, 4096, 65_536, 65_537, 1 << 24, 1 << 31, i64::MAX, i64::MIN];
/// What a string may be replaced by, besides the strings of the same file.
const WORDS: [&str; 24] = [
    "",
    "kif",
    "kbi",
    "SAT",
    "SAT_SYM",
    "WRAP",
    "RND",
    "RND_CONV",
    "TRN",
    "relu",
    "softmax",
    "sigmoid",
    "tanh",
    "linear",
    "same",
    "valid",
    "channels_first",
    "channels_last",
    "float16",
    "datalane",
    "weight",
    "\u{0}",
    "../../x",
    "q_dense",
];

/// `data` with something changed, in at most `max_size` bytes; none if it is not JSON, or does not fit.
pub fn mutate(data: &[u8], max_size: usize, seed: u32) -> Option<Vec<u8>> {
    let mut random = Rng::with_seed(seed.into());
    // What Python writes and JSON does not have.
    let text = std::str::from_utf8(data).ok()?.replace("-Infinity", "null").replace("Infinity", "null").replace("NaN", "null");
    let mut value: Value = serde_json::from_str(&text).ok()?;
    for _ in 0..=random.usize(..3) {
        change(&mut value, &mut random);
    }
    let mut text = serde_json::to_string(&value).ok()?;
    if random.u8(..16) == 0 {
        let word = *random.choice(&[":NaN", ":Infinity", ":-Infinity"])?;
        text = text.replacen(*random.choice(&[":0.0", ":1", ":null", ":true"])?, word, 1);
    }
    (text.len() <= max_size).then(|| text.into_bytes())
}

/// The JSON pointers of all values inside `value`.
fn pointers(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    match value {
        Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| pointers(item, &format!("{here}/{at}"), found)),
        Value::Object(items) => items.iter().for_each(|(key, item)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            pointers(item, &format!("{here}/{key}"), found);
        }),
        _ => {}
    }
}

/// Changes one place.
fn change(root: &mut Value, random: &mut Rng) {
    let mut all = Vec::new();
    pointers(root, "", &mut all);
    // Another place of the same file, whose value or name may be wanted here.
    let other = random.choice(&all).and_then(|place| root.pointer(place)).cloned().unwrap_or_default();
    let Some(value) = random.choice(&all).and_then(|place| root.pointer_mut(place)) else { return };
    match value {
        Value::Array(items) if !items.is_empty() && random.u8(..4) > 0 => {
            let (from, to) = (random.usize(..items.len()), random.usize(..items.len()));
            match random.u8(..4) {
                0 => items.swap(from, to),
                1 => drop(items.remove(from)),
                2 => items.insert(to, other),
                _ => items.insert(to, items[from].clone()),
            }
        }
        Value::Object(items) if !items.is_empty() && random.u8(..4) > 0 => {
            let Some(key) = random.choice(items.keys()).cloned() else { return };
            match random.u8(..3) {
                0 => drop(items.remove(&key)),
                1 => drop(items.insert(key, other)),
                _ => {
                    let name = other.as_str().map_or(key + "_", str::to_owned);
                    items.insert(name, absurd(random));
                }
            }
        }
        Value::Number(number) if random.bool() => {
            let near = number.as_i64().map(|number| number.saturating_add(random.i64(-2..=2)));
            *value = near.map_or_else(|| absurd(random), |number| json!(number));
        }
        Value::String(_) if random.bool() => *value = json!(random.choice(&WORDS)),
        Value::Bool(truth) => *truth = !*truth,
        _ if random.u8(..3) == 0 => *value = other,
        _ => *value = absurd(random),
    }
}

/// A value that a place in a configuration may not expect.
fn absurd(random: &mut Rng) -> Value {
    match random.u8(..10) {
        0..=3 => json!(random.choice(&NUMBERS)),
        4 => json!(random.choice(&[0.5, -0.0, 1e-300, 1e300, -1e38, 1e9, 0.1])),
        5 => json!(random.choice(&WORDS)),
        6 => Value::Null,
        7 => json!([]),
        8 => json!({}),
        _ => json!([random.choice(&NUMBERS), random.choice(&NUMBERS)]),
    }
}
