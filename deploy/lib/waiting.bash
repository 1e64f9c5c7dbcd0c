# Waiting until processes are ready. How to ask one, and what it said last, is the mode's.

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
