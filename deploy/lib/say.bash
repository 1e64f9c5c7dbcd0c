# Messages to the terminal. Progress goes to stderr, so that stdout stays readable by programs.

say() {
    printf '%s\n' "$*" >&2
}

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# confirm QUESTION: succeeds when the answer is yes, or when YES=1 gives it beforehand.
confirm() {
    local answer
    [[ ${YES:-} == 1 ]] && return 0
    [[ -t 0 ]] || die "$1 There is no terminal to answer on: run it again with YES=1."
    read -r -p "$1 [y/N] " answer
    [[ $answer == [yY]* ]]
}
