#!/usr/bin/env bash
# Every program has its manual page, and mandoc finds nothing wrong with it but that it bears no date.
set -euo pipefail
command -v mandoc >/dev/null || exit 77
status=0
for page in bourdon.1 bourdon-bridge.8 bourdon-server.8 bourdon-web.8 bourdon-plcsim.8; do
    path=$BOURDON_BIN/../man/$page
    [ -s "$path" ] || { echo "FAILED: $path is not there"; status=1; continue; }
    found=$(mandoc -Tlint -W warning "$path" 2>&1 | grep -v 'missing date' || true)
    [ -z "$found" ] || { echo "FAILED: $found"; status=1; }
done
text=$(mandoc -Tutf8 "$BOURDON_BIN/../man/bourdon.1" | sed 's/.\x08//g')
for verb in $("$BOURDON_BIN/bourdon" --help | sed -n 's/^  \([a-z-]*\)  .*/\1/p'); do
    grep -q "^bourdon $verb\$" <<<"$text" || { echo "FAILED: bourdon(1) does not explain $verb"; status=1; }
done
exit "$status"
