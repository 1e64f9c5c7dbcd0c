# RabbitMQ: a private node.

RABBITMQ_LIB=${RABBITMQ_LIB:-/usr/lib/rabbitmq}
RABBITMQ_OLDEST=3.10

rabbitmq_version() {
    find "$RABBITMQ_LIB/lib" -maxdepth 1 -name 'rabbitmq_server-*' | sed 's/.*rabbitmq_server-//' | sort -V | tail -n 1
}

check_rabbitmq_version() {
    local version
    version=$(rabbitmq_version)
    [[ $(printf '%s\n' "$RABBITMQ_OLDEST" "$version" | sort -V | head -n 1) == "$RABBITMQ_OLDEST" ]] \
        || die "RabbitMQ $version is too old: $RABBITMQ_OLDEST or newer is needed."
}

# check_rabbitmq_data: RabbitMQ 4 ends at each start on data that lacks a feature flag of 3.13.
check_rabbitmq_data() {
    local flags=$RUN_DIR/data/rabbitmq/mnesia/platform@localhost-feature_flags version
    version=$(rabbitmq_version)
    [[ $version == 3.* || ! -e $flags ]] || grep -q message_containers "$flags" \
        || die "RabbitMQ $version cannot take over the data in $RUN_DIR of a version before 3.13: docs/servers.md shows what to do."
}

prepare_rabbitmq() {
    local dir=$RUN_DIR/data/rabbitmq
    mkdir -p "$dir"/{home,mnesia,log}
    ensure_definitions "$dir/definitions.json"
    rabbitmq_settings "$dir" >"$dir/rabbitmq.conf"
    echo '[rabbitmq_management,rabbitmq_prometheus].' >"$dir/enabled_plugins"
    write_environment epmd "PORT=$EPMD_PORT"
    rabbitmq_environment "$dir"
}

# rabbitmq_settings DIR
rabbitmq_settings() {
    cat <<EOT
# Written by make up.
listeners.tcp.1 = 127.0.0.1:$RABBITMQ_PORT
management.tcp.ip = 127.0.0.1
management.tcp.port = $RABBITMQ_MANAGEMENT_PORT
prometheus.tcp.ip = 127.0.0.1
prometheus.tcp.port = $RABBITMQ_PROMETHEUS_PORT
load_definitions = $1/definitions.json
disk_free_limit.absolute = 200MB
log.console = true
log.console.level = info
log.console.use_colors = off
log.file = false
EOT
}

# rabbitmq_environment DIR: ALLOW_INPUT with -noinput makes rabbitmq-server exec the Erlang machine instead of staying its
# parent, so that the supervisor's signals reach the broker itself. epmd is a supervised process of its own: ERL_FLAGS
# reaches also the Erlang machine that the broker starts when it finds epmd away, and whose daemon would keep the port.
rabbitmq_environment() {
    local loopback='-kernel inet_dist_use_interface {127,0,0,1}'
    write_environment rabbitmq \
        "HOME=$1/home" "PATH=$RABBITMQ_LIB/bin:$PATH" "EPMD_PORT=$EPMD_PORT" \
        "RABBITMQ_NODENAME=platform@localhost" "RABBITMQ_NODE_PORT=$RABBITMQ_PORT" \
        "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1" "RABBITMQ_DIST_PORT=$RABBITMQ_DIST_PORT" \
        "ERL_EPMD_PORT=$EPMD_PORT" "ERL_EPMD_ADDRESS=127.0.0.1" "ERL_FLAGS=-start_epmd false" \
        "RABBITMQ_MNESIA_BASE=$1/mnesia" "RABBITMQ_LOG_BASE=$1/log" "RABBITMQ_PID_FILE=$1/pid" \
        "RABBITMQ_CONFIG_FILE=$1/rabbitmq.conf" "RABBITMQ_CONF_ENV_FILE=/dev/null" \
        "RABBITMQ_ENABLED_PLUGINS_FILE=$1/enabled_plugins" \
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=$loopback" \
        "RABBITMQ_ALLOW_INPUT=1" "RABBITMQ_SERVER_START_ARGS=-noinput +B i"
}
