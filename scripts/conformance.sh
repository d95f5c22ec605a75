#!/usr/bin/env bash
# The gateway judged by programs that share no code with it (docs/reference/conformance.md).
#   conformance.sh [ARGUMENT]...   the run; arguments as of `python -m conformance`. Without any, every document, and
#                                  its counts go into the reference page
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
[ $# -gt 0 ] || set -- --write docs/reference/conformance.md
"$venv/python" -m conformance --binaries "$target/debug" "$@"
