#!/usr/bin/env bash
# The gateway and the control plane judged by programs that share no code with them (docs/reference/conformance.md).
#   conformance.sh [ARGUMENT]...   the gateway; arguments as of `python -m conformance`. Without any, every document, then
#                                  the control plane, and their counts go into the reference page
#   conformance.sh control [ARGUMENT]...
#                                  the control plane; arguments as of `python -m conformance.control`. Without any, over
#                                  both databases, and the counts go into the page
#   conformance.sh lint            the harness alone: style, types, its own tests
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

step tools scripts/tools.sh conformance
venv=$tools/conformance/bin
export PYTHONPATH=$root/tests PYTHONDONTWRITEBYTECODE=1
if [ "${1:-}" = lint ]; then
    cd tests/conformance
    step style "$venv/ruff" check --quiet --no-cache
    step format "$venv/ruff" format --quiet --no-cache --check
    MYPYPATH=.. step types "$venv/mypy" --cache-dir "$tools/mypy" --package conformance
    step 'its own tests' "$venv/pytest"
    exit
fi
step build cargo build --quiet --workspace --bins
page=docs/reference/conformance.md
control() {
    [ $# -gt 0 ] || set -- --write "$page"
    "$venv/python" -m conformance.control --binaries "$target/debug" "$@"
}
case ${1:-} in
control)
    shift
    control "$@"
    ;;
'')
    "$venv/python" -m conformance --binaries "$target/debug" --write "$page"
    control
    ;;
*) "$venv/python" -m conformance --binaries "$target/debug" "$@" ;;
esac
