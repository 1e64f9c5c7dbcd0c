# PostgreSQL in both modes: one database and one role for each service.

# databases_sql: may be run any number of times.
databases_sql() {
    local service
    echo 'revoke all on database postgres, template1 from public;'
    for service in "${SERVICES[@]}"; do
        database_sql "$service"
    done
}

database_sql() {
    local role=${1//-/_} password
    password=$(variable_of "$1")_DATABASE_PASSWORD
    cat <<EOT
select 'create role $role' where not exists (select from pg_roles where rolname = '$role') \gexec
alter role $role login nosuperuser nocreatedb nocreaterole password '${!password}';
select 'create database $role owner $role' where not exists (select from pg_database where datname = '$role') \gexec
revoke all on database $role from public;
EOT
}

# database_url SERVICE
database_url() {
    local role=${1//-/_} password
    password=$(variable_of "$1")_DATABASE_PASSWORD
    echo "postgres://$role:${!password}@127.0.0.1:$POSTGRES_PORT/$role"
}

administrator_database_url() {
    echo "postgres://administrator:$POSTGRES_PASSWORD@127.0.0.1:$POSTGRES_PORT/postgres"
}
