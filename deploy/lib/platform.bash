# generated from platform.toml: cargo xtask platform
# The processes of the platform, as the scripts of both modes need them.
# shellcheck shell=bash disable=SC2034  # each mode uses a part of it

# Names, in the order of start.
SERVERS=(postgres redis epmd rabbitmq)
SUPPORT=(topology-watch mail-catcher sandbox-provider)
SERVICES=(user-service product-service order-service payment-service notification-service analytics-service)

# Servers and ports of local mode only.
LOCAL_SERVERS=(epmd)
LOCAL_PORTS=(EPMD_PORT RABBITMQ_DIST_PORT)

# The variable and the default of each port.
PLATFORM_PORTS=(
    POSTGRES_PORT=15432
    REDIS_PORT=16379
    EPMD_PORT=14369
    RABBITMQ_PORT=15673
    RABBITMQ_MANAGEMENT_PORT=15683
    RABBITMQ_PROMETHEUS_PORT=15692
    RABBITMQ_DIST_PORT=15693
    MAIL_PORT=18025
    SMTP_PORT=11025
    PROVIDER_PORT=4010
    USER_SERVICE_PORT=4001
    PRODUCT_SERVICE_PORT=4004
    ORDER_SERVICE_PORT=4002
    PAYMENT_SERVICE_PORT=4005
    NOTIFICATION_SERVICE_PORT=4003
    ANALYTICS_SERVICE_PORT=4006
    GATEWAY_PORT=3000
    OPERATORS_PORT=3001
)

# The programs of the support processes, and the packages that build them beside those of the services.
SUPPORT_PACKAGES=(rabbitmq mail-catcher)
SUPPORT_PROGRAMS=(topology mail-catcher sandbox-provider)

# Settings that a variable of the same name replaces, with their defaults.
ADJUSTABLE_SETTINGS=(COMPENSATION_OVERDUE_S=60 MAIL_FROM=orders@example.com PAYMENT_DEADLINE_S=900)

# The delays of the retry queues, from rabbitmq/topology.toml.
RETRY_DELAYS_MS=1000,5000,30000,120000

# By process.
declare -A PORTS_OF=(
    [postgres]="POSTGRES_PORT"
    [redis]="REDIS_PORT"
    [epmd]="EPMD_PORT"
    [rabbitmq]="RABBITMQ_PORT RABBITMQ_MANAGEMENT_PORT RABBITMQ_PROMETHEUS_PORT RABBITMQ_DIST_PORT"
    [mail-catcher]="MAIL_PORT SMTP_PORT"
    [sandbox-provider]="PROVIDER_PORT"
    [user-service]="USER_SERVICE_PORT"
    [product-service]="PRODUCT_SERVICE_PORT"
    [order-service]="ORDER_SERVICE_PORT"
    [payment-service]="PAYMENT_SERVICE_PORT"
    [notification-service]="NOTIFICATION_SERVICE_PORT"
    [analytics-service]="ANALYTICS_SERVICE_PORT"
    [gateway]="GATEWAY_PORT OPERATORS_PORT"
)
declare -A COMMAND_OF=(
    [topology-watch]="topology watch"
    [mail-catcher]="mail-catcher"
    [sandbox-provider]="sandbox-provider"
)
declare -A NEEDS_OF=(
    [user-service]="postgres rabbitmq redis"
    [product-service]="postgres rabbitmq"
    [order-service]="postgres rabbitmq"
    [payment-service]="postgres rabbitmq"
    [notification-service]="postgres rabbitmq"
    [analytics-service]="postgres rabbitmq"
    [gateway]="redis"
)
declare -A CALLS_OF=(
    [order-service]="user-service product-service"
    [gateway]="analytics-service notification-service order-service payment-service product-service user-service"
)
declare -A SIGNING_KEYS_OF=(
    [user-service]="token-signing"
    [gateway]="identity-signing"
)
declare -A SECRETS_OF=(
    [user-service]="ADMIN_PASSWORD"
)
declare -A REDIS_ACCESS_OF=(
    [user-service]="~session:* +get +set +del +exists +ttl +expire +expireat"
    [gateway]="%R~session:* ~bucket:* +get +set +time +eval +evalsha +script|load"
)

# own_settings PROCESS: its settings in local mode, beside those that follow from its needs and calls.
own_settings() {
    case $1 in
        mail-catcher)
            printf '%s\n' \
                "HTTP_ADDR=127.0.0.1:$MAIL_PORT" \
                "MAIL_DIR=$RUN_DIR/data/mail-catcher/mail" \
                "SMTP_ADDR=127.0.0.1:$SMTP_PORT"
            ;;
        sandbox-provider)
            printf '%s\n' \
                "LISTEN_ADDR=127.0.0.1:$PROVIDER_PORT" \
                "PROVIDER_LOG=$RUN_DIR/data/sandbox-provider/provider.jsonl"
            ;;
        user-service)
            printf '%s\n' \
                "ADMIN_EMAIL=$ADMIN_EMAIL"
            ;;
        order-service)
            printf '%s\n' \
                "COMPENSATION_OVERDUE_S=${COMPENSATION_OVERDUE_S:-60}" \
                "PAYMENT_DEADLINE_S=${PAYMENT_DEADLINE_S:-900}"
            ;;
        payment-service)
            printf '%s\n' \
                "PROVIDER_URL=http://127.0.0.1:$PROVIDER_PORT"
            ;;
        notification-service)
            printf '%s\n' \
                "MAIL_FROM=${MAIL_FROM:-orders@example.com}" \
                "SMTP_URL=smtp://127.0.0.1:$SMTP_PORT"
            ;;
    esac
}
