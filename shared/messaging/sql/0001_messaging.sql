-- The tables of reliable messaging. Every service that publishes or consumes carries this file, byte for byte, as its
-- first migration; `make verify` compares them.

-- Numbers one publisher's events about one subject. The row lock also makes the writers about one subject take turns, so
-- that the order of outbox ids is the order of commits within a subject.
create table subject_sequences (
    subject uuid primary key,
    last bigint not null
);

-- Events (and replays of dead letters) that are committed and not yet confirmed by the broker.
create table outbox (
    id bigint generated always as identity primary key,
    event_id uuid not null,
    exchange text not null,
    routing_key text not null,
    event_type text not null,
    subject uuid,
    body bytea not null,
    correlation_id text not null,
    traceparent text,
    created_at timestamptz not null default now(),
    -- Set when the broker refused or returned it; the subject waits behind it, so that order holds.
    retry_at timestamptz,
    refusals integer not null default 0,
    last_error text
);
create index outbox_by_subject on outbox (subject, id);
create index outbox_held on outbox (retry_at) where retry_at is not null;

-- What was published: for timelines, and to prove afterwards that nothing is missing.
create table published (
    event_id uuid primary key,
    event_type text not null,
    subject uuid not null,
    correlation_id text not null,
    created_at timestamptz not null,
    published_at timestamptz not null default now()
);
create index published_by_subject on published (subject, created_at);
create index published_by_age on published (published_at);

-- What was consumed. The primary key is what makes a second delivery have no effect.
create table inbox (
    event_id uuid primary key,
    event_type text not null,
    source text not null,
    subject uuid not null,
    correlation_id text not null,
    event_at timestamptz not null,
    received_at timestamptz not null default now()
);
create index inbox_by_subject on inbox (subject, event_at);
create index inbox_by_age on inbox (received_at);

-- Calls to the outside that are due. A worker leases a row, makes the call, and commits the result together with `done_at`.
create table intents (
    id uuid primary key,
    kind text not null,
    subject uuid not null,
    payload jsonb not null,
    correlation_id text not null,
    causation_id text not null,
    traceparent text,
    created_at timestamptz not null default now(),
    attempts integer not null default 0,
    due_at timestamptz not null default now(),
    lease uuid,
    last_error text,
    done_at timestamptz
);
create index intents_due on intents (kind, due_at) where done_at is null;
create index intents_by_age on intents (done_at) where done_at is not null;

-- Messages that could not be handled, taken out of the dead-letter queue.
create table dead_letters (
    id uuid primary key,
    queue text not null,
    event_id uuid,
    event_type text,
    subject uuid,
    correlation_id text,
    body bytea not null,
    reason text not null,
    attempts integer not null,
    died_at timestamptz not null default now(),
    status text not null default 'waiting' check (status in ('waiting', 'replayed', 'discarded')),
    resolved_at timestamptz,
    resolution text
);
create index dead_letters_by_status on dead_letters (status, id);
-- The same event can land in the dead-letter queue twice; it waits here once.
create unique index dead_letters_waiting on dead_letters (event_id) where status = 'waiting' and event_id is not null;
