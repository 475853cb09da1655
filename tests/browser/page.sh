#!/usr/bin/env bash
# The page in a real browser: simulated PLC, bridge, server, bourdon-web, headless Chromium. Screenshots are kept in the
# folder that is given.
# shellcheck source=tests/scenario/lib.sh disable=SC2119
. "$(dirname "$0")/../scenario/lib.sh"

here=$BOURDON_SOURCE/tests/browser
export NODE_PATH=$BOURDON_SOURCE/build/peers/node_modules
shots=$1
if ! command -v node >/dev/null || ! command -v chromium >/dev/null || [ ! -d "$NODE_PATH/playwright-core" ]; then
    echo "skipped: needs chromium and playwright-core: scripts/install-deps.sh browser; scripts/install-peers.sh"
    [ -z "${BOURDON_PEERS_REQUIRED:-}" ] || fail "and they are required here"
    exit 77
fi

make_certificates
start_plcsim
write_server_config "alarms:" "  state: $folder/alarms.db" "  rules:" \
    "    - {tag: '*/pressure', level: high, limit: 0.1}" "    - {tag: '*/pressure', level: low_low, limit: -1}"
start_server
start_bridge
wait_for_acks 5
write_web_config
start_web

mkdir -p "$shots"
timeout 240 node "$here/page.mjs" "http://127.0.0.1:$web_port/" "$shots" || fail "the page"
pass "screenshots are in $shots"
process_stop web "$patience" || fail "bourdon-web ended with status ${process_status[web]}"
stop_in_good_order
acknowledged_is_stored
