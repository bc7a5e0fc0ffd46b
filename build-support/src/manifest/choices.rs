//! Keys that are given as one of a few words, and what the words mean.

use serde::Serialize;

/// Makes an enum whose variants have names in the manifest, in JSON lines and in the guide.
macro_rules! named {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        pub enum $name { $($(#[$doc])* #[serde(rename = $word)] $variant,)* }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in the manifest.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}
pub(super) use named;

named! {
    /// How the layers of the top function overlap.
    Pipeline {
        /// Each layer is a process of its own, the next event enters as soon as the first layer is free.
        Dataflow = "dataflow",
        /// The whole network is one function pipeline.
        Function = "function",
    }
}

named! {
    /// Whether a build runs the tools.
    #[derive(Default)]
    #[non_exhaustive]
    Synth {
        /// Never.
        #[default]
        Skip = "skip",
        /// Those that are installed, however long they take; what is skipped is said.
        Auto = "auto",
        /// In any case: a missing tool is an error.
        Require = "require",
    }
}

impl Synth {
    /// The key of the manifest.
    pub const KEY: &'static str = "synth";
}

named! {
    /// What the limits are held against.
    #[derive(Default)]
    LimitsOn {
        /// What tools have found, where one has looked.
        #[default]
        Tools = "tools",
        /// The estimates too, in every build.
        Estimate = "estimate",
    }
}

impl LimitsOn {
    /// The key of the manifest.
    pub const KEY: &'static str = "limits-on";
}

named! {
    /// How the image enters the top function.
    Interface {
        /// All pixels at once, one port each.
        Partition = "partition",
        /// A row of pixels per clock cycle.
        Row = "row",
        /// One wide word for the image, or for each of its rows.
        Packed = "packed",
        /// AXI-Stream: a beat for the image, or for each of its rows.
        Stream = "stream",
    }
}

named! {
    /// Which implementation of a layer, where there are several; `hls_lib` has the kernels.
    Variant {
        /// Convolution: a weight is looked up for each pair of slots.
        Pairwise = "pairwise",
        /// Convolution: each output collects its neighbourhood, whose weights are constants.
        Gather = "gather",
        /// Flatten: every slot goes to its place in the image.
        Scatter = "scatter",
        /// Flatten, quantizer and dense layer in one: rows of weights are looked up by position.
        LookUp = "look-up",
    }
}

named! {
    /// What the top function computes at the end of the network.
    Output {
        /// The model's own output.
        Model = "model",
        /// The input of a final softmax or sigmoid, which is left out.
        Logits = "logits",
    }
}

impl Pipeline {
    /// The key that gives it.
    pub const KEY: &'static str = "pipeline";
}

impl Interface {
    /// The key that gives it.
    pub const KEY: &'static str = "interface";

    /// The most bits of a word: what the vendor's tools take.
    pub const WORD: usize = 4096;
}

impl Variant {
    /// The key that gives it.
    pub(crate) const KEY: &'static str = "variant";
}
