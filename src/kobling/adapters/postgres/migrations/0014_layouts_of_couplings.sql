-- The layout of a coupling may be taken away with all that is kept of a connection, while a process that is about to
-- write still knows it: that must fail, as nobody could read such a row once the mapping is edited.
alter table coupling add constraint coupling_layout_id_fkey foreign key (layout_id) references layout;
