-- Products with their stock. Every piece that ever came in is somewhere: the last constraint says so, and a statement
-- that would lose or invent a piece fails.
create table products (
    id uuid primary key,
    name text not null check (char_length(name) between 1 and 200),
    description text not null default '' check (char_length(description) <= 2000),
    price_minor bigint not null check (price_minor > 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    -- An inactive product is not listed and cannot be reserved; old orders still refer to it.
    active boolean not null default true,
    initial bigint not null check (initial >= 0),
    -- Sum of all later corrections; below zero where more was written off than came in.
    restocked bigint not null default 0,
    available bigint not null constraint products_available_not_negative check (available >= 0),
    reserved bigint not null default 0 constraint products_reserved_not_negative check (reserved >= 0),
    sold bigint not null default 0 constraint products_sold_not_negative check (sold >= 0),
    created_at timestamptz not null default now(),
    -- When the catalogue entry changed; stock moving does not count.
    updated_at timestamptz not null default now(),
    constraint products_stock_conserved check (initial + restocked = available + reserved + sold)
);
create index products_listed on products (id) where active;

-- What this service knows of each order, for ever. A row that a final event created (nothing was ever reserved) makes
-- a late `order.placed` have no effect.
create table reservations (
    order_id uuid primary key,
    -- 'none' is seen only inside the transaction that creates the row.
    state text not null default 'none'
        check (state in ('none', 'reserved', 'rejected', 'sold', 'closed', 'released')),
    -- What was ordered, one entry for each product, in the order of their ids; empty where `order.placed` never took effect.
    items jsonb not null default '[]',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

-- Every change of stock. `products` is the sum of it.
create table stock_movements (
    id bigint generated always as identity primary key,
    product_id uuid not null references products,
    order_id uuid,
    kind text not null check (kind in ('initial', 'restock', 'reserve', 'sell', 'release', 'return')),
    quantity bigint not null check (quantity <> 0),
    moved_at timestamptz not null default now(),
    -- The second line of defence behind the inbox: an order moves a product once in each way.
    constraint stock_movements_once unique (order_id, product_id, kind),
    constraint stock_movements_of_orders check ((order_id is null) = (kind in ('initial', 'restock')))
);
create index stock_movements_by_product on stock_movements (product_id, id);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name;
end
$$;
create trigger stock_movements_append_only before update or delete on stock_movements
    for each row execute function refuse_change();
