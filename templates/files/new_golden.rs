{% if golden -%}
//! The simulated firmware gives what Keras computed, bit for bit, on every golden event.

use {{ crate }}::{{ model }} as firmware;

use std::io::Write;

use sparsehls_build::{compare_golden, data};

#[test]
fn every_golden_event_gives_what_keras_computed() -> sparsehls_build::Result {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/{{ golden }}");
    let golden = data::read_golden(path.as_ref())?;
    let inputs = golden.x.values.chunks_exact(firmware::INPUTS);
    let outputs = golden.y.values.chunks_exact(firmware::OUTPUTS);
    assert!(inputs.len() > 0 && inputs.len() == outputs.len());
    let mut found = Vec::with_capacity(golden.y.values.len());
    for x in inputs {
        let mut input = [0.0; firmware::INPUTS];
        for (to, from) in input.iter_mut().zip(x) {
            *to = *from as f32;
        }
        found.extend(firmware::predict(&input));
    }
    let close = |(found, expected): (&f32, &f64)| {
        (f64::from(*found) - expected).abs() <= firmware::TOLERANCE
    };
    if found.iter().zip(&golden.y.values).all(close) {
        return Ok(());
    }
    // Keras computes in float32, which may itself have rounded: that is said, and is no failure.
    let package = env!("CARGO_MANIFEST_DIR");
    let result = compare_golden(package, "{{ model }}", golden, &found)?;
    for text in result.of_float32() {
        // Not `println!`, which is not shown for a test that passes.
        let _ = writeln!(std::io::stderr(), "{{ model }}: {text}");
    }
    result.require_equal("{{ model }}", "the firmware", "Keras")
}
{%- else -%}
//! The simulated firmware is there. The build has compared it with the exact reference; with Keras it does so if Cargo.toml
//! names a golden file (README.md says how to make one).

use {{ crate }}::{{ model }} as firmware;

#[test]
fn the_firmware_gives_the_same_outputs_for_the_same_event() {
    let events = [[0.0; firmware::INPUTS]; 2];
    assert_eq!(firmware::predict_batch(&events), [firmware::predict(&events[0]); 2]);
}
{%- endif %}
