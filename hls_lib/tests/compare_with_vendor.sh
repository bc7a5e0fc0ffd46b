#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Compares our ap_int.h and ap_fixed.h with the vendor's, bit by bit.
#
#     compare_with_vendor.sh VENDOR_DIR [CXX]
#
# VENDOR_DIR holds the vendor's ap_fixed.h; the PyPI package hls4ml has a copy in hls4ml/templates/vivado/ap_types. Every
# ap_types_*.cpp here is built with either set of headers and run; the outputs must be the same. Ours are built without
# a warning, too. JOBS (2) compilers run at a time; with CACHE=DIR the vendor's outputs are kept there, by compiler and
# source, since they take most of the time. With SHARE=N only one of N parts is compared, from part SEED (1) on. Exits
# with 1 on a difference.

set -eu

if [ $# -lt 1 ] || [ ! -f "$1/ap_fixed.h" ]; then
    echo "usage: $0 VENDOR_DIR [CXX]    (VENDOR_DIR holds the vendor's ap_fixed.h)" >&2
    exit 2
fi
VENDOR=$(cd "$1" && pwd)
CXX=${2:-${CXX:-g++}}
HERE=$(cd "$(dirname "$0")" && pwd)
OURS=$HERE/../ap_types
FLAGS="-std=c++11 -Wall -Wextra -Wpedantic -Wno-unknown-pragmas"
OUT=$(mktemp -d)
trap 'rm -rf "$OUT"' EXIT
CACHE=${CACHE:-}
[ -z "$CACHE" ] || mkdir -p "$CACHE"
export VENDOR CXX HERE OURS FLAGS OUT CACHE

# One part of the checks: $1 is the source, $2 the macro that chooses the part. NDEBUG, because the vendor's headers stop
# at an assertion of their own on some 1-bit numbers.
cat > "$OUT/one.sh" <<'EOF'
set -eu
name=$1-$2
echo "$name" > "$OUT/$name.failed"
$CXX $FLAGS -Werror "-D$2" -I"$OURS" "$HERE/$1.cpp" -o "$OUT/$name.ours"
"$OUT/$name.ours" > "$OUT/$name.ours.txt"
kept=
if [ -n "$CACHE" ]; then
    kept=$CACHE/$(cat "$HERE/ap_types_check.h" "$HERE/$1.cpp" "$VENDOR/ap_fixed_base.h" | { cat; echo "$CXX $2"; } | cksum | tr ' ' -).txt
fi
if [ -n "$kept" ] && [ -f "$kept" ]; then
    cp "$kept" "$OUT/$name.vendor.txt"
else
    $CXX -std=c++11 -w -DNDEBUG "-D$2" -isystem "$VENDOR" "$HERE/$1.cpp" -o "$OUT/$name.vendor"
    "$OUT/$name.vendor" > "$OUT/$name.vendor.txt" 2> "$OUT/$name.vendor.log"
    [ -z "$kept" ] || { cp "$OUT/$name.vendor.txt" "$kept.$$" && mv "$kept.$$" "$kept"; }
fi
rm "$OUT/$name.failed"
EOF

for part in 1 2 3 4 5 6; do echo "ap_types_convert TO_W=$part"; done > "$OUT/list"
for part in 5 4 3 6 1 2; do echo "ap_types_fixed PART=$part"; done >> "$OUT/list"
for part in 1 2; do echo "ap_types_real PART=$part"; done >> "$OUT/list"
for part in 4 3 1 2; do echo "ap_types_int PART=$part"; done >> "$OUT/list"
awk -v share="${SHARE:-1}" -v seed="${SEED:-1}" '(NR - seed) % share == 0' "$OUT/list" > "$OUT/chosen"
xargs -P "${JOBS:-2}" -L 1 sh "$OUT/one.sh" < "$OUT/chosen" || true

status=0
for failed in "$OUT"/*.failed; do
    [ -f "$failed" ] || continue
    echo "ap_types: $(cat "$failed") did not build or run" >&2
    status=1
done
cat "$OUT"/*.ours.txt > "$OUT/ours"
cat "$OUT"/*.vendor.txt > "$OUT/vendor"
if ! diff "$OUT/vendor" "$OUT/ours" > "$OUT/differences"; then
    echo "ap_types: $(grep -c '^>' "$OUT/differences") of $(wc -l < "$OUT/ours") lines differ; < is the vendor's, > is ours:" >&2
    head -n 20 "$OUT/differences" >&2
    status=1
fi
# The last two words of a line are the number of values tried and the digest.
checks=$(awk '{ n += $(NF - 1) } END { printf "%d", n }' "$OUT/ours")
if [ "$status" -eq 0 ] && [ "$checks" -gt 0 ]; then
    echo "ap_types: $checks checks identical"
else
    exit 1
fi
