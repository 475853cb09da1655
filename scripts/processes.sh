# processes: starts programs, waits for what they log, and ends them. Sourced by scripts and scenarios; bash.
#
# A program runs under the name it was started with, in a session of its own, so that Ctrl-C reaches only the
# script, which then stops it in good order; and it dies with this shell, however that ends. Nothing here waits without a deadline. Each function says on
# stderr what went wrong and returns non-zero.
# shellcheck shell=bash

declare -A process_pid=()    # by name
declare -A process_log=()    # by name: file with stdout and stderr
declare -A process_status=() # by name: exit status once it has ended

# process_start NAME LOG COMMAND...: in the background. Not to be called in a subshell: it would die with that.
process_start() {
    local name=$1 log=$2
    shift 2
    : >>"$log"
    setsid setpriv --pdeathsig KILL -- "$@" >>"$log" 2>&1 </dev/null &
    process_pid[$name]=$!
    process_log[$name]=$log
    unset "process_status[$name]"
}

process_is_running() {
    [ -n "${process_pid[$1]:-}" ] && kill -0 "${process_pid[$1]}" 2>/dev/null
}

process_has_ended() {
    ! process_is_running "$1"
}

# wait_until SECONDS COMMAND...: until the command succeeds. Looks again every 20 ms.
wait_until() {
    local deadline=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
    shift
    until "$@"; do
        [ "${EPOCHREALTIME/[.,]/}" -lt "$deadline" ] || return 1
        read -r -t 0.02 <><(:) 2>/dev/null || true
    done
}

# log_has NAME PATTERN [FROM]: whether the log has a line with the extended regular expression, at or behind line FROM.
# Not through a pipe: grep ends at the first such line, and a tail that still writes would make a failure of it.
log_has() {
    grep -Eq -- "$2" <(tail -n "+${3:-1}" "${process_log[$1]}")
}

# log_lines NAME: how many lines the log has; + 1 is where the next event will be.
log_lines() {
    wc -l <"${process_log[$1]}"
}

event_or_end() {
    log_has "$@" || process_has_ended "$1"
}

# wait_for_event NAME SECONDS PATTERN [FROM]: until the log has such a line; at once when the program ends without it.
wait_for_event() {
    local name=$1 seconds=$2 pattern=$3 from=${4:-1}
    wait_until "$seconds" event_or_end "$name" "$pattern" "$from" || true
    log_has "$name" "$pattern" "$from" && return
    echo "$name did not log \"$pattern\" within $seconds s; its log ends with:" >&2
    tail -n 5 "${process_log[$name]}" >&2
    return 1
}

# log_field NAME EVENT KEY: the value of a key in the first line of that event.
log_field() {
    sed -n "s/.*event=$2 .*\b$3=\([^ ]*\).*/\1/p" "${process_log[$1]}" | head -n 1
}

# process_wait NAME SECONDS: until it has ended; its exit status is in process_status.
process_wait() {
    local name=$1 pid=${process_pid[$1]:-}
    [ -n "$pid" ] || return 0
    if ! wait_until "$2" process_has_ended "$name"; then
        echo "$name (process $pid) did not end within $2 s" >&2
        return 1
    fi
    process_status[$name]=0
    { wait "$pid" || process_status[$name]=$?; } 2>/dev/null # bash would tell of the signal
    unset "process_pid[$name]"
}

# process_kill NAME: SIGKILL, and the end of it.
process_kill() {
    process_is_running "$1" && kill -KILL "${process_pid[$1]}"
    process_wait "$1" 5
}

# process_stop NAME [SECONDS]: SIGTERM, then SIGKILL when it takes longer. Succeeds if it ended with status 0.
process_stop() {
    local name=$1
    [ -n "${process_pid[$name]:-}" ] || return 0
    kill -TERM "${process_pid[$name]}" 2>/dev/null || true
    process_wait "$name" "${2:-15}" || process_kill "$name" || true
    [ "${process_status[$name]:-1}" -eq 0 ]
}

# For an EXIT trap: nothing is left behind.
processes_stop_all() {
    local name
    for name in "${!process_pid[@]}"; do
        process_kill "$name" 2>/dev/null || true
    done
}
