//! Numbers as C++: types, and constants of a struct.

use serde::Serialize;

use crate::fixed::{Format, Overflow, Rounding};

/// A named constant or type.
#[derive(Debug, Serialize)]
pub struct Named {
    name: &'static str,
    value: String,
    #[serde(rename = "type")]
    type_: String,
}

/// A constant that an `int` holds.
pub fn constant(name: &'static str, value: impl ToString) -> Named {
    constant_of("int", name, value)
}

/// A constant of a type.
pub fn constant_of(type_: &str, name: &'static str, value: impl ToString) -> Named {
    Named { name, value: value.to_string(), type_: type_.into() }
}

/// A constant that a `long long` holds.
pub fn long(name: &'static str, value: impl ToString) -> Named {
    constant_of("long long", name, value.to_string() + "LL")
}

/// A type.
pub fn typed(name: &'static str, type_: impl Into<String>) -> Named {
    Named { name, value: String::new(), type_: type_.into() }
}

/// `ap_fixed<W, I>` for values of `format`.
pub fn fixed(format: Format) -> String {
    format.cpp()
}

/// `ap_int<W>` for mantissas of `format`.
pub fn mantissa(format: Format) -> String {
    format!("{}<{}>", if format.signed { "ap_int" } else { "ap_uint" }, format.width)
}

/// `ap_uint<W>`.
pub fn unsigned(bits: u32) -> String {
    format!("ap_uint<{bits}>")
}

/// The type that rounds to `format`.
pub fn rounding_to(format: Format, rounding: Rounding, overflow: Overflow) -> String {
    let sign = if format.signed { "" } else { "u" };
    let (rounding, overflow) = (rounding.ap_name(), overflow.ap_name());
    format!("ap_{sign}fixed<{}, {}, {rounding}, {overflow}>", format.width, format.integer())
}

/// The smallest integer type of C++ that holds all of `values`.
pub fn native(values: &[i64]) -> &'static str {
    let fits = |bits: u32| values.iter().all(|v| (-(1i128 << (bits - 1))..1 << (bits - 1)).contains(&i128::from(*v)));
    match () {
        () if fits(8) => "signed char",
        () if fits(16) => "short",
        () if fits(32) => "int",
        () => "long long",
    }
}
