-- Orders. The row is the authority: every race (cancel, confirm, ship, deadline) is decided under its lock.
create table orders (
    id uuid primary key,
    user_id uuid not null,
    status text not null
        check (status in ('placed', 'payment_received', 'confirmed', 'shipped', 'delivered', 'failed', 'cancelled')),
    payment text not null check (payment in ('none', 'captured', 'declined', 'voided', 'refunded')),
    stock text not null check (stock in ('none', 'reserved', 'rejected', 'released')),
    compensation text not null check (compensation in ('none', 'pending', 'done')),
    reason text check (reason in ('payment_declined', 'stock_rejected', 'deadline', 'customer_request')),
    payment_method text not null,
    total_minor bigint not null check (total_minor >= 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    -- What events that no request causes (a sweep's) carry, so that they stay in the order's story.
    correlation_id text not null,
    traceparent text,
    -- Counts the changes; the entity tag is made of it.
    version bigint not null default 1,
    -- The deadline counts from here, on the database's clock.
    placed_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    -- When it failed or was cancelled.
    closed_at timestamptz,
    -- When the participants were last asked to give back, by failing, cancelling or asking again, and how often again.
    compensation_asked_at timestamptz,
    compensation_asks integer not null default 0,
    constraint orders_closed_with_reason check ((status in ('failed', 'cancelled')) = (reason is not null)),
    constraint orders_closed_at check ((status in ('failed', 'cancelled')) = (closed_at is not null)),
    constraint orders_closed_compensate check ((status in ('failed', 'cancelled')) = (compensation <> 'none')),
    constraint orders_compensation_asked check (compensation = 'none' or compensation_asked_at is not null)
);
create index orders_by_user on orders (user_id, id desc);
create index orders_open on orders (placed_at) where status in ('placed', 'payment_received');
create index orders_compensating on orders (compensation_asked_at) where compensation = 'pending';

create table order_lines (
    order_id uuid not null references orders on delete cascade,
    position smallint not null,
    product_id uuid not null,
    quantity integer not null check (quantity between 1 and 1000),
    unit_price_minor bigint not null check (unit_price_minor >= 0),
    primary key (order_id, position)
);
