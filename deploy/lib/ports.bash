# A check, before the start, that every port is free. The mode knows which processes are up already (is_up).

check_ports() {
    local name variable taken=0
    while read -r name; do
        for variable in $(port_variables_of "$name"); do
            [[ -n ${!variable:-} ]] || continue
            # A process of this platform that is up holds the port that was remembered for it.
            is_up "$name" && [[ $(remembered_port "$variable") == "${!variable}" ]] && continue
            check_port "$variable" || taken=1
        done
    done < <(processes)
    [[ $taken == 0 ]] || exit 1
}

# check_port VARIABLE
check_port() {
    local listener pid
    listener=$(ss -Hltnp "sport = :${!1}")
    [[ -n $listener ]] || return 0
    pid=$(grep -o 'pid=[0-9]*' <<<"$listener" | head -n 1 | cut -d= -f2)
    say "error: port ${!1} is taken by $(holder "$pid"): end that, or choose another port with $(override_of "$1")=…"
    return 1
}

# holder PID: the description of the process for a message.
holder() {
    if [[ -z $1 ]]; then
        echo 'a process of another user'
    else
        echo "pid $1 ($(tr '\0' ' ' <"/proc/$1/cmdline" | cut -c -60 | sed 's/ *$//'))"
    fi
}
