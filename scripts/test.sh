#!/usr/bin/env bash
# Every check, cheapest first, then every test. `test.sh lint` stops before the tests.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

deny() {
    # The advisory database lives on GitHub; a machine that cannot reach it still holds everything else.
    cargo deny --log-level error check --hide-inclusion-graph bans licenses sources || return
    if curl --silent --max-time 5 --output /dev/null https://github.com/rustsec/advisory-db; then
        cargo deny --log-level error check --hide-inclusion-graph advisories
    else
        say 'advisories: the database cannot be reached, skipped'
    fi
}

# A module's page names its private parts in reading order: it is for those who read the code.
document() {
    RUSTDOCFLAGS='-D warnings -A rustdoc::private_intra_doc_links' \
        cargo doc --quiet --workspace --no-deps --document-private-items
}

step tools scripts/tools.sh test
step format cargo fmt --all --check
step spelling typos --config typos.toml
step dependencies deny
step 'unused dependencies' cargo machete --skip-target-dir
step clippy cargo clippy --quiet --workspace --all-targets -- -D warnings
for package in artifact-format gateway/contract; do
    step "fuzz targets of $package" cargo check --quiet --manifest-path "$package/fuzz/Cargo.toml" --target-dir "$target/fuzz"
done
step documentation document
step 'conformance harness' scripts/conformance.sh lint
[ "${1:-}" = lint ] && exit

step build cargo build --quiet --workspace --bins
step 'documentation tests' cargo test --quiet --workspace --doc
# Tests wait for a good part of their time: half as many again at once as there are processors.
step tests cargo nextest run --workspace --no-fail-fast --test-threads $(($(nproc) * 3 / 2))
step conformance scripts/conformance.sh --quick own petstore
step 'conformance of the control plane' scripts/conformance.sh control --quick
