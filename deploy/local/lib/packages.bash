# What the machine must have. Asks before it installs anything.

# required_packages: package and the file that shows it is there, for what every profile needs.
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
    [[ ${#missing[@]} -gt 0 ]] || return 0
    command -v apt-get >/dev/null || die "these programs are missing: ${missing[*]} (no apt-get here: install them by hand)."
    say "These packages are missing: ${missing[*]}"
    say 'Their own daemons are neither enabled nor touched: the platform runs private instances under .run/.'
    confirm 'Install them?' || die 'nothing was installed.'
    install_packages "${missing[@]}"
}

# install_packages PACKAGE…: in a folder of its own, since an apt-get beside us may empty the common one.
install_packages() {
    local archives as_root=()
    if [[ $(id -u) != 0 ]]; then
        command -v sudo >/dev/null || die "run as root: apt-get install --no-install-recommends $*"
        as_root=(sudo)
    fi
    archives=$(mktemp -d)
    chmod 755 "$archives"
    "${as_root[@]}" mkdir -p "$archives/partial"
    forbid_daemons
    "${as_root[@]}" apt-get -qq -o DPkg::Lock::Timeout=300 update >&2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o "Dir::Cache::archives=$archives" "$@" >&2 \
        || { allow_daemons && die 'apt-get failed; its words are above.'; }
    allow_daemons
    disable_daemons "$@"
    "${as_root[@]}" rm -rf "$archives"
}

# Debian starts a daemon as soon as it is installed, unless this file says no. One that is there already stays.
forbid_daemons() {
    [[ -e /usr/sbin/policy-rc.d ]] && return
    printf '#!/bin/sh\n# Written by the order platform during an installation.\nexit 101\n' \
        | "${as_root[@]}" tee /usr/sbin/policy-rc.d >/dev/null
    "${as_root[@]}" chmod 755 /usr/sbin/policy-rc.d
}

allow_daemons() {
    grep -qs 'Written by the order platform' /usr/sbin/policy-rc.d || return 0
    "${as_root[@]}" rm -f /usr/sbin/policy-rc.d
}

# disable_daemons PACKAGE…: those just installed shall not start with the machine either.
disable_daemons() {
    [[ -d /run/systemd/system ]] || return 0
    local package
    for package in "$@"; do
        case $package in
            postgresql) "${as_root[@]}" systemctl --quiet disable postgresql ;;
            redis-server) "${as_root[@]}" systemctl --quiet disable redis-server ;;
            rabbitmq-server) "${as_root[@]}" systemctl --quiet disable rabbitmq-server epmd.socket ;;
        esac
    done
}

# ensure_rust: the one thing that is not installed here.
ensure_rust() {
    local needed found
    [[ -d $HOME/.cargo/bin ]] && PATH=$PATH:$HOME/.cargo/bin
    command -v cargo >/dev/null || die 'Rust is missing: install it from https://rustup.rs, then run make up again.'
    needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml")
    found=$(rustc --version | cut -d' ' -f2)
    [[ $(printf '%s\n' "$needed" "$found" | sort -V | head -n 1) == "$needed" ]] \
        || die "Rust $found is too old: $needed or newer is needed (rustup update)."
}
