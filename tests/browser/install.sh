#!/usr/bin/env bash
# Installs Chromium, of the distribution's packages, where there is none. Where it cannot be had this says why and ends
# well: the tests that need it are then skipped.
set -uo pipefail

SECONDS_FOR_APT=${SECONDS_FOR_APT:-300}

for name in chromium chromium-browser google-chrome; do
    if command -v "$name" > /dev/null; then
        exit 0
    fi
done
if [ -n "${CHROMIUM:-}" ]; then
    exit 0
fi

cannot() {
    echo "Chromium cannot be installed here: $1. Set CHROMIUM to the path of one to run the tests of the pages."
    exit 0
}

command -v apt-get > /dev/null || cannot "there is no apt-get"
[ "$(id -u)" = 0 ] || cannot "apt-get needs root"
export DEBIAN_FRONTEND=noninteractive
timeout "$SECONDS_FOR_APT" apt-get -qq update || cannot "apt-get update failed"
timeout "$SECONDS_FOR_APT" apt-get -qq install --no-install-recommends --yes chromium fonts-dejavu-core > /dev/null \
    || cannot "apt-get install chromium failed"
command -v chromium > /dev/null || cannot "the package has no chromium"
