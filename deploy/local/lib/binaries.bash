# The workspace's programs. The platform runs copies, so that neither a build nor `cargo clean` changes what runs.

PACKAGES=("${EDGE[@]}" "${SERVICES[@]}" "${SUPPORT_PACKAGES[@]}" e2e)
BINARIES=("${EDGE[@]}" "${SERVICES[@]}" "${SUPPORT_PROGRAMS[@]}" demo)

# command_of PROCESS: the program and its arguments.
command_of() {
    echo "${COMMAND_OF[$1]:-$1}"
}

binary_of() {
    command_of "$1" | cut -d' ' -f1
}

# build_kind: `release`, `tests` (Cargo's dev profile together with the tests, so that nothing is built twice with
# different features) or `programs` (the dev profile without the tests). CHAOS_BUILD chooses it for `chaos`.
build_kind() {
    case $(profile) in
        platform | bench) echo release ;;
        chaos) echo "${CHAOS_BUILD:-release}" ;;
        *) echo tests ;;
    esac
}

build_binaries() {
    local package arguments=()
    [[ $(profile) != chaos ]] || PACKAGES+=(chaos) BINARIES+=(chaos)
    case $(build_kind) in
        tests) arguments=(--workspace --all-targets) ;;
        *) for package in "${PACKAGES[@]}"; do arguments+=(-p "$package"); done ;;
    esac
    [[ $(build_kind) != release ]] || arguments+=(--release)
    say 'building (the first time takes minutes)'
    (cd "$ROOT" && env -u DATABASE_URL cargo build --locked "${arguments[@]}") || die 'the build failed; its output is above.'
}

install_binaries() {
    local name built target
    target=$(cd "$ROOT" && realpath -m "${CARGO_TARGET_DIR:-target}")/$([[ $(build_kind) == release ]] && echo release || echo debug)
    mkdir -p "$RUN_DIR/bin"
    for name in "${BINARIES[@]}"; do
        built=$target/$name
        [[ -x $built ]] || die "the build left no $built."
        cmp -s "$built" "$RUN_DIR/bin/$name" && continue
        cp "$built" "$RUN_DIR/bin/$name.new"
        mv "$RUN_DIR/bin/$name.new" "$RUN_DIR/bin/$name"
    done
}
