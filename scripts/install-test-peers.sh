#!/usr/bin/env bash
# Installs the clients of others that Debian has no package of, for tests/conformance: needs npm and the network.
# Without them the tests that want them are left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../tests/conformance"

command -v npm >/dev/null || {
    echo "install-test-peers: npm is not installed; Debian's package is npm" >&2
    exit 1
}
npm ci --ignore-scripts --no-audit --no-fund
