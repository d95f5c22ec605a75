-- Which installation this database is of. The store of artifacts names the same one, so that nobody sweeps another's.
create table installation (
    is_only boolean primary key check (is_only),
    id      uuid not null
);
