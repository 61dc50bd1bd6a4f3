-- An entry lives for a second: packing a page of writes costs more than half of what the database does for it.
alter table intent alter column entries set storage external;
