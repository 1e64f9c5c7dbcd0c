-- Every event, whole. One partition for each day on which we stored events (not on which they happened: then a late event
-- would find no partition, or one that is about to be dropped). Partitions are made ahead of time and dropped by the
-- service. A unique key over all partitions is not possible; that an event is stored once is the doing of its inbox row,
-- which commits in the same transaction. The primary key catches a mistake of ours within one day.
create table events (
    stored_on date not null,
    event_id uuid not null,
    event_type text not null,
    source text not null,
    subject uuid not null,
    correlation_id text not null,
    sequence bigint not null,
    event_at timestamptz not null,
    envelope jsonb not null,
    primary key (stored_on, event_id)
) partition by range (stored_on);
create index events_by_subject on events (subject, event_at);

-- How many events of a type happened in an hour (UTC), also those whose rows are gone. Small, and kept for good.
create table counters (
    day date not null,
    hour smallint not null check (hour between 0 and 23),
    event_type text not null,
    events bigint not null,
    primary key (day, hour, event_type)
);
