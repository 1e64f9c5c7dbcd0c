# The workspace's programs. The platform runs copies, so that a build, or `cargo clean`, does not change what runs.

PACKAGES=("${EDGE[@]}" "${SERVICES[@]}" rabbitmq mail-catcher e2e)
BINARIES=("${EDGE[@]}" "${SERVICES[@]}" topology mail-catcher sandbox-provider demo)

binary_of() {
    [[ $1 == topology-watch ]] && echo topology || echo "$1"
}

# build_kind: `release`, `tests` (the dev profile, together with the tests, so that nothing is built twice with different
# features) or `programs` (the dev profile without the tests). `chaos` is told which.
build_kind() {
    case $(profile) in
        platform) echo release ;;
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
    (cd "$ROOT" && env -u DATABASE_URL cargo build --locked "${arguments[@]}") || die 'the build failed; its words are above.'
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
