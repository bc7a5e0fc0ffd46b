// {{ made_by }}
{% for model in models %}
/// {{ model.summary }}
///
/// | layer | kind | shape | format |
/// | --- | --- | --- | --- |
{%- for layer in model.layers %}
/// | {{ layer.name }} | {{ layer.kind }} | {{ layer.shape }} | `{{ layer.format }}` |
{%- endfor %}
#[allow(clippy::all, clippy::pedantic, dead_code)]
pub mod {{ model.name }} {
    /// Shape of an input event, row-major.
    pub const INPUT_SHAPE: [usize; {{ model.input_shape | length }}] = [{{ model.input_shape | join(", ") }}];
    /// Values of an input event.
    pub const INPUTS: usize = {{ model.inputs }};
    /// Values of an output event.
    pub const OUTPUTS: usize = {{ model.outputs }};
    /// The input's format: a value is `mantissa * 2^-fraction`.
    pub const INPUT_FORMAT: Format = {{ model.input_format }};
    /// The output's format.
    pub const OUTPUT_FORMAT: Format = {{ model.output_format }};
{%- if model.tolerance > 0 %}
    /// How far an output may be from Keras's float arithmetic.
    pub const TOLERANCE: f64 = {{ model.tolerance }};
{%- endif %}

    /// A fixed-point format.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Format {
        /// Whether the mantissa has a sign.
        pub signed: bool,
        /// Bits.
        pub width: u32,
        /// Bits behind the binary point.
        pub fraction: i32,
    }

{%- if model.linked %}

    unsafe extern "C" {
        fn {{ model.symbol }}(input: *const i64, output: *mut i64, events: u64);
    }

    /// Whether the simulation is there: it is not where documentation is built.
    pub const SIMULATED: bool = true;

    /// The simulated firmware on mantissas. Only the lowest `INPUT_FORMAT.width` bits of each input count.
    pub fn predict_raw(input: &[i64; INPUTS]) -> [i64; OUTPUTS] {
        let mut output = [0; OUTPUTS];
        // SAFETY: the function reads INPUTS and writes OUTPUTS integers for each of 1 events, and keeps nothing; it has
        // no state, so it may run in many threads at once.
        unsafe { {{ model.symbol }}(input.as_ptr(), output.as_mut_ptr(), 1) };
        output
    }
{%- else %}

    /// Whether the simulation is there: it is not where documentation is built.
    pub const SIMULATED: bool = false;

    /// Fails: the simulation was left out of this build.
    pub fn predict_raw(_: &[i64; INPUTS]) -> [i64; OUTPUTS] {
        unimplemented!("the simulation of {{ model.name }} was left out of this build (DOCS_RS is set)")
    }
{%- endif %}

    /// The mantissa of an input value: truncated toward minus infinity, then {{ model.overflow }}.
    pub fn to_mantissa(x: f32) -> i64 {
        // NaN and infinities are taken as 0.
        let x = if x.is_finite() { f64::from(x) } else { 0.0 };
        let scaled = (x * {{ model.input_scale }}).floor().clamp(-1e36, 1e36);
        {{ model.reduce }}
    }

    /// The number that an output mantissa stands for.
    pub fn to_float(mantissa: i64) -> f32 {
        (mantissa as f64 * {{ model.output_scale }}) as f32
    }

    /// The simulated firmware on one event, row-major as in `INPUT_SHAPE`.
    pub fn predict(input: &[f32; INPUTS]) -> [f32; OUTPUTS] {
        let mut mantissas = [0; INPUTS];
        for (mantissa, x) in mantissas.iter_mut().zip(input) {
            *mantissa = to_mantissa(*x);
        }
        predict_raw(&mantissas).map(to_float)
    }

    /// The simulated firmware on many events.
    pub fn predict_batch(inputs: &[[f32; INPUTS]]) -> Vec<[f32; OUTPUTS]> {
        inputs.iter().map(predict).collect()
    }
}
{% endfor -%}
