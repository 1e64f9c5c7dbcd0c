# The parts that both modes share, and all parts of this folder.

parts=$(dirname "${BASH_SOURCE[0]}")
source "$parts/../../lib/load.bash"
source "$parts/folders.bash"
source "$parts/environment.bash"
source "$parts/postgres.bash"
source "$parts/redis.bash"
source "$parts/rabbitmq.bash"
source "$parts/binaries.bash"
source "$parts/leftovers.bash"
source "$parts/supervisor.bash"
source "$parts/probes.bash"
source "$parts/packages.bash"
unset parts
