-- Job queue entries. A mapping has one that recurs, and as many as people asked for that run once. edits: what a
-- person changed of the shipped timing. queue_job: the job of the queue that carries it out while it runs.
create table schedule_entry (
    id integer generated always as identity primary key,
    mapping_id integer not null references mapping,
    recurring boolean not null,
    work text not null default 'changes',
    edits jsonb not null default '{}',
    status text not null,
    next_start timestamptz,
    running boolean not null default false,
    again boolean not null default false,
    attempts integer not null default 0,
    message text not null default '',
    queue_job bigint,
    started_at timestamptz,
    ended_at timestamptz
);
create unique index schedule_entry_recurring on schedule_entry (mapping_id) where recurring;
create index schedule_entry_running on schedule_entry (mapping_id) where running;
