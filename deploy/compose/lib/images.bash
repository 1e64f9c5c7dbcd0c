# The images: those of the servers are pulled, those of the programs are built.

PROGRAMS=("${EDGE[@]}" "${SERVICES[@]}" "${SUPPORT_PROGRAMS[@]}" demo)

# foreign_images: those that come from a registry.
foreign_images() {
    {
        sed -n 's/^ *image: //p' "$ROOT/compose.yaml"
        sed -n 's/^FROM \([^ ]*\).*/\1/p' "$ROOT/deploy/Dockerfile"
    } | grep -v "^$PROJECT/" | sort -u
}

# images_in_reach: each foreign image is present, or its registry offers it.
images_in_reach() {
    local image
    while read -r image; do
        docker image inspect "$image" >/dev/null 2>&1 \
            || timeout 10 docker manifest inspect "$image" >/dev/null 2>&1 \
            || return 1
    done < <(foreign_images)
}

# build_images: the first image builds the workspace for all of them.
build_images() {
    local program
    say 'building the images (the first time takes minutes)'
    build_image "${PROGRAMS[0]}"
    for program in "${PROGRAMS[@]:1}"; do
        build_image "$program" --quiet >/dev/null
    done
}

# build_image PROGRAM OPTION…
build_image() {
    local program=$1 buildkit=1
    shift
    has_buildkit || buildkit=0
    dockerfile "$buildkit" | DOCKER_BUILDKIT=$buildkit docker build "$@" --file - --build-arg "PROGRAM=$program" \
        --tag "$PROJECT/$program" "$ROOT" || die "the image of $program was not built; the output is above."
}

# has_buildkit: part of the engine up to Docker 20.10, and of the plugin buildx from 23 on.
has_buildkit() {
    local version
    version=$(docker version --format '{{.Client.Version}}')
    ((${version%%.*} < 23)) || docker buildx version >/dev/null 2>&1
}

# dockerfile BUILDKIT: the builder without BuildKit has no cache mounts, and builds everything again each time.
dockerfile() {
    local mounts=' --mount=[^ ]*'
    [[ $1 == 0 ]] || mounts='^$'
    sed "s/$mounts//" "$ROOT/deploy/Dockerfile"
}
