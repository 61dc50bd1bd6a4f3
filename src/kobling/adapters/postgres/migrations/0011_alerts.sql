-- What people are told of when nobody looks: from the moment when it was seen first until it was gone. told, told_over:
-- the channels that have been told of either.
create table alert (
    id bigint generated always as identity primary key,
    connection_id integer not null references connection,
    kind text not null,
    subject text not null,
    message text not null,
    cure text not null,
    raised_at timestamptz not null,
    cleared_at timestamptz,
    told text[] not null default '{}',
    told_over text[] not null default '{}'
);
create unique index alert_standing on alert (connection_id, kind, subject) where cleared_at is null;
create index alert_cleared on alert (connection_id, cleared_at);
-- What grew and whose rows are gone: counters never fall.
create table total (
    connection_id integer not null references connection,
    metric text not null,
    labels text[] not null,
    value double precision not null,
    primary key (connection_id, metric, labels)
);
-- progress_at: when the run in hand last got somewhere. active_at: when a run last did something.
alter table schedule_entry add column progress_at timestamptz;
alter table schedule_entry add column active_at timestamptz not null default now();
-- A token is worth nothing some days after it was given.
alter table feed add column token_at timestamptz not null default now();
-- The last job of a mapping, among a million others: by the order of ids, a mapping without any would be looked for
-- among all.
create index job_ended on job (mapping_id, ended_at);
