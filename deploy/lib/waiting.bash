# Waiting for readiness. The mode knows how to probe a process (is_ready) and where its log is (last_log_line).

# wait_ready SECONDS PROCESS…
wait_ready() {
    local deadline=$((SECONDS + $1)) name
    shift
    for name in "$@"; do
        until is_ready "$name"; do
            [[ $SECONDS -lt $deadline ]] || die "$name is not ready. Its last line: $(last_log_line "$name")"
            sleep 0.1
        done
    done
}
