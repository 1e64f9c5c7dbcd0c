-- What this service knows of each order's payment, for ever. A row that a final event created (nothing was ever charged)
-- makes a late `order.placed` have no effect.
create table payments (
    -- Also the id of the charge's intent, and so the idempotency key of the charge at the provider.
    id uuid primary key,
    order_id uuid not null constraint payments_one_per_order unique,
    user_id uuid not null,
    -- 'none' is seen only inside the transaction that creates the row.
    state text not null default 'none'
        check (state in ('none', 'charging', 'to_close', 'captured', 'declined', 'refunding', 'closed', 'refunded')),
    -- Until `order.placed` has taken effect there is no amount: 0 of XXX, which is ISO 4217's "no currency".
    amount_minor bigint not null default 0 check (amount_minor >= 0),
    currency text not null default 'XXX' check (currency ~ '^[A-Z]{3}$'),
    payment_method text not null default '',
    -- The id of the refund's intent, and so the idempotency key of the refund at the provider.
    refund_id uuid,
    -- Why the provider declined.
    reason text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
-- What is not settled yet, for `/internal/status`.
create index payments_unsettled on payments (updated_at) where state in ('charging', 'to_close', 'refunding');
