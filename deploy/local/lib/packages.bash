# Packages that local mode needs. Nothing is installed without a question.

# missing_packages: a package is present if one file of it is.
missing_packages() {
    local package path
    while read -r package path; do
        compgen -G "$path" >/dev/null || echo "$package"
    done <<'EOT'
postgresql /usr/lib/postgresql/*/bin/postgres
redis-server /usr/bin/redis-server
rabbitmq-server /usr/lib/rabbitmq/bin/rabbitmq-server
s6 /usr/bin/s6-svscan
curl /usr/bin/curl
jq /usr/bin/jq
openssl /usr/bin/openssl
iproute2 /*bin/ss
procps /*bin/ps
gcc /usr/bin/gcc
libc6-dev /usr/include/stdio.h
EOT
}

ensure_packages() {
    local missing
    mapfile -t missing < <(missing_packages)
    if [[ -f $RUN_DIR/installing ]]; then
        # After an interrupted installation the files may be present without the packages being configured.
        mapfile -t missing <"$RUN_DIR/installing"
    fi
    [[ ${#missing[@]} -gt 0 ]] || return 0
    command -v apt-get >/dev/null || die "these packages are missing: ${missing[*]} (no apt-get here: install them by hand)."
    say "These packages are missing: ${missing[*]}"
    say 'Their own daemons are neither enabled nor touched: the platform runs private instances under .run/.'
    confirm 'Install them?' || die 'nothing was installed.'
    printf '%s\n' "${missing[@]}" >"$RUN_DIR/installing"
    "$LOCAL_DIR/install-packages" "${missing[@]}"
    rm "$RUN_DIR/installing"
}

# ensure_rust: Rust is never installed from here.
ensure_rust() {
    local needed found
    [[ -d $HOME/.cargo/bin ]] && PATH=$PATH:$HOME/.cargo/bin
    command -v cargo >/dev/null || die 'Rust is missing: install it from https://rustup.rs, then run make up again.'
    needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml")
    found=$(rustc --version | cut -d' ' -f2)
    [[ $(printf '%s\n' "$needed" "$found" | sort -V | head -n 1) == "$needed" ]] \
        || die "Rust $found is too old: $needed or newer is needed (rustup update)."
}
