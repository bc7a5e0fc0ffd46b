//! Prints the table of classes and config keys, for `tests/keras/config_keys.py`.

fn main() {
    println!("{:#}", sparsehls_build::keras::config_keys());
}
