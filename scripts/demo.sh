#!/usr/bin/env bash
# A control plane, a gateway that it leads, a deployment, a rollback, and what goes on while the control plane is away: on
# one screen. On a terminal it goes on serving at the end; elsewhere (or with DEMO_ONCE=1) it ends by itself.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

command -v node >/dev/null || die 'the demo needs Node.js for its upstream'
step tools scripts/tools.sh demo
step build cargo build --quiet --workspace --bins
export PATH="$target/debug:$PATH"

work=$(mktemp -d)
# Keys, tokens and state of the demo's own.
export XDG_CONFIG_HOME=$work/config XDG_DATA_HOME=$work/data
declare -A pids=()
clean_up() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

title() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
# What is typed is shown even where its output goes into a file.
exec 3>&1
# show COMMAND...: shows what is typed, then runs it.
show() {
    local word line=
    for word in "$@"; do
        case $word in *[!A-Za-z0-9_./:-]*) line+=" '$word'" ;; *) line+=" $word" ;; esac
    done
    printf '\033[2m$%s\033[0m\n' "$line" >&3
    "$@"
}
until_status() {
    for _ in $(seq 100); do
        [ "$(curl -s -o /dev/null -w '%{http_code}' "$2")" = "$1" ] && return
        sleep 0.1
    done
    tail -n 20 "$work"/*.log
    die "$2 did not answer $1"
}
# background NAME COMMAND...: shows what is typed, and leaves it running.
background() {
    local name=$1
    shift
    printf '\033[2m$ %s &\033[0m\n' "$*"
    "$@" >"$work/$name.out" 2>>"$work/$name.log" &
    pids[$name]=$!
}
stop() {
    kill -9 "${pids[$1]}"
    wait "${pids[$1]}" 2>/dev/null || true
}
# member NAME FILE: a text of JSON on lines of their own.
member() { sed -n "s/^ *\"$1\": \"\(.*\)\",*$/\1/p" "$2" | head -n 1; }

free_port() { node "$root/scripts/demo/free-port.mjs" "$1"; }
control=127.0.0.1:$(free_port 9090)
gateway=127.0.0.1:$(free_port 8080)
admin=127.0.0.1:$(free_port 9901)
cd "$work"
node "$root/scripts/demo/upstream.mjs" >"$work/upstream" &
pids[upstream]=$!

title 'A control plane, on an empty machine'
control_plane() { background control portcullis-control serve --listen "$control" --heartbeat-interval 2s --return-time 5s; }
control_plane
until_status 200 "http://$control/readyz"
sed -n 's/^bootstrap token: //p' control.out >token
show portcullis-control login --server "http://$control" --token-file token
rm token
show portcullis-control project create notes -o table
export PORTCULLIS_CONTROL_PROJECT=notes

title 'An API: its document is all there is to say about it'
until [ -s upstream ]; do sleep 0.05; done
upstream=http://127.0.0.1:$(cat upstream)
show portcullis-control init notes
show portcullis-control project update notes --upstream "$upstream" --quiet -o json >project.json
# release MESSAGE: uploads the document, and builds it. Its artifact is `$artifact` then.
release() {
    show portcullis-control spec push notes/openapi.yaml --message "$1" --quiet -o json >spec.json
    show portcullis-control build --spec notes --wait --quiet -o json >build.json
    artifact=$(member artifact build.json)
    printf 'artifact %s\n' "$artifact"
}
release 'The first version'

title 'A gateway: one command, which the control plane prints'
show portcullis-control apikey create edge --quiet -o json >issued.json
member secret issued.json >data-plane.key
chmod 600 data-plane.key
# The command is words without quotes.
read -ra serve <<<"$(member command issued.json)"
start_gateway() {
    background gateway "${serve[@]}" --name edge-1 --state-dir state --listen "$gateway" --admin "$admin"
    until_status "$1" "http://$admin/readyz"
}
start_gateway 503
printf 'It is there, and has nothing to serve yet:\n'
show curl -s "http://$gateway/notes"
printf '\n'

title 'A deployment'
show portcullis-control deploy "$artifact" --message 'The first version' --wait -o table
show curl -si "http://$gateway/notes"
printf '\n'

title 'What the document does not say is refused, and the server behind never hears of it'
show curl -s "http://$gateway/unknown"
printf '\n'
show curl -s -X PUT "http://$gateway/notes"
printf '\n'

title 'A path is added to the document, and deployed'
sed -i 's|^components:|  /count:\n    get:\n      operationId: countNotes\n      responses:\n        "200":\n          description: How many there are\n\n&|' notes/openapi.yaml
first=$artifact
release 'Count them, too'
show portcullis-control artifact diff "$first" "$artifact" -o text
show portcullis-control deploy "$artifact" --message 'Count them, too' --wait --quiet -o json >deployment.json
show curl -s "http://$gateway/count"
printf '\n'
show portcullis-control data-plane list -o table

title 'The control plane is killed, and the gateway is started anew without it'
stop control
show curl -s "http://$gateway/count"
printf '\n'
stop gateway
start_gateway 200
printf 'It serves what was deployed last:\n'
show curl -s "http://$gateway/count"
printf '\n'

title 'The control plane is back, and everything is taken back with one command'
control_plane
until_status 200 "http://$control/readyz"
show portcullis-control rollback --message 'Nobody wants to count' --wait -o table
show curl -s -o /dev/null -w '%{http_code}\n' "http://$gateway/count"
show portcullis-control audit --limit 5 -o table

if [ -t 1 ] && [ -z "${DEMO_ONCE:-}" ]; then
    title 'It goes on serving. Try, in another terminal:'
    cat <<TRY
    export PATH=$target/debug:\$PATH XDG_CONFIG_HOME=$XDG_CONFIG_HOME PORTCULLIS_CONTROL_PROJECT=notes

    curl -i http://$gateway/notes                       a request
    curl http://$admin/readyz?verbose                   how the gateway stands with the control plane
    portcullis-control data-plane get edge-1            what the control plane knows of it
    portcullis-control deployment list -o table         what was deployed
    portcullis-control deployment unpin                 let pipelines deploy again

    Ctrl-C ends everything.
TRY
    wait "${pids[gateway]}"
fi
