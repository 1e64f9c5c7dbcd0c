-- Answers to requests that carry an Idempotency-Key. While `answer_status` is null the first attempt is at work under a
-- lease; when the lease has run out (the process died) the next attempt takes the key over.
create table idempotency_keys (
    user_id uuid not null,
    key text not null,
    -- SHA-256 of the request, to tell a repetition from another request under the same key.
    fingerprint bytea not null,
    lease uuid not null,
    leased_until timestamptz not null,
    expires_at timestamptz not null,
    answer_status smallint,
    answer_location text,
    answer_etag text,
    answer_body bytea,
    primary key (user_id, key)
);
create index idempotency_keys_by_age on idempotency_keys (expires_at);
