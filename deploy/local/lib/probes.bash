# Is it ready? Asked of the process itself, not of the supervisor.

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
        # It has no port, and ends only when it cannot work at all, so having stayed up is the sign.
        topology-watch) [[ $(s6-svstat -o updownfor "$RUN_DIR/services/$1") -ge 2 ]] ;;
        mail-catcher | sandbox-provider) http --fail "$(address_of "$1")/livez" ;;
        gateway) http --fail "http://127.0.0.1:$OPERATORS_PORT/readyz" ;;
        *) http --fail "$(address_of "$1")/readyz" ;;
    esac
}

http() {
    curl --silent --max-time 1 --output /dev/null "$@"
}

# The AMQP listener answers last, and what topology needs is the management API: this asks the one about the other.
probe_rabbitmq() {
    http --fail --config <(printf 'user = "%s:%s"\n' "$RABBITMQ_OPERATOR_USER" "$RABBITMQ_OPERATOR_PASSWORD") \
        "$(rabbitmq_management_url)/api/health/checks/port-listener/$RABBITMQ_PORT"
}

# last_log_line PROCESS: its own words, not the supervisor's.
last_log_line() {
    tail -n 20 "$RUN_DIR/log/$1/current" 2>/dev/null | grep -v ' starting again in ' | tail -n 1 || echo '(nothing was logged)'
}
