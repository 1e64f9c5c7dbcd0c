# PostgreSQL: a private cluster.

postgres_data() {
    echo "$RUN_DIR/data/postgres/cluster"
}

# postgres_bin: the folder of the server's programs; an existing cluster decides the version.
postgres_bin() {
    local version bin
    version=$(cat "$(postgres_data)/PG_VERSION" 2>/dev/null) || version=
    bin=$(find /usr/lib/postgresql -path "*/${version:-*}/bin/postgres" 2>/dev/null | sort -V | tail -n 1)
    [[ -n $bin ]] || die "PostgreSQL ${version:-} is not installed, and $RUN_DIR holds its data: docs/servers.md shows what to do."
    dirname "$bin"
}

# unprivileged: the prefix of a PostgreSQL program, which refuses to run as root. A user namespace maps root to another
# user id while the files stay owned by root. Where namespaces are forbidden (in a chroot, say), the system's user
# `postgres` runs the program.
unprivileged() {
    [[ $(id -u) == 0 ]] || return 0
    local namespace='unshare --user --map-user=65534 --map-group=65534 --'
    if $namespace true 2>/dev/null; then
        echo "$namespace"
    else
        echo 'setpriv --reuid=postgres --regid=postgres --clear-groups --'
    fi
}

prepare_postgres() {
    local prefix bin
    bin=$(postgres_bin)
    prefix=$(unprivileged)
    write_postgres_settings
    if [[ $prefix == setpriv* ]]; then own_postgres postgres; else own_postgres "$(id -un)"; fi
    # shellcheck disable=SC2086  # words
    $prefix test -w "$RUN_DIR/data/postgres" \
        || die "user postgres cannot reach $RUN_DIR: move the project to a folder that all users may enter."
    [[ -d $(postgres_data) ]] || init_cluster "$prefix"
    write_environment postgres "POSTGRES_BIN=$bin" "UNPRIVILEGED=$prefix"
}

own_postgres() {
    [[ $(stat -c %U "$RUN_DIR/data/postgres") == "$1" ]] || chown -R "$1" "$RUN_DIR/data/postgres"
}

# max_connections: two replicas of six services (the pool of 16, and three or four beside it) need 240. The tests of one
# service start dozens of instances on one server.
max_connections() {
    case $(profile) in
        platform | bench | chaos) echo 300 ;;
        *) echo 400 ;;
    esac
}

write_postgres_settings() {
    cat >"$RUN_DIR/data/postgres/platform.conf" <<EOT
# Written by make up.
listen_addresses = '127.0.0.1'
port = $POSTGRES_PORT
unix_socket_directories = ''
max_connections = $(max_connections)
shared_buffers = 64MB
max_wal_size = 512MB
log_line_prefix = '%m [%p] %u@%d '
log_timezone = 'UTC'
timezone = 'UTC'
EOT
}

# init_cluster PREFIX: created under a temporary name, so that an interrupted initialisation never passes for a cluster.
init_cluster() {
    local words new password
    read -ra words <<<"$1"
    new=$(postgres_data).new
    password=$RUN_DIR/data/postgres/password
    rm -rf "$new"
    (umask 077 && printf '%s\n' "$POSTGRES_PASSWORD" >"$password")
    [[ $1 == setpriv* ]] && chown postgres "$password"
    "${words[@]}" "$(postgres_bin)/initdb" -D "$new" -U administrator --pwfile="$password" \
        --auth=scram-sha-256 -E UTF8 --locale=C.UTF-8 >"$RUN_DIR/log/initdb" 2>&1 \
        || die "initdb failed: $(tail -n 1 "$RUN_DIR/log/initdb")"
    rm -f "$password"
    mv "$new" "$(postgres_data)"
}

administrator_psql() {
    PGPASSWORD=$POSTGRES_PASSWORD psql -h 127.0.0.1 -p "$POSTGRES_PORT" -U administrator -d postgres \
        --no-psqlrc --quiet -v ON_ERROR_STOP=1
}

# The passwords are sent on stdin, which no process list shows.
provision_databases() {
    databases_sql | administrator_psql >/dev/null || die 'the databases could not be prepared.'
}
