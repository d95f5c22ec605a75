#!/bin/sh
# From OpenAPI documents to a deployment: validate, compile, compare with what is deployed, sign, push, deploy.
#
#     deploy-from-ci.sh openapi.yaml...
#
# PORTCULLIS_CONTROL_URL      the control plane
# PORTCULLIS_CONTROL_TOKEN    a token with the scopes projects:read, artifacts:read, artifacts:write, deployments:read
#                             and deployments:write
# PORTCULLIS_CONTROL_PROJECT  the project's name
# SIGNING_KEY                 the private key, in PEM; the project trusts its public half
# ALLOW_BREAKING=yes          deploys what breaks clients or weakens authentication, limits or validation
# CANARY                      to so many data planes first, such as 1 or 10%; without it, to all at once
# DEPLOY_TIMEOUT              how long to wait for data planes; 30m
# COMMIT, SOURCE              where the documents come from, kept in the artifact
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

portcullis-control validate --spec "$@"
portcullis-control compile --quiet --spec "$@" --unsigned -o "$work/api.bca" \
    --provenance-commit "${COMMIT:-unknown}" --provenance-source "${SOURCE:-unknown}"

# 4: nothing is deployed yet.
status=0
portcullis-control artifact pull --quiet --deployed -o "$work/deployed.bca" 2>"$work/pull.log" || status=$?
if [ "$status" = 0 ]; then
    # 0: the same, 2: different; anything else went wrong. What is deployed was verified when it was pushed.
    portcullis-control diff --quiet --detailed-exitcode -o json "$work/deployed.bca" "$work/api.bca" \
        >"$work/diff.json" || status=$?
    if [ "$status" = 0 ]; then
        echo 'nothing that a client or an operator would notice: what is deployed stays'
        exit
    fi
    [ "$status" = 2 ] || exit "$status"
    portcullis-control diff --quiet -o table "$work/deployed.bca" "$work/api.bca"
    for what in breaking authentication_weakened limits_weakened validation_weakened; do
        if [ "${ALLOW_BREAKING:-no}" != yes ] && ! grep -q "^  \"$what\": 0," "$work/diff.json"; then
            echo "refused: $what; set ALLOW_BREAKING=yes if it is meant" >&2
            exit 1
        fi
    done
elif [ "$status" != 4 ]; then
    cat "$work/pull.log" >&2
    exit "$status"
fi

portcullis-control sign --quiet "$work/api.bca" --signing-key env://SIGNING_KEY
portcullis-control artifact push --quiet "$work/api.bca" -o table
digest=$(sha256sum "$work/api.bca" | cut -d ' ' -f 1)
# 8: it was taken back, 9: it takes longer, or waits for somebody, as where too few requests came to judge a canary by.
# What somebody rolled back is pinned, and not deployed over: 4.
portcullis-control deploy "$digest" --ci --message "${COMMIT:-by hand}" --wait --timeout "${DEPLOY_TIMEOUT:-30m}" \
    ${CANARY:+--canary "$CANARY" --gate-max-error-rate 1%} -o table
