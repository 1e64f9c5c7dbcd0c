-- Users and what they log in with. `email` is stored as `domain::Email` writes it: trimmed, lower-case, ASCII.
-- The name of the constraint is part of the code: it tells "taken" from every other refusal.
create table users (
    id uuid primary key,
    email text not null constraint users_email_key unique,
    name text not null,
    role text not null check (role in ('customer', 'admin')),
    password_hash text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- A session lives as long as its row does: logging out deletes the row, and its refresh tokens with it. Redis holds a
-- copy of what is here, under `session:<id>`.
create table sessions (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);
create index sessions_by_user on sessions (user_id, created_at);
create index sessions_by_expiry on sessions (expires_at);

-- Every refresh token of a session, the used ones too: one of those that comes back has been copied. Only the SHA-256 is
-- kept, so that reading this table lets nobody in.
create table refresh_tokens (
    hash bytea primary key,
    session_id uuid not null references sessions (id) on delete cascade,
    expires_at timestamptz not null,
    used_at timestamptz
);
create index refresh_tokens_by_session on refresh_tokens (session_id, used_at);
create index refresh_tokens_by_expiry on refresh_tokens (expires_at);
