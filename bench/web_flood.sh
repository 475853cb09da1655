#!/usr/bin/env bash
# What the page costs the acks: a bridge that sends, while bourdon-web is asked, hung upon and killed.
#
#   bench/web_flood.sh [SECONDS [ROUNDS]]      of each row, 8 and 3 if not given
#
# Prints rows of Markdown: the mean time from a batch's arrival to its answer at the server, and the memory of both.
BOURDON_BIN=${BOURDON_BIN:-$(dirname "${BASH_SOURCE[0]}")/../build/release/bin}
# shellcheck source=tests/scenario/lib.sh disable=SC2119
. "$(dirname "${BASH_SOURCE[0]}")/../tests/scenario/lib.sh"

make_certificates
start_plcsim
write_server_config "alarms:" "  state: $folder/alarms.db" "  rules:" "    - {tag: '*', level: high, limit: 4}"
start_server
start_bridge
wait_for_acks 5
write_web_config
start_web
http_port=$(log_field server http_listening port)
for ((round = 0; round < ${2:-3}; round++)); do
    for row in quiet asked deaf killed; do
        python3 "$BOURDON_SOURCE/bench/web_crowd.py" "$row" "$web_port" "$http_port" "${1:-8}" \
            "${process_pid[server]}" "${process_pid[web]}" &
        crowd=$!
        while [ "$row" = killed ] && kill -0 "$crowd" 2>/dev/null; do
            process_kill web || true
            start_web
        done
        wait "$crowd"
    done
done
stop_in_good_order
acknowledged_is_stored >/dev/null
