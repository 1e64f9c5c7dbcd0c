# The workspace's programs. The platform runs copies, so that a build, or `cargo clean`, does not change what runs.

PACKAGES=("${EDGE[@]}" "${SERVICES[@]}" rabbitmq mail-catcher e2e)
BINARIES=("${EDGE[@]}" "${SERVICES[@]}" topology mail-catcher sandbox-provider demo)

binary_of() {
    [[ $1 == topology-watch ]] && echo topology || echo "$1"
}

build_binaries() {
    local package arguments=()
    for package in "${PACKAGES[@]}"; do
        arguments+=(-p "$package")
    done
    say 'building (the first time takes minutes)'
    (cd "$ROOT" && env -u DATABASE_URL cargo build --release --locked "${arguments[@]}") || die 'the build failed; its words are above.'
}

# build_tests: programs and tests in one go, so that both are built with the same features.
build_tests() {
    say 'building the tests (the first time takes minutes)'
    (cd "$ROOT" && env -u DATABASE_URL cargo build --workspace --all-targets --locked) || die 'the build failed; its words are above.'
}

build_folder() {
    [[ $(profile) == test ]] && echo debug || echo release
}

install_binaries() {
    local name built target
    target=$(cd "$ROOT" && realpath -m "${CARGO_TARGET_DIR:-target}")
    mkdir -p "$RUN_DIR/bin"
    for name in "${BINARIES[@]}"; do
        built=$target/$(build_folder)/$name
        [[ -x $built ]] || die "the build left no $built."
        cmp -s "$built" "$RUN_DIR/bin/$name" && continue
        cp "$built" "$RUN_DIR/bin/$name.new"
        mv "$RUN_DIR/bin/$name.new" "$RUN_DIR/bin/$name"
    done
}
