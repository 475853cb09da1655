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
certs bridge pki cell-4
start_plcsim
write_server_config "bridges: [cell-3, cell-4]" "alarms:" "  state: $folder/alarms.db" "  rules:" \
    "    - {tag: '*/pressure', level: high, limit: 0.1}" "    - {tag: '*/pressure', level: low_low, limit: -1}"
start_server
start_bridge
wait_for_acks 5
# A bridge that would like the page to run its tags' names. It connects, sends, and is gone.
printf '%s\n' 'tag,value,unit' '"<img src=x onerror=""window.stranger=1"">/pressure",7,"<b>"' |
    bourdon send --server "127.0.0.1:$server_port" --ca pki/ca.pem --certificate pki/bridge/cell-4.pem \
        --key pki/bridge/cell-4.key --quiet --format csv || fail "send"
write_web_config
start_web

mkdir -p "$shots"
timeout 240 node "$here/page.mjs" "http://127.0.0.1:$web_port/" "$shots" || fail "the page"
stop_in_good_order
timeout 120 node "$here/page.mjs" "http://127.0.0.1:$web_port/" "$shots" away || fail "the page without its server"
pass "screenshots are in $shots"
process_stop web "$patience" || fail "bourdon-web ended with status ${process_status[web]}"
acknowledged_is_stored
