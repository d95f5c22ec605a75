#!/usr/bin/env bash
# Static release binaries into dist/: against musl where its target is to be had, else a static glibc.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

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
step "build for $triple" cargo build --release --locked --bins --target "$triple" -p gateway -p control

mkdir -p dist
for binary in portcullis portcullis-control; do
    built=$target/$triple/release/$binary
    [ -x "$built" ] || die "no $binary was built"
    cp "$built" "dist/$binary"
    # `file` says "statically linked" or "static-pie linked"; ldd fails on the first and says so of the second.
    file --brief "dist/$binary" | grep -qE 'static(ally|-pie) linked' || die "dist/$binary is not static"
    { ldd "dist/$binary" 2>&1 || true; } | grep -qE 'not a dynamic executable|statically linked' ||
        die "dist/$binary needs shared libraries"
    printf '%-20s %9d bytes  %s\n' "$binary" "$(stat --format %s "dist/$binary")" \
        "$(sha256sum "dist/$binary" | cut -c1-16)"
done
