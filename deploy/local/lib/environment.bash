# The environment of each process: its own settings and its own secrets, and those of no other process.

# write_environment PROCESS NAME=VALUE…
write_environment() {
    local file=$RUN_DIR/environment/$1 setting
    shift
    (
        umask 077
        for setting in "$@"; do
            printf '%s=%q\n' "${setting%%=*}" "${setting#*=}"
        done >"$file.new"
    )
    mv "$file.new" "$file"
}

# write_program_environments: for everything that the workspace builds.
write_program_environments() {
    local name
    for name in "${SERVICES[@]}"; do
        write_service_environment "$name"
    done
    write_gateway_environment
    for name in "${SUPPORT[@]}"; do
        write_support_environment "$name"
    done
    write_topology_environment
}

write_service_environment() {
    local port granted settings
    port=$(port_variables_of "$1")
    granted=$(granted_settings "$1")
    mapfile -t settings <<<"$granted"
    # The platform's release builds contain no failpoints.
    [[ $(profile) == platform ]] || settings+=("FAILPOINT_DIR=$RUN_DIR/failpoints")
    write_environment "$1" \
        "LISTEN_ADDR=127.0.0.1:${!port}" \
        "IDENTITY_JWKS_FILE=$RUN_DIR/keys/identity-jwks.json" \
        "OPERATOR_TOKEN=$OPERATOR_TOKEN" \
        "LOG=${LOG:-info}" \
        "${settings[@]}"
}

write_gateway_environment() {
    local granted settings
    granted=$(granted_settings gateway)
    mapfile -t settings <<<"$granted"
    write_environment gateway \
        "LISTEN_ADDR=127.0.0.1:$GATEWAY_PORT" "OPERATORS_ADDR=127.0.0.1:$OPERATORS_PORT" \
        "LOG=${LOG:-info}" "${settings[@]}"
}

# granted_settings PROCESS: what its entry in platform.toml grants, with users and passwords of its own.
granted_settings() {
    server_settings "$1"
    signing_key_settings "$1"
    secret_settings "$1"
    call_settings "$1"
    own_settings "$1"
}

server_settings() {
    ! needs "$1" postgres || echo "DATABASE_URL=$(database_url "$1")"
    ! needs "$1" redis || echo "REDIS_URL=$(redis_url "$1" "$(password_of "$1" redis)")"
    needs "$1" rabbitmq || return 0
    printf '%s\n' "RABBITMQ_URL=$(rabbitmq_url "$1" "$(password_of "$1" rabbitmq)")" "RETRY_DELAYS_MS=$RETRY_DELAYS_MS"
}

signing_key_settings() {
    local key
    for key in ${SIGNING_KEYS_OF[$1]:-}; do
        echo "$(variable_of "$key")_KEY_FILE=$RUN_DIR/keys/$key.pem"
    done
}

secret_settings() {
    local secret
    for secret in ${SECRETS_OF[$1]:-}; do
        echo "$secret=${!secret}"
    done
}

call_settings() {
    local service
    for service in ${CALLS_OF[$1]:-}; do
        echo "$(variable_of "$service")_URL=$(address_of "$service")"
    done
}

write_support_environment() {
    local settings
    mapfile -t settings < <(own_settings "$1")
    [[ ${#settings[@]} -gt 0 ]] || return 0
    write_environment "$1" "LOG=${LOG:-info}" "${settings[@]}"
}

# write_topology_environment: `topology apply` and `topology watch` act as the operator, and create the services' users.
write_topology_environment() {
    local service settings=()
    for service in $(all_that_need rabbitmq); do
        settings+=("$(password_name "$service" rabbitmq)=$(password_of "$service" rabbitmq)")
    done
    write_environment topology-watch "LOG=${LOG:-info}" \
        "RABBITMQ_MANAGEMENT_URL=$(rabbitmq_management_url)" "RABBITMQ_VHOST=$RABBITMQ_VHOST" \
        "RABBITMQ_OPERATOR_USER=$RABBITMQ_OPERATOR_USER" "RABBITMQ_OPERATOR_PASSWORD=$RABBITMQ_OPERATOR_PASSWORD" \
        "${settings[@]}"
}
