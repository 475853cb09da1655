#!/usr/bin/env bash
# Installs the test peers that come from npm (tests/peers) under build/peers. Says nothing when they are there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

source=tests/peers
target=build/peers

case ${1:-} in
-h | --help)
    cat <<TEXT
Usage: scripts/install-peers.sh [--if-npm]

Installs peers for the tests with npm under $target, and npm itself (Debian: nodejs and npm, 350 packages) if
there is none. With --if-npm it does nothing where there is no npm, and what cannot be fetched is no error: the tests
that need a peer then say so and count as skipped.
TEXT
    exit
    ;;
--if-npm) command -v npm >/dev/null || exit 0 ;;
esac

# What is installed is what the lock file says.
if cmp -s "$source/package-lock.json" "$target/installed"; then
    exit 0
fi
command -v npm >/dev/null || scripts/install-deps.sh node
mkdir -p "$target"
cp "$source"/package.json "$source"/package-lock.json "$target"
echo "Installing the peers of $source with npm"
if ! npm ci --prefix "$target" --omit=optional --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null; then
    echo "install-peers: npm could not install them" >&2
    [ "${1:-}" = --if-npm ] && exit 0
    exit 1
fi
cp "$source/package-lock.json" "$target/installed"
