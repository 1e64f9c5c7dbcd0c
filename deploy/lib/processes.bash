# Everything that runs, in the order in which it starts. (In containers there is no epmd of its own.)

INFRASTRUCTURE=(postgres redis epmd rabbitmq)
SUPPORT=(topology-watch mail-catcher sandbox-provider)
SERVICES=(user-service product-service order-service payment-service notification-service analytics-service)
EDGE=(gateway)

# processes: the names of those that are supervised here in this profile.
processes() {
    printf '%s\n' "${INFRASTRUCTURE[@]}"
    [[ $(profile) == infrastructure || $(profile) == chaos ]] && return
    printf '%s\n' "${SUPPORT[@]}" "${SERVICES[@]}" "${EDGE[@]}"
}

# variable_of order-service: ORDER_SERVICE.
variable_of() {
    local name=${1^^}
    echo "${name//-/_}"
}

# short_variable_of order-service: ORDER.
short_variable_of() {
    variable_of "${1%-service}"
}

# port_variables_of PROCESS: the variables that hold its ports, the address that people use first.
port_variables_of() {
    case $1 in
        postgres) echo POSTGRES_PORT ;;
        redis) echo REDIS_PORT ;;
        epmd) echo EPMD_PORT ;;
        rabbitmq) echo RABBITMQ_PORT RABBITMQ_MANAGEMENT_PORT RABBITMQ_PROMETHEUS_PORT RABBITMQ_DIST_PORT ;;
        topology-watch) ;;
        mail-catcher) echo MAIL_PORT SMTP_PORT ;;
        sandbox-provider) echo PROVIDER_PORT ;;
        gateway) echo GATEWAY_PORT OPERATORS_PORT ;;
        *-service) echo "$(variable_of "$1")_PORT" ;;
    esac
}

address_of() {
    local variables
    read -ra variables <<<"$(port_variables_of "$1")"
    [[ ${#variables[@]} -gt 0 ]] || return 0
    case $1 in
        postgres | redis | epmd | rabbitmq) echo "127.0.0.1:${!variables[0]}" ;;
        *) echo "http://127.0.0.1:${!variables[0]}" ;;
    esac
}
