# The workspace's programs. The platform runs copies, so that a build, or `cargo clean`, does not change what runs.

PACKAGES=("${EDGE[@]}" "${SERVICES[@]}" rabbitmq mail-catcher e2e)
BINARIES=("${EDGE[@]}" "${SERVICES[@]}" topology mail-catcher sandbox-provider demo)

binary_of() {
    [[ $1 == topology-watch ]] && echo topology || echo "$1"
}

# build_profile: cargo's; `chaos` is told which.
build_profile() {
    case $(profile) in
        platform) echo release ;;
        chaos) echo "${CHAOS_BUILD:-release}" ;;
        *) echo dev ;;
    esac
}

# What runs in the dev profile is built together with the tests, so that nothing is built twice with different features.
build_binaries() {
    local package arguments=(--workspace --all-targets)
    if [[ $(profile) == chaos ]]; then
        PACKAGES+=(chaos) BINARIES+=(chaos)
    fi
    if [[ $(build_profile) == release ]]; then
        arguments=(--release)
        for package in "${PACKAGES[@]}"; do
            arguments+=(-p "$package")
        done
    fi
    say 'building (the first time takes minutes)'
    (cd "$ROOT" && env -u DATABASE_URL cargo build --locked "${arguments[@]}") || die 'the build failed; its words are above.'
}

install_binaries() {
    local name built target
    target=$(cd "$ROOT" && realpath -m "${CARGO_TARGET_DIR:-target}")/$([[ $(build_profile) == release ]] && echo release || echo debug)
    mkdir -p "$RUN_DIR/bin"
    for name in "${BINARIES[@]}"; do
        built=$target/$name
        [[ -x $built ]] || die "the build left no $built."
        cmp -s "$built" "$RUN_DIR/bin/$name" && continue
        cp "$built" "$RUN_DIR/bin/$name.new"
        mv "$RUN_DIR/bin/$name.new" "$RUN_DIR/bin/$name"
    done
}
