-- Restores events that were dropped from analytics-queue, from what their publishers have in `published`. Its rows are in the
-- temporary table `published_elsewhere`, which the session has filled (README.md, "Events that were dropped"). An event that was
-- stored is left alone, so a second run changes nothing. Of a restored event the data and the sequence are gone.
begin;

create temporary table missing on commit drop as
with new as (
    insert into inbox (event_id, event_type, source, subject, correlation_id, event_at)
    select event_id, event_type, source, subject, correlation_id, created_at from published_elsewhere
    on conflict (event_id) do nothing
    returning event_id, event_type, source, subject, correlation_id, event_at
)
select * from new;

insert into events (stored_on, event_id, event_type, source, subject, correlation_id, sequence, event_at, envelope)
select (now() at time zone 'utc')::date, event_id, event_type, source, subject, correlation_id, 0, event_at,
    jsonb_build_object('type', event_type, 'data', '{}'::jsonb, 'metadata', jsonb_build_object('eventId', event_id,
        'timestamp', event_at, 'source', source, 'correlationId', correlation_id, 'subject', subject))
from missing;

insert into counters (day, hour, event_type, events)
select (event_at at time zone 'utc')::date, extract(hour from event_at at time zone 'utc')::smallint, event_type, count(*)
from missing group by 1, 2, 3 order by 1, 2, 3
on conflict (day, hour, event_type) do update set events = counters.events + excluded.events;

select count(*) as restored from missing;
commit;
