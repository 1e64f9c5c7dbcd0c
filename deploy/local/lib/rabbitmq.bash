# RabbitMQ: a private node, born with one operator and the vhost. `topology apply` makes the rest.

RABBITMQ_LIB=${RABBITMQ_LIB:-/usr/lib/rabbitmq}
RABBITMQ_OLDEST=3.10
RABBITMQ_VHOST=platform
RABBITMQ_OPERATOR_USER=operator

rabbitmq_version() {
    find "$RABBITMQ_LIB/lib" -maxdepth 1 -name 'rabbitmq_server-*' | sed 's/.*rabbitmq_server-//' | sort -V | tail -n 1
}

check_rabbitmq_version() {
    local version
    version=$(rabbitmq_version)
    [[ $(printf '%s\n' "$RABBITMQ_OLDEST" "$version" | sort -V | head -n 1) == "$RABBITMQ_OLDEST" ]] \
        || die "RabbitMQ $version is too old: $RABBITMQ_OLDEST or newer is needed."
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

# The broker imports this at each start. The hash is salted, so the file is made once and kept.
ensure_definitions() {
    [[ -s $1 ]] && return
    (umask 077 && definitions >"$1.new")
    mv "$1.new" "$1"
}

definitions() {
    jq -n --arg user "$RABBITMQ_OPERATOR_USER" --arg vhost "$RABBITMQ_VHOST" \
        --arg hash "$(rabbitmq_password_hash "$RABBITMQ_OPERATOR_PASSWORD")" '{
        users: [{name: $user, password_hash: $hash, hashing_algorithm: "rabbit_password_hashing_sha256", tags: ["administrator"]}],
        vhosts: [{name: $vhost}],
        permissions: [{user: $user, vhost: $vhost, configure: ".*", write: ".*", read: ".*"}]
    }'
}

# rabbitmq_password_hash PASSWORD: base64 of a salt of four bytes and the SHA-256 of salt and password.
rabbitmq_password_hash() {
    local salt sum
    salt=$(openssl rand -hex 4)
    sum=$({ unhex "$salt" && printf '%s' "$1"; } | sha256sum | cut -d' ' -f1)
    unhex "$salt$sum" | base64 -w0
}

unhex() {
    local at
    for ((at = 0; at < ${#1}; at += 2)); do
        printf '%b' "\\x${1:at:2}"
    done
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

# rabbitmq_environment DIR. ALLOW_INPUT with -noinput makes rabbitmq-server become the Erlang machine instead of
# staying its parent, so that the supervisor's signals reach the broker itself. epmd is a process of its own here.
rabbitmq_environment() {
    local loopback='-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false'
    write_environment rabbitmq \
        "HOME=$1/home" "PATH=$RABBITMQ_LIB/bin:$PATH" "EPMD_PORT=$EPMD_PORT" \
        "RABBITMQ_NODENAME=platform@localhost" "RABBITMQ_NODE_PORT=$RABBITMQ_PORT" \
        "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1" "RABBITMQ_DIST_PORT=$RABBITMQ_DIST_PORT" \
        "ERL_EPMD_PORT=$EPMD_PORT" "ERL_EPMD_ADDRESS=127.0.0.1" \
        "RABBITMQ_MNESIA_BASE=$1/mnesia" "RABBITMQ_LOG_BASE=$1/log" "RABBITMQ_PID_FILE=$1/pid" \
        "RABBITMQ_CONFIG_FILE=$1/rabbitmq.conf" "RABBITMQ_CONF_ENV_FILE=/dev/null" \
        "RABBITMQ_ENABLED_PLUGINS_FILE=$1/enabled_plugins" \
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=$loopback" \
        "RABBITMQ_ALLOW_INPUT=1" "RABBITMQ_SERVER_START_ARGS=-noinput +B i"
}

operator_rabbitmq_url() {
    echo "amqp://$RABBITMQ_OPERATOR_USER:$RABBITMQ_OPERATOR_PASSWORD@127.0.0.1:$RABBITMQ_PORT"
}

rabbitmq_management_url() {
    echo "http://127.0.0.1:$RABBITMQ_MANAGEMENT_PORT"
}

# rabbitmq_url USER PASSWORD
rabbitmq_url() {
    echo "amqp://$1:$2@127.0.0.1:$RABBITMQ_PORT/$RABBITMQ_VHOST"
}
