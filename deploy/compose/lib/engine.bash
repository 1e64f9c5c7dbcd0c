# Docker's engine, and Compose: as its plugin or as a program of its own.

# As in compose.yaml.
PROJECT=order-platform

engine_answers() {
    command -v docker >/dev/null && timeout 5 docker version >/dev/null 2>&1
}

# find_compose: COMPOSE becomes the words that call it.
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

# compose ARGUMENT…: with what `make up` chose. Taken into the environment, where it wins over what the caller's shell
# may hold of another platform.
compose() {
    (
        set -a
        # shellcheck source=/dev/null
        source "$RUN_DIR/compose.env"
        # Not by the overlay: Compose before 2.24 lets no `false` win over a `true`.
        export NETWORKS_INTERNAL=false
        exec "${COMPOSE[@]}" --project-name "$PROJECT" --file "$ROOT/compose.yaml" --file "$COMPOSE_DIR/inner-ports.yaml" "$@"
    )
}

# platform_volumes: the volumes that the engine holds for us.
platform_volumes() {
    docker volume ls --quiet --filter "label=com.docker.compose.project=$PROJECT"
}
