# State of each process's container, as the engine reports it.

# container_of PROCESS: the container's id, also after its end; nothing if there is none.
container_of() {
    docker ps --all --quiet --filter "label=com.docker.compose.project=$PROJECT" \
        --filter "label=com.docker.compose.service=$1" | head -n 1
}

# container_state PROCESS FORMAT
container_state() {
    local id
    id=$(container_of "$1")
    [[ -n $id ]] && docker inspect --format "$2" "$id"
}

is_up() {
    [[ $(container_state "$1" '{{.State.Running}}') == true ]]
}

# is_ready PROCESS: healthy by its own check; topology-watch, which has none, only has to run.
is_ready() {
    [[ $(container_state "$1" '{{.State.Status}} {{with .State.Health}}{{.Status}}{{end}}') =~ ^running\ (healthy)?$ ]]
}

last_log_line() {
    docker logs --tail 1 "$(container_of "$1")" 2>&1
}
