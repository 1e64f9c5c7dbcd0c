# The Docker engine and Compose, the latter as a plugin or as a program of its own.

# The name in compose.yaml.
PROJECT=order-platform

engine_answers() {
    command -v docker >/dev/null && timeout 5 docker version >/dev/null 2>&1
}

# find_compose: sets COMPOSE to the command.
find_compose() {
    local version
    if docker compose version >/dev/null 2>&1; then
        COMPOSE=(docker compose)
        return
    fi
    COMPOSE=(docker-compose)
    version=$(docker-compose version --short 2>/dev/null) && [[ $version != 1.* ]]
}

require_engine() {
    engine_answers || die 'no Docker engine answers. (MODE=local runs without one.)'
    find_compose || die 'Docker Compose 2 or newer is missing, as a plugin or as docker-compose.'
}

# compose ARGUMENT…: with the settings that `make up` chose. In the environment they override variables that the caller's
# shell may hold of another platform.
compose() {
    (
        set -a
        # shellcheck source=/dev/null
        source "$RUN_DIR/compose.env"
        # A variable and no overlay: before version 2.24 Compose does not replace `true` by `false`.
        export NETWORKS_INTERNAL=false
        exec "${COMPOSE[@]}" --project-name "$PROJECT" --file "$ROOT/compose.yaml" --file "$COMPOSE_DIR/inner-ports.yaml" "$@"
    )
}

# platform_volumes: the volumes of this platform in the engine.
platform_volumes() {
    docker volume ls --quiet --filter "label=com.docker.compose.project=$PROJECT"
}
