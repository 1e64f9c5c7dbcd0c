# The parts that both modes share, in the order that their top-level assignments need.

both=$(dirname "${BASH_SOURCE[0]}")
source "$both/say.bash"
source "$both/platform.bash"
source "$both/settings.bash"
source "$both/processes.bash"
source "$both/secrets.bash"
source "$both/databases.bash"
source "$both/redis-users.bash"
source "$both/broker.bash"
source "$both/lock.bash"
source "$both/ports.bash"
source "$both/waiting.bash"
source "$both/table.bash"
source "$both/addresses.bash"
unset both
