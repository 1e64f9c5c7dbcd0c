# The parts that both modes share, and all parts of this folder.

parts=$(dirname "${BASH_SOURCE[0]}")
source "$parts/../../lib/load.bash"
source "$parts/engine.bash"
source "$parts/images.bash"
source "$parts/mounted.bash"
source "$parts/containers.bash"
unset parts

COMPOSE_DIR=$ROOT/deploy/compose
# Erlang's own ports and its port mapper stay inside the broker's container.
mapfile -t SERVERS < <(printf '%s\n' "${SERVERS[@]}" | grep -vxF "$(printf '%s\n' "${LOCAL_SERVERS[@]}")")
mapfile -t PLATFORM_PORTS < <(printf '%s\n' "${PLATFORM_PORTS[@]}" | grep -vF "$(printf '%s=\n' "${LOCAL_PORTS[@]}")")
