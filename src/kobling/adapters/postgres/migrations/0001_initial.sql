-- The state of many connections. Ids of records are uuids; keys of ours are integers, which halves the indexes.

create table connection (
    id integer generated always as identity primary key,
    name text not null unique,
    left_identity text not null default '',
    right_identity text not null default ''
);

create table mapping (
    id integer generated always as identity primary key,
    connection_id integer not null references connection,
    name text not null,
    unique (connection_id, name)
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

-- The base is two-sided: what each side held, in its raw form, when each field was last settled. `seen` holds the
-- values last seen where they differ from the base. The indexes start with the id: the other order makes a
-- look-up by many ids read a whole mapping until the next ANALYZE.
create table coupling (
    id bigint generated always as identity primary key,
    mapping_id integer not null references mapping,
    left_id uuid not null,
    right_id uuid not null,
    left_version text not null default '',
    right_version text not null default '',
    left_base bytea,
    right_base bytea,
    made bytea,
    left_seen bytea,
    right_seen bytea,
    left_number text not null default '',
    left_title text not null default '',
    right_title text not null default '',
    coupled_at timestamptz not null default now()
) with (fillfactor = 80);
create unique index coupling_left on coupling (left_id, mapping_id);
create unique index coupling_right on coupling (right_id, mapping_id);

-- The only place where work waits. A row leaves when its record is settled or read past.
create table inbox (
    mapping_id integer not null references mapping,
    side text not null check (side in ('left', 'right')),
    record_id uuid not null,
    version text not null default '',
    body bytea,
    deleted boolean not null default false,
    -- Taken up for creation: every later run finishes it, whatever that run itself would create.
    wanted boolean not null default false,
    reason text not null default 'new',
    due boolean not null default true,
    message text not null default '',
    waits_for text not null default '',
    waits_key text not null default '',
    since timestamptz not null default now(),
    primary key (record_id, mapping_id, side)
) with (fillfactor = 80);
create index inbox_due on inbox (mapping_id, side) where due;
create index inbox_waits on inbox (waits_for, waits_key) where waits_for <> '';

create table job (
    id bigint generated always as identity primary key,
    mapping_id integer not null references mapping,
    kind text not null,
    status text not null default 'running',
    counts jsonb not null default '{}',
    started_at timestamptz not null default now(),
    ended_at timestamptz
);

-- An intent is committed before its effect and goes in the transaction that commits its outcome.
create table intent (
    id bigint generated always as identity primary key,
    job_id bigint not null references job,
    mapping_id integer not null references mapping,
    side text not null check (side in ('left', 'right')),
    record_id uuid not null,
    partner_id uuid not null,
    method text not null,
    body bytea not null,
    version text not null default '',
    journalled_at timestamptz not null default now()
);
create index intent_record on intent (record_id, mapping_id);

-- Outlives the coupling, so that a record coupled anew gets another id than the one that was given up.
create table generation (
    mapping_id integer not null references mapping,
    source_side text not null,
    source_id uuid not null,
    generation integer not null,
    primary key (source_id, mapping_id, source_side)
);

create table audit (
    id bigint generated always as identity primary key,
    job_id bigint not null references job,
    mapping_id integer not null references mapping,
    left_id uuid,
    right_id uuid,
    side text not null,
    field text not null,
    before bytea,
    after bytea,
    reason text not null,
    at timestamptz not null default now()
);
create index audit_job on audit (job_id);
create index audit_left on audit (left_id, mapping_id);
