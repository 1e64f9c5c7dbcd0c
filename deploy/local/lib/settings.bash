# Where things are and which ports they use. A port comes from its variable, else from what the last `make up`
# remembered, else from the defaults below.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd -P)
LOCAL_DIR=$ROOT/deploy/local
RUN_DIR=${RUN_DIR:-.run}
[[ $RUN_DIR == /* ]] || RUN_DIR=$ROOT/$RUN_DIR

# What two of the programs write for people and tests to read.
MAIL_DIR=$RUN_DIR/data/mail-catcher/mail
PROVIDER_LOG=$RUN_DIR/data/sandbox-provider/provider.jsonl

PLATFORM_PORTS=(
    POSTGRES_PORT=15432 REDIS_PORT=16379 EPMD_PORT=14369
    RABBITMQ_PORT=15673 RABBITMQ_MANAGEMENT_PORT=15683 RABBITMQ_PROMETHEUS_PORT=15692 RABBITMQ_DIST_PORT=15693
    GATEWAY_PORT=3000 OPERATORS_PORT=3001
    USER_SERVICE_PORT=4001 ORDER_SERVICE_PORT=4002 NOTIFICATION_SERVICE_PORT=4003
    PRODUCT_SERVICE_PORT=4004 PAYMENT_SERVICE_PORT=4005 ANALYTICS_SERVICE_PORT=4006
    PROVIDER_PORT=4010 SMTP_PORT=11025 MAIL_PORT=18025
)
# The tests' own platform lives beside a running one.
TEST_PORTS=(
    POSTGRES_PORT=23432 REDIS_PORT=23379 EPMD_PORT=23369
    RABBITMQ_PORT=23673 RABBITMQ_MANAGEMENT_PORT=23683 RABBITMQ_PROMETHEUS_PORT=23692 RABBITMQ_DIST_PORT=23693
    GATEWAY_PORT=23000 OPERATORS_PORT=23001
    USER_SERVICE_PORT=23401 ORDER_SERVICE_PORT=23402 NOTIFICATION_SERVICE_PORT=23403
    PRODUCT_SERVICE_PORT=23404 PAYMENT_SERVICE_PORT=23405 ANALYTICS_SERVICE_PORT=23406
    PROVIDER_PORT=23410 SMTP_PORT=23025 MAIL_PORT=23080
)

# profile: `platform` is what `make up` runs, `test` what the tests kill: development builds, impatient settings.
# Remembered by `up`.
profile() {
    cat "$RUN_DIR/profile" 2>/dev/null || echo platform
}

port_defaults() {
    if [[ $(profile) == test ]]; then
        printf '%s\n' "${TEST_PORTS[@]}"
    else
        printf '%s\n' "${PLATFORM_PORTS[@]}"
    fi
}

# override_of PORT_VARIABLE: the variable with which somebody chooses another port.
override_of() {
    [[ $(profile) == test ]] && echo "TEST_$1" || echo "$1"
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
}

remember_ports() {
    local default
    while read -r default; do
        local name=${default%%=*}
        printf '%s=%s\n' "$name" "${!name}"
    done < <(port_defaults) >"$RUN_DIR/ports.new"
    mv "$RUN_DIR/ports.new" "$RUN_DIR/ports"
}
