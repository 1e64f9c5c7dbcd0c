# What each process gets as environment: its own settings and its own secrets, nobody else's.

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

# write_service_environments: for everything that the workspace builds.
write_service_environments() {
    local service
    for service in "${SERVICES[@]}"; do
        write_service_environment "$service"
    done
    write_gateway_environment
    write_support_environments
}

write_service_environment() {
    local password port settings=()
    password=$(variable_of "$1")_RABBITMQ_PASSWORD
    port=$(port_variables_of "$1")
    mapfile -t settings < <(own_settings "$1")
    # The binaries of the platform are release builds, which have no failpoints.
    [[ $(profile) == platform ]] || settings+=("FAILPOINT_DIR=$RUN_DIR/failpoints")
    write_environment "$1" \
        "LISTEN_ADDR=127.0.0.1:${!port}" \
        "DATABASE_URL=$(database_url "$1")" \
        "RABBITMQ_URL=$(rabbitmq_url "$1" "${!password}")" \
        "IDENTITY_JWKS_FILE=$RUN_DIR/keys/identity-jwks.json" \
        "OPERATOR_TOKEN=$OPERATOR_TOKEN" \
        "LOG=${LOG:-info}" \
        "${settings[@]}"
}

# own_settings SERVICE: what it has beyond the settings that all have.
own_settings() {
    case $1 in
        user-service)
            printf '%s\n' "REDIS_URL=$(redis_url user-service "$USER_REDIS_PASSWORD")" \
                "TOKEN_SIGNING_KEY_FILE=$RUN_DIR/keys/token-signing.pem" \
                "ADMIN_EMAIL=$ADMIN_EMAIL" "ADMIN_PASSWORD=$ADMIN_PASSWORD"
            ;;
        order-service)
            printf '%s\n' "USER_SERVICE_URL=$(address_of user-service)" \
                "PRODUCT_SERVICE_URL=$(address_of product-service)" "PAYMENT_DEADLINE_S=${PAYMENT_DEADLINE_S:-900}" \
                "COMPENSATION_OVERDUE_S=${COMPENSATION_OVERDUE_S:-60}"
            ;;
        payment-service) echo "PROVIDER_URL=$(address_of sandbox-provider)" ;;
        notification-service) printf '%s\n' "SMTP_URL=smtp://127.0.0.1:$SMTP_PORT" "MAIL_FROM=orders@example.com" ;;
    esac
}

write_gateway_environment() {
    local service upstreams=()
    for service in "${SERVICES[@]}"; do
        upstreams+=("$(variable_of "$service")_URL=$(address_of "$service")")
    done
    write_environment gateway \
        "LISTEN_ADDR=127.0.0.1:$GATEWAY_PORT" "OPERATORS_ADDR=127.0.0.1:$OPERATORS_PORT" \
        "REDIS_URL=$(redis_url gateway "$GATEWAY_REDIS_PASSWORD")" \
        "IDENTITY_SIGNING_KEY_FILE=$RUN_DIR/keys/identity-signing.pem" \
        "OPERATOR_TOKEN=$OPERATOR_TOKEN" "LOG=${LOG:-info}" "${upstreams[@]}"
}

write_support_environments() {
    local service password settings=()
    for service in "${SERVICES[@]}"; do
        password=$(variable_of "$service")_RABBITMQ_PASSWORD
        settings+=("$password=${!password}")
    done
    write_environment topology-watch "LOG=${LOG:-info}" \
        "RABBITMQ_MANAGEMENT_URL=$(rabbitmq_management_url)" "RABBITMQ_VHOST=$RABBITMQ_VHOST" \
        "RABBITMQ_OPERATOR_USER=$RABBITMQ_OPERATOR_USER" "RABBITMQ_OPERATOR_PASSWORD=$RABBITMQ_OPERATOR_PASSWORD" \
        "${settings[@]}"
    write_environment mail-catcher "LOG=${LOG:-info}" \
        "SMTP_ADDR=127.0.0.1:$SMTP_PORT" "HTTP_ADDR=127.0.0.1:$MAIL_PORT" "MAIL_DIR=$MAIL_DIR"
    write_environment sandbox-provider "LOG=${LOG:-info}" \
        "LISTEN_ADDR=127.0.0.1:$PROVIDER_PORT" "PROVIDER_LOG=$PROVIDER_LOG"
}
