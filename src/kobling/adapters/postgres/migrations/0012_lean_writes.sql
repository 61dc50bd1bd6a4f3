-- A first load writes a row of each of these tables for every record, and four looks at a handful of other rows
-- beside each cost more than a quarter of what the database does for it. Both are written by statements that name
-- one mapping, one layout and one job, which the program has just read; a purge takes the writes of a job with it.
alter table coupling drop constraint coupling_mapping_id_fkey;
alter table coupling drop constraint coupling_layout_id_fkey;
alter table audit drop constraint audit_job_id_fkey;
alter table audit drop constraint audit_mapping_id_fkey;
-- (before, after) by column; of a creation, before which there was nothing, what it wrote.
update audit set changes = (select coalesce(json_object_agg(key, value -> 1), '{}') from json_each(changes::json))
    where method = 'create';
