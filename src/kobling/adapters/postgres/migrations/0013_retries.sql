-- How often a row has stayed for a failure in a row, and when it is tried again though nothing has changed. A row that
-- becomes due for any other cause begins anew.
alter table inbox add column attempts integer not null default 0;
alter table inbox add column next_try timestamptz;
create index inbox_next_try on inbox (mapping_id, next_try) where next_try is not null;
update inbox set next_try = now() where reason in ('transient', 'unproved', 'failed') and not due;
