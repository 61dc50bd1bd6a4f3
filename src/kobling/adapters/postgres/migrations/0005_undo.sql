-- The version that a write left the record in: who still finds it there knows that nobody has touched it since.
alter table audit add column version text not null default '';
-- The job by which the creation made of this record was undone: until a person says otherwise, none is made again.
alter table generation add column left_out_by bigint;
