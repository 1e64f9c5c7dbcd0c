-- An event's id carries the time of its creation (UUID version 7), so the primary key finds the rows whose retention has ended.
drop index published_by_age;
