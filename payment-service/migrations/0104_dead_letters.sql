-- When the event of a dead letter happened, by its own metadata: the message may have waited in the dead-letter queue for long before
-- it was stored, and the age of the event decides until when it may be replayed. Null in rows of an older release.
alter table dead_letters add column event_at timestamptz;
