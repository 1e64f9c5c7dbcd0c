# Folders and ports. A port comes from its variable, else from what the last `make up` remembered, else from its default
# in platform.bash.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
RUN_DIR=${RUN_DIR:-.run}
[[ $RUN_DIR == /* ]] || RUN_DIR=$ROOT/$RUN_DIR

# profile: `platform`, or for tests `tests` (everything, in Cargo's dev profile), `bench` (everything, as a user runs it),
# `infrastructure` (only the servers) or `chaos` (the servers, and all that `chaos` needs to start the rest itself).
# Remembered by `up`.
profile() {
    cat "$RUN_DIR/profile" 2>/dev/null || echo platform
}

# port_defaults: a test platform runs beside the other one, on 20000 plus the last four digits of each port.
port_defaults() {
    local default profile
    profile=$(profile)
    for default in "${PLATFORM_PORTS[@]}"; do
        [[ $profile == platform ]] || default=${default%%=*}=$((20000 + ${default#*=} % 10000))
        echo "$default"
    done
}

# override_of PORT_VARIABLE: the variable that chooses another port.
override_of() {
    [[ $(profile) == platform ]] && echo "$1" || echo "TEST_$1"
}

remembered_port() {
    [[ -f $RUN_DIR/ports ]] || return 0
    sed -n "s/^$1=//p" "$RUN_DIR/ports"
}

# load_ports: sets one variable for each port.
load_ports() {
    local default name override port
    while read -r default; do
        name=${default%%=*}
        override=$(override_of "$name")
        port=${!override:-$(remembered_port "$name")}
        port=${port:-${default#*=}}
        [[ $port =~ ^[0-9]+$ && $port -ge 1 && $port -le 65535 ]] || die "$override=$port is not a port number."
        printf -v "$name" '%s' "$port"
    done < <(port_defaults)
    refuse_twins
}

# refuse_twins: two processes cannot share a port.
refuse_twins() {
    local default name conflicts
    conflicts=$(while read -r default; do
        name=${default%%=*}
        echo "${!name} $name"
    done < <(port_defaults) | sort | awk 'seen[$1] { print seen[$1], "and", $2, "are both", $1; exit } { seen[$1] = $2 }')
    [[ -z $conflicts ]] || die "$conflicts: choose different ports."
}

remember_ports() {
    local default
    while read -r default; do
        local name=${default%%=*}
        printf '%s=%s\n' "$name" "${!name}"
    done < <(port_defaults) >"$RUN_DIR/ports.new"
    mv "$RUN_DIR/ports.new" "$RUN_DIR/ports"
}
