-- Two connections of one company and one organization would make every record twice.
create unique index connection_joins_once on connection (left_identity, right_identity)
    where left_identity <> '' and right_identity <> '';
