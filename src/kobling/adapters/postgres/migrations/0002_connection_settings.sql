-- What a person set of a connection as a whole, by name; what is not in it stands as shipped.
alter table connection add column settings jsonb not null default '{}';
