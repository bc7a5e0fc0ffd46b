//! Runs the simulated firmware on an event without a signal.

use {{ crate }}::{{ model }} as firmware;

fn main() -> Result<(), firmware::NotSimulated> {
    firmware::simulated()?;
    let scores = firmware::predict(&[0.0; firmware::INPUTS]);
    println!("{:?} values in, {scores:?} out", firmware::INPUT_SHAPE);
    Ok(())
}
