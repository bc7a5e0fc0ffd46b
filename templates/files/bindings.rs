// {{ made_by }}

/// What the modules of all models share.
#[allow(clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction, dead_code, unreachable_pub)]
pub mod sparsehls {
    /// A fixed-point format: a value is `mantissa * 2^-fraction`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct Format {
        /// Whether the mantissa has a sign.
        pub signed: bool,
        /// Bits, with the sign.
        pub width: u32,
        /// Bits behind the binary point.
        pub fraction: i32,
    }

    /// The simulation was left out of this build.
    #[derive(Clone, Copy, PartialEq, Eq, Hash)]
    pub struct NotSimulated;

    /// As `Display`: this is what a `main` that returns it prints.
    impl core::fmt::Debug for NotSimulated {
        fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            core::fmt::Display::fmt(self, f)
        }
    }

    impl core::fmt::Display for NotSimulated {
        fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
{%- if left_out %}
            f.write_str("the simulated firmware was left out of this build: ")?;
            f.write_str({{ left_out }})
{%- else %}
            f.write_str("the simulated firmware was left out of this build")
{%- endif %}
        }
    }

    impl core::error::Error for NotSimulated {}
{%- if left_out %}

    /// The one way to call what is not there.
    #[cold]
    pub(super) fn not_simulated() -> ! {
        panic!("{NotSimulated}")
    }
{%- endif %}
}
{% for model in models %}
/// {{ model.summary }}
///
/// | layer | kind | shape | format |
/// | --- | --- | --- | --- |
{%- for layer in model.layers %}
/// | {{ layer.name }} | {{ layer.kind }} | {{ layer.shape }} | `{{ layer.format }}` |
{%- endfor %}
///
/// The functions have no state; they may be called from many threads at once.
#[allow(clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction, dead_code, unreachable_pub, unsafe_code)]
pub mod {{ model.name }} {
    pub use super::sparsehls::{Format, NotSimulated};

    /// Shape of an input event, row-major.
    pub const INPUT_SHAPE: [usize; {{ model.input_shape | length }}] = [{{ model.input_shape | join(", ") }}];
    /// Values of an input event.
    pub const INPUTS: usize = {{ model.inputs }};
    /// Values of an output event.
    pub const OUTPUTS: usize = {{ model.outputs }};
    /// The input's format.
    pub const INPUT_FORMAT: Format = {{ model.input_format }};
    /// The output's format.
    pub const OUTPUT_FORMAT: Format = {{ model.output_format }};
    /// How far an output may be from Keras's: 0 unless the network ends in a float function.
    pub const TOLERANCE: f64 = {{ model.tolerance }};
{%- if model.library %}
    /// Whether the simulation is linked in.
    pub const SIMULATED: bool = true;

    #[link(name = "{{ model.library }}", kind = "static")]
    unsafe extern "C" {
        fn {{ model.library }}(input: *const i64, output: *mut i64, events: u64) -> core::ffi::c_int;
    }

    /// The simulated firmware on the mantissas of one event. Only the lowest `INPUT_FORMAT.width` bits of each count.
    pub fn predict_raw(input: &[i64; INPUTS]) -> [i64; OUTPUTS] {
        let mut output = [0; OUTPUTS];
        // SAFETY: the function reads INPUTS and writes OUTPUTS integers for each of 1 events, and keeps nothing; it has
        // no state, so it may run in many threads at once. It gives 0, or ends the program: `SPARSEHLS_ABORT`.
        let _ = unsafe { {{ model.library }}(input.as_ptr(), output.as_mut_ptr(), 1) };
        output
    }
{%- if not no_std %}

    /// The simulated firmware on the mantissas of many events.
    pub fn predict_raw_batch(inputs: &[[i64; INPUTS]]) -> Vec<[i64; OUTPUTS]> {
        let mut outputs = vec![[0; OUTPUTS]; inputs.len()];
        // SAFETY: as in `predict_raw`, for `inputs.len()` events; both slices have so many.
        let _ = unsafe { {{ model.library }}(inputs.as_ptr().cast(), outputs.as_mut_ptr().cast(), inputs.len() as u64) };
        outputs
    }
{%- endif %}

    /// Whether the simulation can be called: always, in this build.
    pub fn simulated() -> Result<(), NotSimulated> {
        Ok(())
    }
{%- else %}
    /// Whether the simulation is linked in.
    pub const SIMULATED: bool = false;

    /// The simulated firmware on the mantissas of one event.
    ///
    /// # Panics
    /// Always: the simulation was left out of this build, see [`simulated`].
    pub fn predict_raw(_: &[i64; INPUTS]) -> [i64; OUTPUTS] {
        super::sparsehls::not_simulated()
    }
{%- if not no_std %}

    /// The simulated firmware on the mantissas of many events.
    ///
    /// # Panics
    /// Always: the simulation was left out of this build, see [`simulated`].
    pub fn predict_raw_batch(_: &[[i64; INPUTS]]) -> Vec<[i64; OUTPUTS]> {
        super::sparsehls::not_simulated()
    }
{%- endif %}

    /// Whether the simulation can be called.
    ///
    /// # Errors
    /// Always, in this build; the error says why.
    pub fn simulated() -> Result<(), NotSimulated> {
        Err(NotSimulated)
    }
{%- endif %}

    /// The mantissa of an input value: {{ model.rest }}, then {{ model.overflow }}.
{%- if model.by_element %}
    ///
    /// Out of range the values of an event differ: this is for the first, [`to_mantissa_at`] for any.
{%- endif %}
    pub fn to_mantissa(x: f32) -> i64 {
        to_mantissa_at(0, x)
    }

    /// As [`to_mantissa`], for value number `at` of an event.
    pub fn to_mantissa_at({% if not model.by_element %}_{% endif %}at: usize, x: f32) -> i64 {
        // NaN, infinities and subnormal numbers are taken as 0.
        let x = if x.is_normal() { x } else { 0.0 };
{%- if model.adds_half is not none %}
        // Keras adds one half in float32: the last number before one half makes 1 with it, as one half does.
        let next = f32::from_bits(x.to_bits() + 1);
        let in_steps = |x: f32| f64::from(x) * {{ model.input_scale }};
        let is_between = in_steps(x) as i128 as f64 != in_steps(x);
        let is_half = {{ model.adds_half }}x.to_bits() & 0x7f_ffff == 0x7f_ffff && in_steps(next).abs() <= {{ model.highest }};
        let x = if is_between && is_half { next } else { x };
{%- endif %}
        let scaled = (f64::from(x) * {{ model.input_scale }}).clamp(-1e36, 1e36);
        let toward_zero = scaled as i128;
        let whole = toward_zero - i128::from(toward_zero as f64 > scaled);
{%- if model.odd %}
        // What lies between two points stays between them.
        let whole = if whole as f64 == scaled { whole } else { whole | 1 };
{%- endif %}
{%- if model.by_element %}
        if ({{ model.range }}).contains(&whole) {
            return whole as i64;
        }
        // The quantizer rounds by the sign, which wrapping changes: here it is what quantizes.
        const FORMATS: [(i128, i128, u32); {{ model.by_element.formats | length }}] = [
{%- for format in model.by_element.formats %}
            {{ format }},
{%- endfor %}
        ];
{%- if model.by_element.classes %}
        static CLASSES: [u16; INPUTS] = [{{ model.by_element.classes | join(", ") }}];
        let (lowest, size, bits) = FORMATS[CLASSES[at] as usize];
{%- else %}
        let _ = at;
        let (lowest, size, bits) = FORMATS[0];
{%- endif %}
        if size == 0 {
            return 0;
        }
        let below = whole >> bits;
        let rest = whole - (below << bits);
        let rounded = below + i128::from({{ model.by_element.rounds_up }});
        (((rounded - lowest).rem_euclid(size) + lowest) << bits) as i64
{%- else %}
        {{ model.reduce }}
{%- endif %}
    }

    /// The number that an output mantissa stands for.
    pub fn to_float(mantissa: i64) -> f32 {
        (mantissa as f64 * {{ model.output_scale }}) as f32
    }

    /// The simulated firmware on one event, row-major as in `INPUT_SHAPE`.
    pub fn predict(input: &[f32; INPUTS]) -> [f32; OUTPUTS] {
        // Not `map`: an image is large, and that would need its size on the stack several times.
        let mut mantissas = [0; INPUTS];
        for (at, x) in input.iter().enumerate() {
            mantissas[at] = to_mantissa_at(at, *x);
        }
        let mut output = [0.0; OUTPUTS];
        for (x, mantissa) in output.iter_mut().zip(predict_raw(&mantissas)) {
            *x = to_float(mantissa);
        }
        output
    }
{%- if not no_std %}

    /// The simulated firmware on many events, one after another.
    pub fn predict_batch(inputs: &[[f32; INPUTS]]) -> Vec<[f32; OUTPUTS]> {
        inputs.iter().map(predict).collect()
    }
{%- endif %}
}
{% endfor -%}
