{% if golden -%}
//! The simulated firmware gives what Keras computed, bit for bit, on every golden event.

use {{ crate }}::{{ model }} as firmware;

use sparsehls_build::data;

#[test]
fn every_golden_event_gives_what_keras_computed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/{{ golden }}");
    let golden = data::read_golden(path.as_ref()).expect("the golden file is readable");
    let inputs = golden.x.values.chunks_exact(firmware::INPUTS);
    let outputs = golden.y.values.chunks_exact(firmware::OUTPUTS);
    assert!(inputs.len() > 0 && inputs.len() == outputs.len());
    for (event, (x, y)) in inputs.zip(outputs).enumerate() {
        let mut input = [0.0; firmware::INPUTS];
        for (to, from) in input.iter_mut().zip(x) {
            *to = *from as f32;
        }
        for (found, expected) in firmware::predict(&input).iter().zip(y) {
            let close = (f64::from(*found) - expected).abs() <= firmware::TOLERANCE;
            assert!(close, "event {event}: {found} where Keras has {expected}");
        }
    }
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
