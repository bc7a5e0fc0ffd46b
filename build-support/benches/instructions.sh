#!/usr/bin/env bash
# Instructions an event of the two hot loops, counted by callgrind: a figure that does not depend on how busy the machine
# is. It is the difference between 120 events and 20, so that start and end do not count.
#
#   build-support/benches/instructions.sh          compares with instructions.txt; fails if more than 3 % were added
#   build-support/benches/instructions.sh --write  writes instructions.txt
#
# Another compiler gives other counts: then they are shown, and nothing fails.
set -euo pipefail
cd "$(dirname "$0")/../.."
stored=build-support/benches/instructions.txt
if ! command -v valgrind >/dev/null; then
    echo "skipped: there is no valgrind to count instructions with"
    exit 0
fi
cargo bench --quiet -p sparsehls-build --bench instructions --no-run
program=$(cargo bench -p sparsehls-build --bench instructions --no-run 2>&1 | sed -n 's/.*(\(.*\))$/\1/p' | tail -1)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

count() { # of a command; standard input is handed on
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 >/dev/null | sed -n 's/.*Collected : //p'
}
found=$folder/found
{
    echo "# $(rustc --version | cut -d' ' -f1,2), $("${CXX:-c++}" --version | head -1)"
    for model in small digits tracks; do
        few=$(count "$program" reference $model 20)
        many=$(count "$program" reference $model 120)
        echo "reference $model $(((many - few) / 100))"
        mkdir "$folder/$model"
        csim=$("$program" csim $model "$folder/$model")
        few=$(count "$csim" <"$folder/$model/20.in")
        many=$(count "$csim" <"$folder/$model/120.in")
        echo "csim $model $(((many - few) / 100))"
    done
} >"$found"
if [ "${1:-}" = --write ]; then
    cp "$found" "$stored"
    cat "$stored"
elif [ "$(head -1 "$found")" != "$(head -1 "$stored")" ]; then
    echo "not compared: $stored is of $(head -1 "$stored" | cut -c3-)"
    cat "$found"
else
    tail -n +2 "$found" | while read -r engine model now; do
        before=$(awk -v e="$engine" -v m="$model" '$1 == e && $2 == m { print $3 }' "$stored")
        echo "$engine $model: $now instructions an event, $before before"
        if [ "$now" -gt $((before * 103 / 100)) ]; then
            echo "$engine $model has become more than 3 % slower; if it is worth it: $0 --write" >&2
            exit 1
        fi
    done
fi
