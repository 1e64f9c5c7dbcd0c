# The table of `make status`, the same in both modes.

table_head() {
    printf '%-22s %8s  %-5s  %8s  %9s  %s\n' process pid ready restarts memory address
}

# table_row PROCESS PID READY RESTARTS MEMORY_MB
table_row() {
    printf '%-22s %8s  %-5s  %8s  %6s MB  %s\n' "$@" "$(address_of "$1")"
}
