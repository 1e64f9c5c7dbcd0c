-- The __entities__ of this service, at most one for each __subject__. Rows are kept.
create table __entities__ (
    id uuid primary key,
    -- The __subject__ whose event inserted the row.
    __subject_id__ uuid not null unique,
    created_at timestamptz not null default now()
);
