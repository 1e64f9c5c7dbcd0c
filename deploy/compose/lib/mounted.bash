# Input of the containers: settings as variables, keys and files with passwords as mounted files.

# write_mounted_files: the programs in containers run as other users, so the files are readable by all; the folders around
# them admit only their owner.
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
            printf '%s=%q\n' RUN_DIR "$RUN_DIR" LOG "${LOG:-info}" ADMIN_EMAIL "$ADMIN_EMAIL" \
                SETTINGS_SHA256 "$(cat "$RUN_DIR/settings/redis.conf" "$RUN_DIR/settings/rabbitmq.conf" | sha256sum | cut -d' ' -f1)"
            adjustable_settings
        } >"$RUN_DIR/compose.env.new"
    )
    mv "$RUN_DIR/compose.env.new" "$RUN_DIR/compose.env"
}

# adjustable_settings: those of platform.toml, each from the variable of its name or by its default.
adjustable_settings() {
    local default name
    for default in "${ADJUSTABLE_SETTINGS[@]}"; do
        name=${default%%=*}
        printf '%s=%q\n' "$name" "${!name:-${default#*=}}"
    done
}
