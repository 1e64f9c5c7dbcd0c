# The images: the servers' are pulled, ours are built.

PROGRAMS=("${EDGE[@]}" "${SERVICES[@]}" topology mail-catcher sandbox-provider demo)

# foreign_images: those that must be had from elsewhere.
foreign_images() {
    {
        sed -n 's/^ *image: //p' "$ROOT/compose.yaml"
        sed -n 's/^FROM \([^ ]*\).*/\1/p' "$ROOT/deploy/Dockerfile"
    } | grep -v "^$PROJECT/" | sort -u
}

# images_in_reach: each is here, or its registry says that it has it.
images_in_reach() {
    local image
    while read -r image; do
        docker image inspect "$image" >/dev/null 2>&1 \
            || timeout 10 docker manifest inspect "$image" >/dev/null 2>&1 \
            || return 1
    done < <(foreign_images)
}

# build_images: the first one builds the workspace, for all of them.
build_images() {
    local program
    say 'building the images (the first time takes minutes)'
    build_image "${PROGRAMS[0]}"
    for program in "${PROGRAMS[@]:1}"; do
        build_image "$program" --quiet >/dev/null
    done
}

# build_image PROGRAM OPTION…: with BuildKit, whether it is in the engine or a plugin.
build_image() {
    local program=$1
    shift
    DOCKER_BUILDKIT=1 docker build "$@" --file "$ROOT/deploy/Dockerfile" --build-arg "PROGRAM=$program" \
        --tag "$PROJECT/$program" "$ROOT" || die "the image of $program was not built; the words are above."
}
