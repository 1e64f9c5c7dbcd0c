# Addresses and credentials: as shell exports for programs, and as a short list for the terminal.

export_line() {
    printf 'export %s=%q\n' "$1" "$2"
}

platform_exports() {
    export_line GATEWAY_URL "$(address_of gateway)"
    export_line OPERATORS_URL "http://127.0.0.1:$OPERATORS_PORT"
    service_exports
    export_line RABBITMQ_URL "$(operator_rabbitmq_url)/$RABBITMQ_VHOST"
    export_line RABBITMQ_MANAGEMENT_URL "$(rabbitmq_management_url)"
    export_line RABBITMQ_VHOST "$RABBITMQ_VHOST"
    export_line RABBITMQ_OPERATOR_USER "$RABBITMQ_OPERATOR_USER"
    export_line RABBITMQ_OPERATOR_PASSWORD "$RABBITMQ_OPERATOR_PASSWORD"
    export_line POSTGRES_URL "$(administrator_database_url)"
    export_line REDIS_URL "$(redis_url administrator "$REDIS_PASSWORD")"
    export_line MAIL_URL "$(address_of mail-catcher)"
    export_line PROVIDER_URL "$(address_of sandbox-provider)"
    export_line OPERATOR_TOKEN "$OPERATOR_TOKEN"
    export_line ADMIN_EMAIL "$ADMIN_EMAIL"
    export_line ADMIN_PASSWORD "$ADMIN_PASSWORD"
}

service_exports() {
    local service
    for service in "${SERVICES[@]}"; do
        export_line "$(variable_of "$service")_URL" "$(address_of "$service")"
        ! needs "$service" postgres || export_line "$(short_variable_of "$service")_DATABASE_URL" "$(database_url "$service")"
    done
}

# test_exports: the variables in which the tests expect their servers.
test_exports() {
    export_line TEST_POSTGRES_URL "$(administrator_database_url)"
    export_line TEST_REDIS_URL "$(redis_url administrator "$REDIS_PASSWORD")"
    export_line TEST_RABBITMQ_URL "$(operator_rabbitmq_url)"
    export_line TEST_RABBITMQ_MANAGEMENT_URL \
        "http://$RABBITMQ_OPERATOR_USER:$RABBITMQ_OPERATOR_PASSWORD@127.0.0.1:$RABBITMQ_MANAGEMENT_PORT"
}

print_addresses() {
    cat <<EOT

Everything is up.

  gateway       $(address_of gateway)
  operators     http://127.0.0.1:$OPERATORS_PORT
  RabbitMQ      $(rabbitmq_management_url)   user $RABBITMQ_OPERATOR_USER, password $RABBITMQ_OPERATOR_PASSWORD
  mail          $(address_of mail-catcher)
  administrator $ADMIN_EMAIL, password $ADMIN_PASSWORD

Next: make demo, make status, make logs service=gateway, eval "\$(make -s env)"
EOT
}
