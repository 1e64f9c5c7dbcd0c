# Readiness probes: they query the process itself, not the supervisor.

# is_ready PROCESS
is_ready() {
    is_up "$1" && probe "$1" >/dev/null 2>&1
}

probe() {
    case $1 in
        postgres) "$(postgres_bin)/pg_isready" -q -t 1 -h 127.0.0.1 -p "$POSTGRES_PORT" -U administrator -d postgres ;;
        redis) [[ $(REDISCLI_AUTH=$REDIS_PASSWORD timeout 1 redis-cli -p "$REDIS_PORT" --user administrator ping) == PONG ]] ;;
        epmd) timeout 1 epmd -port "$EPMD_PORT" -names ;;
        rabbitmq) probe_rabbitmq ;;
        gateway) http --fail "http://127.0.0.1:$OPERATORS_PORT/readyz" ;;
        *) probe_program "$1" ;;
    esac
}

probe_program() {
    if [[ -z $(port_variables_of "$1") ]]; then
        # Without a port: such a program ends when it cannot work, so two seconds of uptime count as ready.
        [[ $(s6-svstat -o updownfor "$RUN_DIR/services/$1") -ge 2 ]]
    elif is_support "$1"; then
        http --fail "$(address_of "$1")/livez"
    else
        http --fail "$(address_of "$1")/readyz"
    fi
}

http() {
    curl --silent --max-time 1 --output /dev/null "$@"
}

# probe_rabbitmq: queries the management API, which `topology` needs, for the AMQP listener, which opens last.
probe_rabbitmq() {
    http --fail --config <(printf 'user = "%s:%s"\n' "$RABBITMQ_OPERATOR_USER" "$RABBITMQ_OPERATOR_PASSWORD") \
        "$(rabbitmq_management_url)/api/health/checks/port-listener/$RABBITMQ_PORT"
}

# last_log_line PROCESS: the last line of its own, without the supervisor's.
last_log_line() {
    tail -n 20 "$RUN_DIR/log/$1/current" 2>/dev/null | grep -v ' starting again in ' | tail -n 1 || echo '(nothing was logged)'
}
