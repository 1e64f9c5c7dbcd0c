# Queries on the processes that platform.bash lists.

# The process that starts last: it serves clients once its upstreams are ready.
EDGE=(gateway)

# processes: the names of those that this profile supervises, in the order of start.
processes() {
    printf '%s\n' "${SERVERS[@]}"
    [[ $(profile) == infrastructure || $(profile) == chaos ]] && return
    printf '%s\n' "${SUPPORT[@]}" "${SERVICES[@]}" "${EDGE[@]}"
}

is_server() {
    [[ " ${SERVERS[*]} " == *" $1 "* ]]
}

is_support() {
    [[ " ${SUPPORT[*]} " == *" $1 "* ]]
}

# needs PROCESS SERVER
needs() {
    [[ " ${NEEDS_OF[$1]:-} " == *" $2 "* ]]
}

# all_that_need SERVER: the services and the edge among them.
all_that_need() {
    local name
    for name in "${SERVICES[@]}" "${EDGE[@]}"; do
        ! needs "$name" "$1" || echo "$name"
    done
}

# variable_of NAME: the name as part of a variable's, seat-service → SEAT_SERVICE.
variable_of() {
    local name=${1^^}
    echo "${name//-/_}"
}

# short_variable_of NAME: the same without its last word, seat-service → SEAT.
short_variable_of() {
    variable_of "${1%-service}"
}

# port_variables_of PROCESS: the variables of its ports, the one of its public address first.
port_variables_of() {
    echo "${PORTS_OF[$1]:-}"
}

# address_of PROCESS: nothing for a process without a port.
address_of() {
    local variables
    read -ra variables <<<"$(port_variables_of "$1")"
    [[ ${#variables[@]} -gt 0 ]] || return 0
    is_server "$1" || printf 'http://'
    echo "127.0.0.1:${!variables[0]}"
}

# setting_of PROCESS NAME: the value of one of its own settings.
setting_of() {
    own_settings "$1" | sed -n "s/^$2=//p"
}
