# Passwords and signing keys: made at the first start, then kept in .run/, which git ignores.

ADMIN_EMAIL=admin@example.com

secret_names() {
    local service
    printf '%s\n' POSTGRES_PASSWORD REDIS_PASSWORD RABBITMQ_OPERATOR_PASSWORD
    [[ $(profile) == infrastructure ]] && return
    printf '%s\n' OPERATOR_TOKEN ADMIN_PASSWORD GATEWAY_REDIS_PASSWORD USER_REDIS_PASSWORD
    for service in "${SERVICES[@]}"; do
        printf '%s\n' "$(variable_of "$service")_"{DATABASE,RABBITMQ}_PASSWORD
    done
}

# ensure_secrets: adds what the file does not have yet; what it has never changes.
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
    ensure_key "$RUN_DIR/keys/token-signing.pem"
    ensure_key "$RUN_DIR/keys/identity-signing.pem"
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

# jwks FILE: the public half as a JSON Web Key Set; the key's id is its RFC 7638 thumbprint.
jwks() {
    local x kid
    # The last 32 bytes of an Ed25519 public key's DER form are the key itself.
    x=$(openssl pkey -in "$1" -pubout -outform DER | tail -c 32 | base64url)
    kid=$(printf '{"crv":"Ed25519","kty":"OKP","x":"%s"}' "$x" | openssl dgst -sha256 -binary | base64url)
    printf '{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":"%s","x":"%s"}]}\n' "$kid" "$x"
}
