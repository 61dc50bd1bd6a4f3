-- A full synchronization, a line for each mapping that has begun: what was recommended for it, how it ended, and
-- the jobs that carried it out. A job may be purged, so nothing here keeps it.
create table full_synchronization (
    mapping_id integer primary key references mapping,
    recommendation text not null,
    status text not null,
    message text not null default '',
    jobs bigint[] not null default '{}',
    started_at timestamptz not null default now(),
    ended_at timestamptz
);
