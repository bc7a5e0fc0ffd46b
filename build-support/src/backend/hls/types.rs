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
    format!("ap_{}fixed<{}, {}>", prefix(format), format.width, format.integer())
}

/// `ap_int<W>` for mantissas of `format`.
pub fn mantissa(format: Format) -> String {
    format!("ap_{}int<{}>", prefix(format), format.width)
}

/// `ap_uint<W>`.
pub fn unsigned(bits: u32) -> String {
    format!("ap_uint<{bits}>")
}

/// The type that rounds to `format`.
pub fn rounding_to(format: Format, rounding: Rounding, overflow: Overflow) -> String {
    let modes = format!("{}, {}", rounding_mode(rounding), overflow_mode(overflow));
    format!("ap_{}fixed<{}, {}, {modes}>", prefix(format), format.width, format.integer())
}

fn prefix(format: Format) -> &'static str {
    if format.signed { "" } else { "u" }
}

/// The name of a rounding mode in `ap_fixed`.
pub fn rounding_mode(rounding: Rounding) -> &'static str {
    match rounding {
        Rounding::Floor => "AP_TRN",
        Rounding::HalfUp => "AP_RND",
        Rounding::HalfEven => "AP_RND_CONV",
        Rounding::TowardZero => "AP_TRN_ZERO",
        Rounding::HalfTowardZero => "AP_RND_ZERO",
        Rounding::HalfDown => "AP_RND_MIN_INF",
        Rounding::HalfAwayFromZero => "AP_RND_INF",
    }
}

/// The name of an overflow mode in `ap_fixed`.
pub fn overflow_mode(overflow: Overflow) -> &'static str {
    match overflow {
        Overflow::Wrap => "AP_WRAP",
        Overflow::Saturate => "AP_SAT",
        Overflow::SaturateSymmetric => "AP_SAT_SYM",
    }
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
