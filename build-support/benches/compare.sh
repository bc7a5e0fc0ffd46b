#!/usr/bin/env bash
# Runs the benchmarks and prints the fastest of each beside the figure of hls4ml's sparsepixels kernels, as docs/speed.md has them.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo bench --quiet -p sparsehls-build --bench speed -- --min-time 1 "$@" | awk '
    function microseconds(value, unit) { return value * (unit == "s" ? 1e6 : unit == "ms" ? 1e3 : unit == "ns" ? 1e-3 : 1) }
    function row(what, published, ours) {
        if (ours == "") return
        printf "%-48s %12s %12.1f us", what, published ? published " us" : "-", ours
        if (published) printf "   %.0f times as fast", published / ours
        print ""
    }
    # A group begins with its name; its models follow, with the fastest run first.
    /^(├|╰)─ / { group = $2 }
    /^(│| ) +(├|╰)─ / { for (i = 1; i < NF; i++) if ($i ~ /─$/) { fastest[group, $(i + 1)] = microseconds($(i + 2), $(i + 3)); break } }
    END {
        printf "%-48s %12s %15s\n", "what", "hls4ml", "ours, fastest"
        row("read, formats, emission, tracks", 4500000, fastest["read_and_infer", "tracks"] + fastest["emit", "tracks"])
        row("compile the csim, small", 15600000, fastest["compile_csim", "small"])
        row("compile the csim, digits", 0, fastest["compile_csim", "digits"])
        row("compile the csim, tracks", 0, fastest["compile_csim", "tracks"])
        row("csim, an event of small", 1395, fastest["csim", "small"] / 200)
        row("csim, an event of digits", 0, fastest["csim", "digits"] / 200)
        row("csim, an event of tracks", 1520, fastest["csim", "tracks"] / 200)
        row("reference, an event of small", 0, fastest["reference", "small"] / 200)
        row("reference, an event of digits", 0, fastest["reference", "digits"] / 200)
        row("reference, an event of tracks", 0, fastest["reference", "tracks"] / 200)
    }'
