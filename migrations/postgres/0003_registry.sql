-- Data planes that register themselves, and the processes that they are.

-- How a data plane is follows from its processes.
alter table data_planes drop column status;
alter table data_planes drop column artifact;
alter table data_planes drop column last_seen;
alter table data_planes drop column connected_at;
-- `labels` is both together: what it says of itself, and over that what was set by hand.
alter table data_planes add column said_labels jsonb not null default '{}';
alter table data_planes add column set_labels jsonb not null default '{}';
update data_planes set set_labels = labels;
-- Whether it came by itself, and may go by itself.
alter table data_planes add column is_registered boolean not null default false;
-- How often somebody asked that it connects anew.
alter table data_planes add column disconnects bigint not null default 0;

-- Control planes that hold data planes.
create table replicas (
    id           uuid primary key,
    started_at   bigint not null,
    -- When everything that it had heard was last written, by the database's clock.
    flushed_at   bigint not null
);

-- Processes of data planes, as they were last heard of. Two of one data plane are two rows.
create table processes (
    data_plane_id  uuid not null references data_planes (id) on delete cascade,
    -- The process's own choice: unique here within its data plane, and worth no more.
    instance_id    uuid not null,
    node_id        uuid not null,
    -- `away`: it has until `away_until` to come back, here or elsewhere.
    presence       text not null check (presence in ('connected', 'away', 'gone')),
    -- The control plane that holds it, while it is connected.
    replica_id     uuid,
    -- By the database's clock.
    away_until     bigint,
    version        text not null,
    labels         jsonb not null,
    address        text,
    running        bytea,
    wanted         bytea,
    -- Since when it serves something else than it is to serve.
    drift_since    bigint,
    -- Of those times, the last one that is in the history.
    drift_noted    bigint,
    pointer_serial bigint,
    root_version   bigint,
    phase          text not null,
    phase_name     text not null,
    -- Since when, or when it last said so again, by the database's clock.
    phase_at       bigint not null,
    -- JSON, as text in both databases.
    health         text,
    alarms         text not null,
    connected_at   bigint not null,
    last_seen      bigint not null,
    -- By the database's clock.
    created_at     bigint not null,
    primary key (data_plane_id, instance_id)
)
-- Each row is written anew every few seconds: with room on its page, and no index on what changes, nothing else is.
with (fillfactor = 50);
create index processes_by_replica on processes (replica_id) where replica_id is not null;
create index processes_away on processes (away_until) where presence = 'away';
