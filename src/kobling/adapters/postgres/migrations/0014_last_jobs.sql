-- The last job of a mapping, among a million others: by the order of ids, a mapping without any would be looked for
-- among all.
create index job_ended on job (mapping_id, ended_at);
