//! The key `launcher` with Slurm's real `srun`. It needs Slurm on this machine, so it runs only when asked:
//!
//! ```text
//! apt install slurm-wlm munge tcl
//! SPARSEHLS_SLURM=1 cargo test -p cargo-sparsehls --test cli slurm -- --nocapture
//! ```

use std::{path::Path, process::Command};

#[test]
fn tools_run_as_jobs_of_a_slurm_cluster() {
    if std::env::var_os("SPARSEHLS_SLURM").is_none() {
        crate::skip::skipped("SPARSEHLS_SLURM is not set; it needs slurm-wlm, munge and tcl");
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slurm.sh");
    let status = Command::new("bash").arg(script).arg(env!("CARGO_BIN_EXE_cargo-sparsehls")).status().unwrap();
    // Asked for and not there is a failure too: 77 says what is not installed.
    assert!(status.success(), "{status}");
}
