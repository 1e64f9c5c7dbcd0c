# Words to the person at the terminal. Progress goes to stderr, so that stdout stays usable by programs.

say() {
    printf '%s\n' "$*" >&2
}

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# confirm QUESTION: true when the answer is yes, or when YES=1 says so beforehand.
confirm() {
    local answer
    [[ ${YES:-} == 1 ]] && return 0
    [[ -t 0 ]] || die "$1 Nobody is there to answer: run it again with YES=1."
    read -r -p "$1 [y/N] " answer
    [[ $answer == [yY]* ]]
}
