#!/usr/bin/env bash
# From an OpenAPI document to served traffic, live reload and refusals, on one screen. On a terminal it goes on
# serving at the end; elsewhere (or with DEMO_ONCE=1) it ends by itself.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

command -v node >/dev/null || die 'the demo needs Node.js for its upstream'
step tools scripts/tools.sh demo
step build cargo build --quiet --workspace --bins
export PATH="$target/debug:$PATH"

work=$(mktemp -d)
# A key and a trusted folder of the demo's own.
export XDG_CONFIG_HOME=$work/config
pids=()
clean_up() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

title() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
# show COMMAND...: shows what is typed, then runs it.
show() {
    local word line=
    for word in "$@"; do
        case $word in *[!A-Za-z0-9_./:-]*) line+=" '$word'" ;; *) line+=" $word" ;; esac
    done
    printf '\033[2m$%s\033[0m\n' "$line"
    "$@"
}
# refused COMMAND...: the same, for a command that must fail by itself, and does not run into a time limit (124).
refused() {
    local status=0
    printf '\033[2m$ %s\033[0m\n' "$*"
    "$@" || status=$?
    [ $status != 0 ] && [ $status != 124 ] || die "this should have been refused: $*"
}
until_status() {
    for _ in $(seq 100); do
        [ "$(curl -s -o /dev/null -w '%{http_code}' "$2")" = "$1" ] && return
        sleep 0.1
    done
    cat "$work/dev.log"
    die "$2 did not answer $1"
}

title 'A project, and a server behind it'
cd "$work"
show portcullis-control init notes
cd notes
node "$root/scripts/demo/upstream.mjs" >"$work/upstream" &
pids+=($!)
gateway=127.0.0.1:$(node "$root/scripts/demo/free-port.mjs" 8080)
admin=127.0.0.1:$(node "$root/scripts/demo/free-port.mjs" 9901)
until [ -s "$work/upstream" ]; do sleep 0.05; done
upstream=http://127.0.0.1:$(cat "$work/upstream")

title 'Compiled, signed with a development key, and served; again on every save'
echo "\$ portcullis-control dev --spec openapi.yaml --upstream $upstream --listen $gateway"
portcullis-control dev --spec openapi.yaml --upstream "$upstream" --listen "$gateway" --admin "$admin" \
    >"$work/dev.log" 2>&1 &
pids+=($!)
until_status 200 "http://$admin/readyz"

title 'A request goes through'
show curl -si "http://$gateway/notes"
show curl -s -d '{"text":"Sent through the gateway."}' -H 'content-type: application/json' "http://$gateway/notes"

title 'What the document does not say is refused, and the server behind never hears of it'
show curl -si "http://$gateway/unknown"
printf '\n'
show curl -si -X PUT "http://$gateway/notes"
printf '\n'

title 'A path is added to the document, and it is served'
show portcullis-control compile --quiet --spec openapi.yaml --upstream "$upstream" -o before.bca
show curl -s -o /dev/null -w '%{http_code}\n' "http://$gateway/count"
sed -i 's|^components:|  /count:\n    get:\n      operationId: countNotes\n      responses:\n        "200":\n          description: How many there are\n\n&|' openapi.yaml
until_status 200 "http://$gateway/count"
show curl -s "http://$gateway/count"

title 'A mistake is explained, and the last good version goes on being served'
cp openapi.yaml good.yaml
sed -i 's|operationId: countNotes|operationID: countNotes|' openapi.yaml
for _ in $(seq 100); do grep -q 'error\[PC' "$work/dev.log" && break; sleep 0.1; done
grep -q 'error\[PC' "$work/dev.log" || die 'the mistake was not explained'
sed -n '/error\[PC/,/docs:/p' "$work/dev.log" | head -12
show curl -s "http://$gateway/count"
cp good.yaml openapi.yaml

title 'What changed, for those who call the API'
show portcullis-control compile --quiet --spec openapi.yaml --upstream "$upstream" -o api.bca
show portcullis-control diff -o text before.bca api.bca

title 'One bit of the artifact is changed, and nobody serves it'
cp api.bca tampered.bca
position=$(($(stat --format %s api.bca) - 40))
byte=$(od -An -tu1 -j "$position" -N1 tampered.bca | tr -d ' ')
# shellcheck disable=SC2059
printf "\\x$(printf %02x $((byte ^ 1)))" | dd of=tampered.bca bs=1 seek="$position" conv=notrunc status=none
refused timeout 10 portcullis serve --artifact tampered.bca --listen 127.0.0.1:0 --admin 127.0.0.1:0

if [ -t 1 ] && [ -z "${DEMO_ONCE:-}" ]; then
    title 'It goes on serving. Try, in another terminal:'
    cat <<TRY
    curl -i http://$gateway/notes                 a request
    curl -i http://$gateway/notes/first           another
    curl http://$admin/metrics | grep duration    what was counted
    curl http://$admin/artifact                   what is served, and who signed it
    \$EDITOR $work/notes/openapi.yaml             change it, save it

    Ctrl-C ends everything.
TRY
    wait "${pids[1]}"
fi
