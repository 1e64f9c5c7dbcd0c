-- The deadline clock: counts the time in which an answer could come. It advances with ticks, small messages that this service
-- sends to itself through its outbox, the relay, the broker and its queue, one at a time; while one of these stands still, so
-- does the clock. All times are this database's.
create table deadline_clock (
    -- There is one row.
    id boolean primary key default true check (id),
    elapsed_ms bigint not null default 0 check (elapsed_ms >= 0),
    -- No deadline passes before: after an interruption, the answers that it held up come first.
    settled_at_ms bigint not null default 0,
    -- Numbers of the newest tick that was sent, and of the newest that has returned.
    sent bigint not null default 0,
    returned bigint not null default 0,
    sent_at timestamptz not null default now(),
    -- When the first tick was sent after the newest that has returned.
    outstanding_since timestamptz not null default now(),
    -- When the newest tick that has returned was sent: up to there the time is counted.
    counted_to timestamptz not null default now()
);
insert into deadline_clock default values;

-- The reading of the deadline clock at which an open order fails. Null until `order.placed` has left the outbox: nobody can
-- answer what nobody was asked. Orders that are open when this migration runs begin their deadline anew.
alter table orders add column deadline_ms bigint;
create index orders_deadline on orders (deadline_ms) where status in ('placed', 'payment_received');
create index orders_without_deadline on orders (id)
    where status in ('placed', 'payment_received') and deadline_ms is null;

-- When the participants are due to be asked again. Null until the sweeper has scheduled it, after each request.
alter table orders add column compensation_next_ask_at timestamptz;
create index orders_next_ask on orders (compensation_next_ask_at) where compensation = 'pending';
create index orders_unscheduled_ask on orders (id)
    where compensation = 'pending' and compensation_next_ask_at is null;
create index orders_compensating_since on orders (closed_at) where compensation = 'pending';
drop index orders_compensating;
