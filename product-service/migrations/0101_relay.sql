-- Routes that the broker refuses, for all instances and across restarts. Their rows wait in the outbox.
create table outbox_refusals (
    exchange text not null,
    routing_key text not null,
    refusals integer not null,
    last_error text not null,
    since timestamptz not null default now(),
    -- The next trial with one row.
    retry_at timestamptz not null,
    primary key (exchange, routing_key)
);

-- Rows live for milliseconds: vacuum by their number, since their share of the table says nothing.
alter table outbox set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
                        autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000);
