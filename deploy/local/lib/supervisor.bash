# Control of s6, the supervisor. `services/` holds a definition for each process, `scan/` a link to each definition that
# is to run.

define_process() {
    local name=$1 definition=$RUN_DIR/services/$1
    mkdir -p "$definition"/{log,supervise} "$RUN_DIR/data/$name" "$RUN_DIR/log/$name"
    chmod 700 "$RUN_DIR/data/$name"
    install -m 755 "$LOCAL_DIR/supervised/run" "$LOCAL_DIR/supervised/finish" "$definition"
    install -m 755 "$LOCAL_DIR/supervised/log-run" "$definition/log/run"
    define_start "$name" >"$definition/start.new"
    chmod 755 "$definition/start.new"
    mv "$definition/start.new" "$definition/start"
    # No limit on the restart backoff.
    echo 0 >"$definition/timeout-finish"
    # A second instance never runs beside the first. s6 2.11 opens the lock file without creating it.
    echo 9 >"$definition/lock-fd"
    touch "$definition/supervise/service-lock"
    # On SIGINT PostgreSQL ends the sessions and stops at once.
    [[ $name != postgres ]] || echo SIGINT >"$definition/down-signal"
}

define_start() {
    local words
    if is_server "$1"; then
        cat "$LOCAL_DIR/supervised/start-$1"
        return
    fi
    read -ra words <<<"$(command_of "$1")"
    printf '#!/bin/bash\nexec'
    printf ' %q' "$RUN_DIR/bin/${words[0]}" "${words[@]:1}"
    echo
}

supervisor_runs() {
    s6-svscanctl -a "$RUN_DIR/scan" 2>/dev/null
}

# start_supervisor: with a clean environment, so that nothing of the caller's shell reaches the services.
start_supervisor() {
    supervisor_runs && return
    end_leftovers
    rm -rf "$RUN_DIR/scan"
    mkdir -p "$RUN_DIR/scan"
    env -i PATH="$PATH" HOME="$HOME" LANG=C.UTF-8 \
        setsid s6-svscan -t 0 "$RUN_DIR/scan" </dev/null >>"$RUN_DIR/log/supervisor" 2>&1 {LOCK}>&- &
    until supervisor_runs; do
        kill -0 $! 2>/dev/null || die "the supervisor does not start: $(tail -n 1 "$RUN_DIR/log/supervisor")"
        sleep 0.05
    done
}

# fingerprint PROCESS: a hash of its program, settings and start script.
fingerprint() {
    local files=("$RUN_DIR/environment/$1" "$RUN_DIR/services/$1"/{run,start})
    case $1 in
        postgres) files+=("$RUN_DIR/data/postgres/platform.conf") ;;
        redis) files+=("$RUN_DIR/data/redis/redis.conf") ;;
        rabbitmq) files+=("$RUN_DIR"/data/rabbitmq/{rabbitmq.conf,enabled_plugins}) ;;
        epmd) ;;
        *) files+=("$RUN_DIR/bin/$(binary_of "$1")") ;;
    esac
    cat "${files[@]}" | sha256sum
}

# ensure_started PROCESS: starts it, or restarts it if its fingerprint has changed since its start.
ensure_started() {
    local definition=$RUN_DIR/services/$1 started=$RUN_DIR/services/$1/started now
    now=$(fingerprint "$1")
    if ! s6-svok "$RUN_DIR/scan/$1" 2>/dev/null; then
        s6-svlink "$RUN_DIR/scan" "$definition"
        s6-svdt-clear "$definition"
    elif [[ $(cat "$started" 2>/dev/null) != "$now" ]]; then
        say "restarting $1: it has changed"
        stop_process "$1"
        s6-svdt-clear "$definition"
        s6-svc -u "$definition"
    else
        s6-svc -u "$definition"
        end_wait "$1"
    fi
    echo "$now" >"$started"
}

# end_wait PROCESS: ends the restart backoff early.
end_wait() {
    local pipe=$RUN_DIR/services/$1/wake
    [[ ! -p $pipe ]] || echo 1<>"$pipe"
}

# stop_process PROCESS…: all at once, each by its own signal; SIGKILL after 20 s.
stop_process() {
    local name
    for name in "$@"; do
        s6-svc -d "$RUN_DIR/services/$name" 2>/dev/null || true
    done
    wait_down 20 "$@" && return
    for name in "$@"; do
        is_down "$name" && continue
        say "$name does not stop: killing it"
        s6-svc -k "$RUN_DIR/services/$name" 2>/dev/null || true
    done
    wait_down 5 "$@" || say "not down: $*"
}

# wait_down SECONDS PROCESS…
wait_down() {
    local deadline=$((SECONDS + $1)) name
    shift
    for name in "$@"; do
        until is_down "$name"; do
            [[ $SECONDS -lt $deadline ]] || return 1
            end_wait "$name"
            sleep 0.05
        done
    done
}

# is_down PROCESS: neither the process nor its restart backoff is left; s6 then prints "down … ready".
is_down() {
    local state
    state=$(s6-svstat "$RUN_DIR/services/$1" 2>/dev/null) || return 0
    [[ $state == down*ready* ]]
}

is_up() {
    [[ $(s6-svstat -o up "$RUN_DIR/services/$1" 2>/dev/null) == true ]]
}

stop_supervisor() {
    supervisor_runs || return 0
    s6-svscanctl -t "$RUN_DIR/scan"
    local deadline=$((SECONDS + 5))
    while supervisor_runs && [[ $SECONDS -lt $deadline ]]; do
        sleep 0.05
    done
}
