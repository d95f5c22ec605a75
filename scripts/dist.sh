#!/usr/bin/env bash
# Static release binaries into dist/: against musl where its target is to be had, else a static glibc.
#   dist.sh [gateway|control]...    both by default
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

declare -A binaries=([gateway]=portcullis [control]=portcullis-control)
step tools scripts/tools.sh dist
machine=$(uname -m)
musl=$machine-unknown-linux-musl
if rustup target list --installed 2>/dev/null | grep -qx "$musl" || rustup target add "$musl" >/dev/null 2>&1; then
    triple=$musl
    export "CC_${musl//-/_}=musl-gcc"
else
    triple=$machine-unknown-linux-gnu
    export RUSTFLAGS="${RUSTFLAGS:-} -C target-feature=+crt-static"
    say "the target $musl is not to be had: linking glibc statically"
fi

[ $# -gt 0 ] || set -- gateway control
mkdir -p dist
for package in "$@"; do
    binary=${binaries[$package]:-}
    [ -n "$binary" ] || die "no such package: $package"
    # One at a time: built together, each would carry the features that only the other one asks for.
    step "build $binary for $triple" cargo build --quiet --release --locked --target "$triple" -p "$package" --bin "$binary"
    cp "$target/$triple/release/$binary" "dist/$binary"
    # `file` says "statically linked" or "static-pie linked", and ldd that there is nothing for it to do.
    file --brief "dist/$binary" | grep -qE 'static(ally|-pie) linked' || die "dist/$binary is not static"
    { ldd "dist/$binary" 2>&1 || true; } | grep -qE 'not a dynamic executable|statically linked' ||
        die "dist/$binary needs shared libraries"
    printf '%-20s %9d bytes, static, SHA-256 %s\n' "$binary" "$(stat --format %s "dist/$binary")" \
        "$(sha256sum "dist/$binary" | cut -c1-16)"
done
