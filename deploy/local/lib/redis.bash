# Redis: a private instance.

prepare_redis() {
    local file=$RUN_DIR/data/redis/redis.conf
    (umask 077 && redis_settings >"$file.new")
    mv "$file.new" "$file"
    write_environment redis
}

redis_settings() {
    cat <<EOT
# Written by make up.
bind 127.0.0.1
port $REDIS_PORT
dir $RUN_DIR/data/redis
daemonize no
EOT
    redis_common_settings
}
