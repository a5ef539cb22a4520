#!/bin/sh
# One call from two processes: an agent in Python, and a tool service in Node. No account, no network but npm's.
#
#     ./run.sh [PAGE.html]
#
# PYTHON names the Python that has roark-otel (default: python3).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
page=${1:-$here/call.html}
python=${PYTHON:-python3}

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# What is missing, in one line

missing=
node -e 'const [major, minor] = process.versions.node.split("."); process.exit(+major + minor / 100 < 20.06 ? 1 : 0)' \
    2>/dev/null || missing="$missing; Node.js 20.6 or newer"
command -v npm >/dev/null || missing="$missing; npm"
"$python" -c 'import httptools, jsonschema, opentelemetry.exporter.otlp.proto.http, rich, roark_otel, starlette' \
    2>/dev/null || missing="$missing; for $python: pip install \"roark-otel[local,gateway,otlp]\""
[ -z "$missing" ] || fail "This example needs${missing#;}"

npm install --prefix "$here" --loglevel error --no-audit --no-fund --no-package-lock --prefer-offline >/dev/null ||
    fail "npm cannot install the packages of $here/package.json"

# Started processes: whatever happens, all are stopped by their ids

work=$(mktemp -d)
pids=
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

clean_up() {
    trap '' INT TERM HUP # once is enough
    for pid in $pids; do stop "$pid"; done
    rm -rf "$work"
}

# Starts a command, and waits until it says "at http://…": `url` is that address, `pid` its process.
start() {
    log=$work/$1.log
    shift
    : >"$log" # the process may begin later than it is read
    "$@" >>"$log" 2>&1 &
    pid=$!
    pids="$pid $pids"
    url=
    wait_for said_where
}

said_where() {
    kill -0 "$pid" 2>/dev/null || fail "$(cat "$log")"
    url=$(sed -n 's|.* at \(http://127[0-9.:]*\).*|\1|p' "$log" | head -n 1)
    [ -n "$url" ]
}

# Stops a process, and waits until it has sent what it holds.
stop() {
    pids=$(echo " $pids " | sed "s/ $1 / /")
    kill "$1" 2>/dev/null || :
    wait "$1" 2>/dev/null || : # the shell would say how it ended
}

# Waits until a command succeeds, for two minutes at most.
wait_for() {
    deadline=$(($(date +%s) + 120))
    until "$@"; do
        [ "$(date +%s)" -lt "$deadline" ] || fail "Gave up waiting: $(tail -n 5 "$work"/*.log)"
        sleep 0.2
    done
}

# No settings of the shell that this runs in, and no proxy on the way to this machine

for name in $(env | sed -n -e 's/^\(ROARK_[A-Z0-9_]*\)=.*/\1/p' -e 's/^\(OTEL_[A-Z0-9_]*\)=.*/\1/p'); do
    unset "$name"
done
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1

# A local Roark, and the gateway before it

start sandbox "$python" -m roark_otel sandbox --port 0
export ROARK_API_KEY=any ROARK_BASE_URL="$url" ROARK_SPOOL_DIR="$work/spool"
export ROARK_RECORDING_URL_TEMPLATE="$url/recordings/{external_id}.wav"

# The call is made 5 s after the last span, which is longer than the exporters below hold theirs. All senders run on this
# machine and none has a backlog, so no more is waited for. Spans are sent on too: the page of the call shows them.
start gateway env OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20any "$python" -m roark_otel gateway \
    --port 0 --no-grpc --settle 5 --retry-interval 1 --forward "$url"
gateway=$pid

# The conversation

export OTEL_EXPORTER_OTLP_ENDPOINT="$url" OTEL_BSP_SCHEDULE_DELAY=500
start tools node "$here/tools.mjs"
tools=$pid
external_id=$(TOOLS_URL=$url OTEL_SERVICE_NAME=order-desk "$python" "$here/agent.py")
stop "$tools"

# The call

show() {
    "$python" -m roark_otel calls show "$@" "$external_id"
}

arrived() {
    show >"$work/call.txt" 2>&1
}

wait_for arrived
stop "$gateway"
cat "$work/call.txt"
show --html "$page"
