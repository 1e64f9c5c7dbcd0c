# Everything in this folder, in an order that works.

parts=$(dirname "${BASH_SOURCE[0]}")
source "$parts/say.bash"
source "$parts/settings.bash"
source "$parts/processes.bash"
source "$parts/secrets.bash"
source "$parts/environment.bash"
source "$parts/postgres.bash"
source "$parts/redis.bash"
source "$parts/rabbitmq.bash"
source "$parts/binaries.bash"
source "$parts/leftovers.bash"
source "$parts/supervisor.bash"
source "$parts/ports.bash"
source "$parts/probes.bash"
source "$parts/packages.bash"
source "$parts/addresses.bash"
unset parts
