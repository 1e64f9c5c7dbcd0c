# What both modes need, and everything in this folder.

parts=$(dirname "${BASH_SOURCE[0]}")
source "$parts/../../lib/load.bash"
source "$parts/engine.bash"
source "$parts/images.bash"
source "$parts/mounted.bash"
source "$parts/containers.bash"
unset parts

COMPOSE_DIR=$ROOT/deploy/compose
# Erlang's own ports, epmd's among them, stay inside the broker's container.
INFRASTRUCTURE=(postgres redis rabbitmq)
mapfile -t PLATFORM_PORTS < <(printf '%s\n' "${PLATFORM_PORTS[@]}" | grep -v -e EPMD -e DIST)
