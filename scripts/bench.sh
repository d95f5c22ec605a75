#!/usr/bin/env bash
# The binaries that are shipped: the gateway against its peers, and the control plane's server with a fleet's worth of rows.
#   bench.sh [gateway|control] [ARGUMENT]...    both by default; arguments go to the bench program: --rounds N --seconds N
#   bench.sh fleet [ARGUMENT]...                ten thousand data planes on one control plane: --data-planes N --soak MINUTES
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

subjects=(gateway control)
case ${1:-} in
gateway | control | fleet)
    subjects=("$1")
    shift
    ;;
esac
[ "$(nproc)" -ge 2 ] || die 'the bench needs two cores: one for what is measured, one for everything else'
step tools scripts/tools.sh bench
scripts/dist.sh "${subjects[@]/fleet/control}"
step 'build the bench program' cargo build --quiet --profile tool -p tests --bin bench -p control --bin portcullis-control
bench=$target/tool/bench page=docs/reference/benchmarks.md

gateway() {
    PATH=$PATH:/usr/sbin PORTCULLIS_GATEWAY=$root/dist/portcullis "$bench" --write $page "$@"
    # Of the same profile, so that the compiler of the corpus is found beside them.
    step 'router and loading, from 10 to 10,000 operations' cargo bench --quiet --profile tool -p tests --bench router --bench load
}

control() {
    PORTCULLIS_CONTROL=$root/dist/portcullis-control "$bench" control --write $page "$@"
}

fleet() {
    PORTCULLIS_CONTROL=$root/dist/portcullis-control "$bench" fleet --write $page "$@"
}

for subject in "${subjects[@]}"; do "$subject" "$@"; done
