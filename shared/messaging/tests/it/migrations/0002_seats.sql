create table seats (
    ticket uuid not null,
    event_id uuid not null,
    instance text not null,
    number bigint generated always as identity
);
create table calls (id uuid not null, attempt integer not null);
-- A row that handlers share.
create table doors (id integer primary key);
insert into doors values (1);
