# Redis in both modes: one user for each service that needs it, each on its own keys.

# redis_common_settings: where it listens and where its data are is the mode's.
redis_common_settings() {
    cat <<EOT
appendonly yes
save ""
maxmemory 256mb
maxmemory-policy noeviction
user default off
user administrator on #$(sha256 "$REDIS_PASSWORD") ~* &* +@all
EOT
    [[ $(profile) == infrastructure ]] && return
    redis_users
}

# user-service owns the sessions; the gateway may read them, and keeps its token buckets.
redis_users() {
    local base='resetchannels -@all +@connection +@transaction -@dangerous'
    local scripts='+eval +evalsha +script|load'
    cat <<EOT
user user-service on #$(sha256 "$USER_REDIS_PASSWORD") ~session:* $base +get +set +del +exists +ttl +expire +expireat
user gateway on #$(sha256 "$GATEWAY_REDIS_PASSWORD") %R~session:* ~bucket:* $base +get +set +time $scripts
EOT
}

sha256() {
    printf '%s' "$1" | sha256sum | cut -d' ' -f1
}

# redis_url USER PASSWORD
redis_url() {
    echo "redis://$1:$2@127.0.0.1:$REDIS_PORT/0"
}
