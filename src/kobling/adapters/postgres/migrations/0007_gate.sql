-- What a service allows one application user, over all processes: no request before closed_until, and only so many in
-- five minutes. How many are in flight is held by locks, which die with whoever holds them.
create table gate (
    id integer generated always as identity primary key,
    service text not null,
    environment text not null,
    application_user text not null,
    closed_until timestamptz not null default '-infinity',
    throttled_seconds double precision not null default 0,
    unique (service, environment, application_user)
);
-- Requests by spans of ten seconds.
create table gate_requests (
    gate_id integer not null references gate on delete cascade,
    span bigint not null,
    requests integer not null,
    primary key (gate_id, span)
) with (fillfactor = 50);

-- Seconds to wait, or a place: the first one that is free and not among those that this session has already.
-- limits: requests in five minutes, and at the same time. The lock's class is a number of ours.
create function enter_gate(which integer, in_window integer, at_once integer, have integer[], out wait double precision,
    out place integer) language plpgsql as $$
declare
    closed timestamptz;
    sent bigint;
    first bigint;
    present bigint := floor(extract(epoch from clock_timestamp()) / 10);
begin
    select closed_until into closed from gate where id = which;
    wait := extract(epoch from closed - clock_timestamp());
    if wait > 0 then return; end if;
    select coalesce(sum(requests), 0), min(span) into sent, first from gate_requests
        where gate_id = which and span > present - 30;
    if sent >= in_window then
        wait := greatest((first + 30) * 10 - extract(epoch from clock_timestamp()), 0.1);
        return;
    end if;
    wait := 0;
    for number in 1..at_once loop
        if not number = any(have) and pg_try_advisory_lock(71051183, which * 64 + number) then
            place := number;
            insert into gate_requests values (which, present, 1)
                on conflict (gate_id, span) do update set requests = gate_requests.requests + 1;
            return;
        end if;
    end loop;
end;
$$;
