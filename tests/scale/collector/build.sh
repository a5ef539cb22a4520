#!/bin/sh
# Prints the path of the tests' Collector, and builds it first if this is the first time: 4 to 10 minutes, once.
#
# It is kept outside the tree, by a hash of all that makes it. Modules and build files stay in Go's own caches. go.sum is
# made beside the binary: it is a lock file of hundreds of lines that Go writes from go.mod.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
limit=${COLLECTOR_BUILD_SECONDS:-1500}
made_by=$(cd "$here" && { cat go.mod main.go build.sh; go env GOVERSION GOOS GOARCH; } | sha256sum | cut -c1-16)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/roark-otel/collector/$made_by

if [ ! -x "$cache/collector" ]; then
	mkdir -p "$cache"
	# Of two that begin together, the second waits and finds it built.
	exec 9> "$cache/lock"
	flock -w "$limit" 9
	if [ ! -x "$cache/collector" ]; then
		work=$(mktemp -d)
		trap 'rm -rf "$work"' EXIT
		cp "$here/go.mod" "$here/main.go" "$work"
		cd "$work"
		{
			timeout 300 go mod tidy
			timeout "$limit" nice -n 5 go build -trimpath -ldflags '-s -w' -o collector .
		} > "$cache/build.log" 2>&1 || { tail -n 20 "$cache/build.log" >&2; exit 1; }
		mv collector "$cache/collector"
	fi
fi
echo "$cache/collector"
