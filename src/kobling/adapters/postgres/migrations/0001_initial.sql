-- The state of many connections. Ids of records are uuids; keys of ours are integers, which halves the indexes.

create table connection (
    id integer generated always as identity primary key,
    name text not null unique,
    left_identity text not null default '',
    right_identity text not null default '',
    -- The integration user of the right side.
    right_user text not null default ''
);

-- settings: what a person changed of the shipped mapping.
create table mapping (
    id integer generated always as identity primary key,
    connection_id integer not null references connection,
    name text not null,
    settings jsonb not null default '{}',
    unique (connection_id, name)
);

-- The columns and rows that stored values stand in the order of. An edited mapping makes a new layout; what was
-- stored under an older one is put in order by name when it is read.
create table layout (
    id integer generated always as identity primary key,
    mapping_id integer not null references mapping,
    left_columns text[] not null,
    right_columns text[] not null,
    row_names text[] not null,
    unique (mapping_id, left_columns, right_columns, row_names)
);

-- One reader of one table of one side. A changed column list makes the token worthless.
create table feed (
    connection_id integer not null references connection,
    side text not null check (side in ('left', 'right')),
    table_name text not null,
    columns text[] not null,
    token text,
    primary key (connection_id, side, table_name)
);

-- Small tables that rules read, and how far they were read.
create table reference (
    connection_id integer not null references connection,
    name text not null,
    record_id text not null,
    body bytea not null,
    primary key (connection_id, name, record_id)
);
create table mark (
    connection_id integer not null references connection,
    name text not null,
    mark text not null,
    primary key (connection_id, name)
);

-- The base is two-sided: what each side held, in its raw form, when each field was last settled. It is null until
-- the first contact is settled. `seen` holds the values last seen where they differ from the base. The indexes
-- start with the id: the other order makes a look-up by many ids read a whole mapping until the next ANALYZE.
create table coupling (
    mapping_id integer not null references mapping,
    layout_id integer not null references layout,
    left_id uuid not null,
    right_id uuid not null,
    left_version text not null default '',
    right_version text not null default '',
    left_base text,
    right_base text,
    made text,
    left_seen text,
    right_seen text,
    first text not null default '',
    left_number text not null default '',
    left_title text not null default '',
    right_title text not null default '',
    -- Names of the right side's columns that the integration user changed, separated by commas.
    right_held text not null default '',
    coupled_at timestamptz not null default now(),
    primary key (left_id, mapping_id)
) with (fillfactor = 80);
create unique index coupling_right on coupling (right_id, mapping_id);
create index coupling_number on coupling (left_number, mapping_id);
create index coupling_held on coupling (mapping_id) where right_held <> '';

-- The only place where work waits. A row leaves when its record is settled or read past.
create table inbox (
    mapping_id integer not null references mapping,
    layout_id integer not null references layout,
    side text not null check (side in ('left', 'right')),
    record_id uuid not null,
    version text not null default '',
    body text,
    deleted boolean not null default false,
    -- Taken up for creation: every later run finishes it, whatever that run itself would create.
    wanted boolean not null default false,
    -- This version was written by the integration user, and nobody has judged it yet or a person has to.
    by_us boolean not null default false,
    reason text not null default 'new',
    due boolean not null default true,
    -- The wave of the run in hand from which on the row is due.
    turn integer not null default 0,
    message text not null default '',
    fields text[] not null default '{}',
    waits text[] not null default '{}',
    since timestamptz not null default now(),
    primary key (record_id, mapping_id, side)
) with (fillfactor = 80);
create index inbox_due on inbox (mapping_id, side) where due;
create index inbox_stays on inbox (mapping_id, reason) where not due;
create index inbox_waits on inbox using gin (waits) where waits <> '{}';

create table job (
    id bigint generated always as identity primary key,
    mapping_id integer not null references mapping,
    kind text not null,
    status text not null default 'running',
    counts jsonb not null default '{}',
    open jsonb not null default '{}',
    requests jsonb not null default '{}',
    started_at timestamptz not null default now(),
    ended_at timestamptz
);
create index job_mapping on job (mapping_id, id);
create index job_running on job (mapping_id) where status = 'running';

create table job_error (
    id bigint generated always as identity primary key,
    job_id bigint not null references job,
    left_id text not null,
    right_id text not null,
    class text not null,
    field text not null,
    message text not null,
    cure text not null
);
create index job_error_job on job_error (job_id);

-- What a batch is about to write is committed before its effect, and goes in the transaction that commits its
-- outcome. entries: side, id, partner's id, method, body and version of each write, as JSON.
create table intent (
    id bigint generated always as identity primary key,
    job_id bigint not null references job,
    mapping_id integer not null references mapping,
    entries text not null,
    journalled_at timestamptz not null default now()
);
create index intent_mapping on intent (mapping_id, job_id);

-- Outlives the coupling, so that a record coupled anew gets another id than the one that was given up. own: the
-- version that we ourselves wrote of a record that has no coupling (any more).
create table generation (
    mapping_id integer not null references mapping,
    source_id uuid not null,
    generation integer not null,
    own text not null default '',
    primary key (source_id, mapping_id)
);

-- What was written, one row a write: (before, after) by column.
create table audit (
    id bigint generated always as identity primary key,
    job_id bigint not null references job,
    mapping_id integer not null references mapping,
    left_id uuid not null,
    right_id uuid not null,
    side text not null,
    method text not null,
    changes text not null,
    reason text not null,
    at timestamptz not null default now()
);
-- Rows come in the order of their jobs, so a block range index finds them and costs next to nothing.
create index audit_job on audit using brin (job_id);
create index audit_left on audit (left_id, mapping_id);
