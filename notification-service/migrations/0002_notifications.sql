-- Where a user's mail goes, as user-service last told us. `sequence` is that of the event the row comes from: an older
-- event that arrives late changes nothing.
create table contacts (
    user_id uuid primary key,
    email text not null,
    name text not null,
    sequence bigint not null
);

-- Whose order it is, learned from order events; payment events do not say.
create table order_owners (
    order_id uuid primary key,
    user_id uuid not null
);

-- One row for each event that somebody is told of. Ids are in the order of creation, and the list pages by them.
create table notifications (
    id uuid primary key,
    event_id uuid not null constraint notifications_once_per_event unique,
    kind text not null,
    order_id uuid not null,
    -- Null until the order's owner is known.
    user_id uuid,
    title text not null,
    body text not null,
    created_at timestamptz not null,
    read_at timestamptz,
    -- waiting: owner or contact is not known yet. pending: an intent will send it. sent: a mail server has taken it.
    mail text not null check (mail in ('waiting', 'pending', 'sent', 'failed')),
    mail_settled_at timestamptz,
    mail_failure text,
    -- When waiting is given up.
    waits_until timestamptz not null,
    -- The story that the mail belongs to, for the day when it stops waiting.
    correlation_id text not null
);
create index notifications_by_user on notifications (user_id, id desc);
create index notifications_waiting_by_user on notifications (user_id) where mail = 'waiting';
create index notifications_waiting_by_order on notifications (order_id) where user_id is null;
create index notifications_unsettled on notifications (mail, waits_until) where mail in ('waiting', 'failed');
