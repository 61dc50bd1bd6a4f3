-- A job that several workers share. shared_turn: the wave in which others may take part, null for none. shared_as: which
-- mapping it is, as it was when the job began.
alter table job add shared_turn integer, add shared_as text not null default '';

-- What each worker of a shared job has done so far: counts and requests.
create table job_share (
    id bigint generated always as identity primary key,
    job_id bigint not null references job on delete cascade,
    part text not null default '{}',
    joined_at timestamptz not null default clock_timestamp(),
    last_at timestamptz not null default clock_timestamp()
);
create index job_share_job on job_share (job_id);

-- What each pair of a shared job came to so far, as any worker may meet it again; gone when the job is over.
create table job_pair (
    job_id bigint not null references job on delete cascade,
    key text not null,
    body text not null,
    primary key (job_id, key)
);

-- The slices that the writer held, one bit each; 0 where it shares with nobody.
alter table intent add slices integer not null default 0;
