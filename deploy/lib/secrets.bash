# Passwords and signing keys: generated at the first start, then kept in .run/, which git ignores.

ADMIN_EMAIL=admin@example.com

secret_names() {
    local name part
    printf '%s\n' POSTGRES_PASSWORD REDIS_PASSWORD RABBITMQ_OPERATOR_PASSWORD
    [[ $(profile) == infrastructure ]] && return
    echo OPERATOR_TOKEN
    for name in "${SERVICES[@]}" "${EDGE[@]}"; do
        for part in ${NEEDS_OF[$name]:-}; do
            password_name "$name" "$part"
        done
        for part in ${SECRETS_OF[$name]:-}; do
            echo "$part"
        done
    done
}

# password_name PROCESS SERVER: the variable with the password of the process's own user on that server.
password_name() {
    case $2 in
        postgres) echo "$(variable_of "$1")_DATABASE_PASSWORD" ;;
        redis) echo "$(short_variable_of "$1")_REDIS_PASSWORD" ;;
        *) echo "$(variable_of "$1")_${2^^}_PASSWORD" ;;
    esac
}

# password_of PROCESS SERVER
password_of() {
    local name
    name=$(password_name "$@")
    echo "${!name}"
}

# ensure_secrets: adds the secrets that the file lacks; present ones never change.
ensure_secrets() {
    local name file=$RUN_DIR/secrets.env
    (umask 077 && touch "$file")
    while read -r name; do
        grep -q "^$name=" "$file" || printf '%s=%s\n' "$name" "$(openssl rand -hex 24)" >>"$file"
    done < <(secret_names)
    load_secrets
}

load_secrets() {
    [[ -f $RUN_DIR/secrets.env ]] || return 0
    # shellcheck source=/dev/null
    source "$RUN_DIR/secrets.env"
}

ensure_keys() {
    local key
    for key in $(printf '%s\n' "${SIGNING_KEYS_OF[@]}"); do
        ensure_key "$RUN_DIR/keys/$key.pem"
    done
    # Services verify the gateway's signature with the public half.
    jwks "$RUN_DIR/keys/identity-signing.pem" >"$RUN_DIR/keys/identity-jwks.json"
}

# ensure_key FILE: an Ed25519 private key (PKCS#8 PEM).
ensure_key() {
    [[ -s $1 ]] && return
    (umask 077 && openssl genpkey -algorithm ed25519 -out "$1.new")
    mv "$1.new" "$1"
}

base64url() {
    base64 -w0 | tr '+/' '-_' | tr -d '='
}

# jwks FILE: the public half as a JSON Web Key Set; the key id is the RFC 7638 thumbprint.
jwks() {
    local x kid
    # The last 32 bytes of an Ed25519 public key's DER form are the key itself.
    x=$(openssl pkey -in "$1" -pubout -outform DER | tail -c 32 | base64url)
    kid=$(printf '{"crv":"Ed25519","kty":"OKP","x":"%s"}' "$x" | openssl dgst -sha256 -binary | base64url)
    printf '{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"%s","x":"%s"}]}\n' "$kid" "$x"
}
