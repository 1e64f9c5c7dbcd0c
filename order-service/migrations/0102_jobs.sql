-- Jobs that end without an outcome, and a lane of their own for jobs that have failed before.

-- Failures since the job was enqueued, or since an operator had it tried again: they make the delays grow, and a job that
-- has any leaves the lane of fresh jobs. Unlike `attempts` it says nothing about what may have been sent.
alter table intents add column failures integer not null default 0;
-- From when a job's lifetime counts: when it was enqueued, or an operator had it tried again.
alter table intents add column tried_since timestamptz not null default now();
-- Set when nobody tries it any more until an operator says so. `due_at` is then infinite, so that processes of an older
-- version do not claim it either.
alter table intents add column parked_at timestamptz;
-- Why an operator has discarded it; such a job is done as well.
alter table intents add column resolution text;

update intents set failures = attempts where done_at is null and last_error is not null;

-- The two lanes of a kind. `intents_due` stays: the status page finds the kinds by it, and older processes their jobs.
create index intents_fresh on intents (kind, due_at) where done_at is null and failures = 0;
create index intents_failed on intents (kind, due_at) where done_at is null and failures > 0;
create index intents_open on intents (kind, created_at) where done_at is null and parked_at is null;
create index intents_parked on intents (kind, id) where done_at is null and parked_at is not null;
