-- What look-ups know a pair by where the number of the left record does not tell it apart from others.
alter table coupling add column left_key text not null default '';
create index coupling_key on coupling (left_key, mapping_id) where left_key <> '';
