//! Classifies the test events on the simulated firmware and compares with Keras.

use std::path::Path;

use example_firmware::{digits, tracks};
use sparsehls_build::data::{self, Array};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome {
    run("digits", digits::predict, |scores| {
        let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        best.map_or(0, |(digit, _)| digit)
    })?;
    // The output is a logit: positive means two tracks.
    run("tracks", tracks::predict, |logit| usize::from(logit[0] > 0.0))
}

/// Prints how many of a model's test events get the right label, and how many the same outputs as in Keras.
fn run<const N: usize, const M: usize>(name: &str, predict: fn(&[f32; N]) -> [f32; M], label: fn(&[f32; M]) -> usize) -> Outcome {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(format!("{name}.golden.npz"));
    let arrays = data::read_npz(&path)?;
    let array = |name: &str| arrays.get(name).ok_or_else(|| format!("{} has no array `{name}`", path.display()));
    let (x, y, labels): (&Array, &Array, &Array) = (array("x")?, array("y")?, array("labels")?);
    let (mut right, mut same) = (0, 0);
    for ((x, y), wanted) in x.values.chunks_exact(N).zip(y.values.chunks_exact(M)).zip(&labels.values) {
        let mut event = [0.0; N];
        event.iter_mut().zip(x).for_each(|(to, from)| *to = *from as f32);
        let outputs = predict(&event);
        right += usize::from(label(&outputs) as f64 == *wanted);
        same += usize::from(outputs.iter().zip(y).all(|(ours, keras)| f64::from(*ours) == *keras));
    }
    let events = labels.values.len();
    let percent = 100.0 * right as f64 / events as f64;
    println!("{name}: {percent:.1} % of {events} test events classified correctly; {same} of {events} bit for bit as in Keras");
    Ok(())
}
