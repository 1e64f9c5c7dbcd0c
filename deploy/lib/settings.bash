# Where things are and which ports they use. A port comes from its variable, else from what the last `make up`
# remembered, else from the defaults below.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
RUN_DIR=${RUN_DIR:-.run}
[[ $RUN_DIR == /* ]] || RUN_DIR=$ROOT/$RUN_DIR

PLATFORM_PORTS=(
    POSTGRES_PORT=15432 REDIS_PORT=16379 EPMD_PORT=14369
    RABBITMQ_PORT=15673 RABBITMQ_MANAGEMENT_PORT=15683 RABBITMQ_PROMETHEUS_PORT=15692 RABBITMQ_DIST_PORT=15693
    GATEWAY_PORT=3000 OPERATORS_PORT=3001
    USER_SERVICE_PORT=4001 ORDER_SERVICE_PORT=4002 NOTIFICATION_SERVICE_PORT=4003
    PRODUCT_SERVICE_PORT=4004 PAYMENT_SERVICE_PORT=4005 ANALYTICS_SERVICE_PORT=4006
    PROVIDER_PORT=4010 SMTP_PORT=11025 MAIL_PORT=18025
)
# What the tests run against lives beside a running platform; its ports are changed by TEST_POSTGRES_PORT and so on.
TEST_PORTS=(
    POSTGRES_PORT=25432 REDIS_PORT=26379 EPMD_PORT=24369
    RABBITMQ_PORT=25673 RABBITMQ_MANAGEMENT_PORT=25683 RABBITMQ_PROMETHEUS_PORT=25692 RABBITMQ_DIST_PORT=25693
    GATEWAY_PORT=23000 OPERATORS_PORT=23001
    USER_SERVICE_PORT=24001 ORDER_SERVICE_PORT=24002 NOTIFICATION_SERVICE_PORT=24003
    PRODUCT_SERVICE_PORT=24004 PAYMENT_SERVICE_PORT=24005 ANALYTICS_SERVICE_PORT=24006
    PROVIDER_PORT=24010 SMTP_PORT=21025 MAIL_PORT=28025
)

# profile: `platform`, or for tests `tests` (everything, built in the dev profile), `infrastructure` (only the servers) or
# `chaos` (the servers, and all that `chaos` needs to start the rest itself). Remembered by `up`.
profile() {
    cat "$RUN_DIR/profile" 2>/dev/null || echo platform
}

port_defaults() {
    if [[ $(profile) == platform ]]; then
        printf '%s\n' "${PLATFORM_PORTS[@]}"
    else
        printf '%s\n' "${TEST_PORTS[@]}"
    fi
}

# override_of PORT_VARIABLE: the variable with which somebody chooses another port.
override_of() {
    [[ $(profile) == platform ]] && echo "$1" || echo "TEST_$1"
}

remembered_port() {
    [[ -f $RUN_DIR/ports ]] || return 0
    sed -n "s/^$1=//p" "$RUN_DIR/ports"
}

# load_ports: one variable for each port.
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
    local default name twins
    twins=$(while read -r default; do
        name=${default%%=*}
        echo "${!name} $name"
    done < <(port_defaults) | sort | awk 'seen[$1] { print seen[$1], "and", $2, "are both", $1; exit } { seen[$1] = $2 }')
    [[ -z $twins ]] || die "$twins: choose different ports."
}

remember_ports() {
    local default
    while read -r default; do
        local name=${default%%=*}
        printf '%s=%s\n' "$name" "${!name}"
    done < <(port_defaults) >"$RUN_DIR/ports.new"
    mv "$RUN_DIR/ports.new" "$RUN_DIR/ports"
}
