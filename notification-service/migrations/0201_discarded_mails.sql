-- Mails whose jobs were discarded before discarding recorded an outcome: they stayed pending for ever.
update notifications set mail = 'failed', mail_settled_at = intents.done_at,
    mail_failure = 'discarded by an operator: ' || intents.resolution
from intents
where intents.id = notifications.id and intents.kind = 'mail' and intents.resolution is not null and notifications.mail = 'pending';
