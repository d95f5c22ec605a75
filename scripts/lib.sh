# Sourced by the scripts beside it: where things are, how a step is shown.
# shellcheck shell=bash
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# PORTCULLIS_TOOLS_DIR keeps the tools warm across clones; they are versioned by `tools.sh`.
tools=${PORTCULLIS_TOOLS_DIR:-$root/.tools}
target=${CARGO_TARGET_DIR:-$root/target}
export PATH="$tools/bin:$tools/venv/bin:$PATH"

say() { printf '==> %s\n' "$*" >&2; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# step NAME COMMAND...: runs the command and says how long it took.
step() {
    local name=$1 began=$EPOCHREALTIME
    shift
    say "$name"
    "$@" || die "$name failed"
    awk -v name="$name" -v a="$began" -v b="$EPOCHREALTIME" \
        'BEGIN { printf "    %s: %.1f s\n", name, b - a }' >&2
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}
