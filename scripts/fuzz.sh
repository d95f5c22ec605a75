#!/usr/bin/env bash
# Fuzzes what reads the bytes of others: artifacts, from the golden vectors on, and requests.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

seconds=${FUZZ_SECONDS:-60}
cargo +nightly --version >/dev/null 2>&1 || die 'fuzzing needs a nightly toolchain: rustup toolchain install nightly'
# What `cargo fuzz` does, without installing it: coverage instrumentation for every crate, then libFuzzer's own main.
host=$(rustc -vV | sed -n 's/^host: //p')
flags='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg=fuzzing -Cdebug-assertions'
for package in artifact-format gateway/contract; do
    cd "$root/$package/fuzz"
    seeds=()
    [ -d ../tests/vectors ] && seeds=(../tests/vectors)
    for file in fuzz_targets/*.rs; do
        name=$(basename "$file" .rs)
        RUSTFLAGS=${flags//$'\n'/ } cargo +nightly build --quiet --release --target "$host" --target-dir "$target/fuzz" --bin "$name"
        mkdir -p "$target/fuzz/corpus/$name"
        step "fuzz $name for $seconds s" "$target/fuzz/$host/release/$name" -max_total_time="$seconds" -max_len=65536 \
            -print_final_stats=1 -artifact_prefix="$target/fuzz/$name-" "$target/fuzz/corpus/$name" "${seeds[@]}"
    done
done
