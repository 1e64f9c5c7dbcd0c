# Processes of this platform whose supervisor was killed. They are recognised by their working folder and by having no
# terminal: an interactive shell inside .run/ is left alone.

leftovers() {
    local stat pid folder fields
    for stat in /proc/[0-9]*/stat; do
        pid=${stat//[^0-9]/}
        folder=$(readlink "/proc/$pid/cwd" 2>/dev/null) || continue
        [[ $folder == "$RUN_DIR"/services* || $folder == "$RUN_DIR"/scan* || $folder == "$RUN_DIR"/data/* ]] || continue
        # After the name in parentheses: state, ppid, pgrp, session, tty.
        fields=$(sed 's/.*) //' "$stat" 2>/dev/null) || continue
        [[ $fields != Z* && $(cut -d' ' -f5 <<<"$fields") == 0 ]] && echo "$pid"
    done
    return 0
}

# end_leftovers: SIGTERM twice, then SIGKILL.
end_leftovers() {
    local pids signal
    for signal in TERM TERM KILL KILL; do
        mapfile -t pids < <(leftovers)
        [[ ${#pids[@]} -gt 0 ]] || return 0
        say "ending ${#pids[@]} processes left over in $RUN_DIR (SIG$signal)"
        kill -s "$signal" "${pids[@]}" 2>/dev/null || true
        wait_no_leftovers 4 && return
    done
    die "these processes of $RUN_DIR cannot be ended: $(leftovers | tr '\n' ' ')"
}

# wait_no_leftovers SECONDS
wait_no_leftovers() {
    local deadline=$((SECONDS + $1))
    until [[ -z $(leftovers) ]]; do
        [[ $SECONDS -lt $deadline ]] || return 1
        sleep 0.1
    done
}
