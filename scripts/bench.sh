#!/usr/bin/env bash
# The binary that is shipped, against its peers. Arguments go to the bench program: --rounds N --seconds N.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

[ "$(nproc)" -ge 2 ] || die 'the bench needs two cores: one for the proxy, one for everything else'
step tools scripts/tools.sh bench
scripts/dist.sh gateway
step 'build the bench program' cargo build --quiet --profile tool -p tests --bin bench -p control --bin portcullis-control
PATH=$PATH:/usr/sbin PORTCULLIS_GATEWAY=$root/dist/portcullis \
    "$target/tool/bench" --write docs/reference/benchmarks.md "$@"
# Of the same profile, so that the compiler of the corpus is found beside them.
step 'router and loading, from 10 to 10,000 operations' cargo bench --quiet --profile tool -p tests --bench router --bench load
