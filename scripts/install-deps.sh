#!/usr/bin/env bash
# Installs the Debian packages that Bourdon needs and that are missing. Says nothing when none is.
set -euo pipefail

packages_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/packages" && pwd)

usage() {
    cat <<TEXT
Usage: scripts/install-deps.sh [SET]...

Installs with apt-get, as root or through sudo, what is missing of these sets of Debian packages:

  build   to build and run Bourdon
  test    what its tests need besides
  ci      what continuous integration needs besides
  node    npm, for test peers that come from it (scripts/install-peers.sh)
  bench   what the benchmarks need besides: the peers they measure
  browser a web browser, for the test of the page (tests/browser)

Without a set: build and test. The lists are in scripts/packages/.
TEXT
}

fail() {
    echo "install-deps: $*" >&2
    exit 1
}

# The packages of the sets, one a line, without comments.
wanted() {
    local set
    for set in "$@"; do
        [ -f "$packages_folder/$set.txt" ] || fail "no set '$set': there are build, test, ci, node, bench and browser"
        sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$packages_folder/$set.txt"
    done | sort -u
}

# Of the packages on standard input, those that are not installed.
missing() {
    local package
    while read -r package; do
        dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            echo "$package"
    done
}

# Runs a command as root with nobody there to answer questions; what it says goes to the log.
as_root() {
    local prefix=()
    [ "$(id -u)" -eq 0 ] || prefix=(sudo)
    "${prefix[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@" >>"$log" 2>&1 </dev/null || {
        tail -n 20 "$log" >&2
        fail "'$*' failed"
    }
}

need_root() {
    [ "$(id -u)" -eq 0 ] && return
    command -v sudo >/dev/null ||
        fail "these packages are missing, and installing them needs root or sudo. As root, run:
  apt-get install --no-install-recommends $*"
    sudo -n true 2>/dev/null || sudo -v || fail "sudo refused. As root, run:
  apt-get install --no-install-recommends $*"
}

install_packages() {
    local patience=(-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
    log=$(mktemp)
    trap 'rm -f -- "$log"' EXIT
    as_root apt-get "${patience[@]}" update
    as_root apt-get "${patience[@]}" install --yes --no-install-recommends "$@"
}

main() {
    case ${1:-} in -h | --help) usage && return ;; esac
    [ $# -gt 0 ] || set -- build test
    command -v apt-get >/dev/null || fail "no apt-get here: install the packages in scripts/packages/ your own way"
    local list packages
    list=$(wanted "$@")
    mapfile -t packages < <(missing <<<"$list")
    [ ${#packages[@]} -gt 0 ] || return 0
    need_root "${packages[@]}"
    echo "Installing ${#packages[@]} Debian packages (a minute or two): ${packages[*]}"
    install_packages "${packages[@]}"
}

main "$@"
