# What the containers are given: settings as variables, keys and files with passwords as mounted files.

# write_mounted_files: they are mounted one by one, and the programs run as users of their own, so everybody may read
# them; the folders around them are closed to everybody else on this machine.
write_mounted_files() {
    local settings=$RUN_DIR/settings
    ensure_secrets
    ensure_keys
    ensure_definitions "$settings/definitions.json"
    redis_settings >"$settings/redis.conf"
    databases_sql >"$settings/databases.sql"
    cp "$COMPOSE_DIR/rabbitmq.conf" "$settings/"
    chmod 644 "$RUN_DIR"/{keys,settings}/*
}

redis_settings() {
    cat <<EOT
# Written by make up.
bind 0.0.0.0
port 6379
dir /data
protected-mode no
EOT
    redis_common_settings
}

# write_compose_environment: passwords, ports and settings, as compose.yaml names them.
write_compose_environment() {
    (
        umask 077
        {
            cat "$RUN_DIR"/{secrets.env,ports}
            printf '%s=%q\n' RUN_DIR "$RUN_DIR" LOG "${LOG:-info}" \
                PAYMENT_DEADLINE_S "${PAYMENT_DEADLINE_S:-900}" COMPENSATION_OVERDUE_S "${COMPENSATION_OVERDUE_S:-60}" \
                SETTINGS_SHA256 "$(cat "$RUN_DIR/settings/redis.conf" "$RUN_DIR/settings/rabbitmq.conf" | sha256sum | cut -d' ' -f1)"
        } >"$RUN_DIR/compose.env.new"
    )
    mv "$RUN_DIR/compose.env.new" "$RUN_DIR/compose.env"
}
