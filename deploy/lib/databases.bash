# PostgreSQL in both modes: one database and one role for each service that needs it.

# databases_sql: idempotent, so that each `make up` runs it.
databases_sql() {
    local name
    echo 'revoke all on database postgres, template1 from public;'
    for name in $(all_that_need postgres); do
        database_sql "$name"
    done
}

# A session that somebody forgets in a transaction keeps its locks for five minutes at most. Services set a limit of their own.
database_sql() {
    local role=${1//-/_}
    cat <<EOT
select 'create role $role' where not exists (select from pg_roles where rolname = '$role') \gexec
alter role $role login nosuperuser nocreatedb nocreaterole password '$(password_of "$1" postgres)';
select 'create database $role owner $role' where not exists (select from pg_database where datname = '$role') \gexec
revoke all on database $role from public;
alter database $role set idle_in_transaction_session_timeout = '5min';
EOT
}

# database_url SERVICE
database_url() {
    local role=${1//-/_}
    echo "postgres://$role:$(password_of "$1" postgres)@127.0.0.1:$POSTGRES_PORT/$role"
}

administrator_database_url() {
    echo "postgres://administrator:$POSTGRES_PASSWORD@127.0.0.1:$POSTGRES_PORT/postgres"
}
