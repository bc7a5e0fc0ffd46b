//! The C++ headers of cargo-sparsehls: the kernels that generated projects use, and a host stand-in for the vendor's
//! `ap_int.h` and `ap_fixed.h`.
//!
//! They are embedded so that they travel with the published crate; in the repository they are ordinary header files,
//! for compilers, formatters and people.

#![forbid(unsafe_code)]

/// A header: its file name and its text.
pub type Header = (&'static str, &'static str);

macro_rules! headers {
    ($folder:literal: $($name:literal)+) => {
        &[$(($name, include_str!(concat!("../", $folder, "/", $name))),)+]
    };
}

/// The kernels; they include each other and, from the tool, `ap_int.h` and `ap_fixed.h`.
pub const KERNELS: &[Header] = headers!("kernels":
    "axi_stream.h" "common.h" "dense.h" "handover.h" "lookup.h" "packed.h" "quantize.h" "sparse_conv2d.h" "sparse_flatten.h" "sparse_input_reduce.h"
    "sparse_pooling2d.h");

/// The stand-in for the vendor's types, for compiling a csim without the vendor's tool.
pub const AP_TYPES: &[Header] = headers!("ap_types": "ap_axi_sdata.h" "ap_common.h" "ap_fixed.h" "ap_int.h" "hls_stream.h");

#[cfg(test)]
mod tests {
    #[test]
    fn every_header_in_the_folders_is_embedded() {
        for (folder, headers) in [("kernels", super::KERNELS), ("ap_types", super::AP_TYPES)] {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
            let mut found: Vec<_> = std::fs::read_dir(path)
                .into_iter()
                .flatten()
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .collect();
            found.sort();
            let embedded: Vec<_> = headers.iter().map(|(name, _)| (*name).to_owned()).collect();
            assert_eq!(found, embedded);
        }
    }
}
