# Redis in both modes: one user for each process that needs it, restricted to the keys and commands of platform.toml.

# redis_common_settings: the mode adds the address and the data folder.
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

# redis_users: Redis reads the rules from left to right, so the ones that take rights away come first.
redis_users() {
    local name none='resetchannels -@all +@connection +@transaction -@dangerous'
    for name in $(all_that_need redis); do
        echo "user $name on #$(sha256 "$(password_of "$name" redis)") $none ${REDIS_ACCESS_OF[$name]}"
    done
}

sha256() {
    printf '%s' "$1" | sha256sum | cut -d' ' -f1
}

# redis_url USER PASSWORD
redis_url() {
    echo "redis://$1:$2@127.0.0.1:$REDIS_PORT/0"
}
