# RabbitMQ in both modes: it starts with one operator and the vhost. `topology apply` creates the rest.

RABBITMQ_VHOST=platform
RABBITMQ_OPERATOR_USER=operator

# ensure_definitions FILE: the broker imports it at each start. The hash is salted, so the file is written once and kept.
ensure_definitions() {
    [[ -s $1 ]] && return
    (umask 077 && definitions >"$1.new")
    mv "$1.new" "$1"
}

definitions() {
    local hash
    hash=$(rabbitmq_password_hash "$RABBITMQ_OPERATOR_PASSWORD")
    cat <<EOT
{
  "users": [{"name": "$RABBITMQ_OPERATOR_USER", "tags": ["administrator"],
             "password_hash": "$hash", "hashing_algorithm": "rabbit_password_hashing_sha256"}],
  "vhosts": [{"name": "$RABBITMQ_VHOST"}],
  "permissions": [{"user": "$RABBITMQ_OPERATOR_USER", "vhost": "$RABBITMQ_VHOST", "configure": ".*", "write": ".*", "read": ".*"}]
}
EOT
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
