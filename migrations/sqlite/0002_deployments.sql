-- Deployments that reach data planes wave by wave, the pointers that say so, and what data planes say of themselves.

-- As it was before, it could only be asked for.
drop table deployments;

create table deployments (
    id           text primary key,
    team_id      text not null references teams (id),
    project_id   text not null references projects (id) on delete cascade,
    -- Counts the project's deployments, from 1.
    serial       integer not null,
    kind         text not null check (kind in ('deploy', 'rollback')),
    started_by   text not null check (started_by in ('manual', 'ci', 'schedule', 'automatic')),
    artifact     blob not null,
    selector     text not null,
    -- How it goes: strategy, promotion, gates, what follows a failure. JSON, as text in both databases.
    manner       text not null,
    message      text not null,
    author       text not null,
    -- The deployment that this one takes back. Not a reference: that one may be forgotten first.
    takes_back   text,
    state        text not null check (state in ('scheduled', 'in_progress', 'paused', 'succeeded', 'failed', 'aborted', 'rolled_back', 'superseded')),
    reason       text,
    -- Which wave has begun, from 1; 0 before the first.
    wave         integer not null,
    -- Up to which wave somebody said that it shall go on.
    promoted     integer not null,
    -- Counts the project's deployments as they start: of two that are for a data plane, the later one decides.
    precedence   integer,
    -- The serial of its first pointer.
    pointer_serial integer,
    wave_began_at integer,
    -- Since when every data plane of the wave serves it.
    baking_since integer,
    -- Whether its last wave has begun: whoever its selector chooses is to serve it.
    for_everyone boolean not null,
    -- Whether nobody is to serve it any more.
    is_withdrawn boolean not null,
    scheduled_for integer,
    version      integer not null,
    created_at   integer not null,
    started_at   integer,
    finished_at  integer,
    updated_at   integer not null,
    unique (project_id, serial),
    foreign key (project_id, artifact) references artifacts (project_id, digest)
);
create index deployments_to_do on deployments (scheduled_for) where state in ('scheduled', 'in_progress', 'paused');

-- Which data planes a deployment was let to before its last wave began, and in which wave; later, those it was seen with.
create table deployment_members (
    deployment_id text not null references deployments (id) on delete cascade,
    data_plane_id text not null references data_planes (id) on delete cascade,
    wave          integer not null,
    joined_at     integer not null,
    -- What its traffic with the artifact had come to by then.
    requests      integer not null,
    server_errors integer not null,
    p99_weight    integer not null,
    primary key (deployment_id, data_plane_id)
);
create index deployment_members_by_data_plane on deployment_members (data_plane_id);

-- What happened to a deployment. Rows are added, and go with their deployment.
create table deployment_events (
    id            text primary key,
    deployment_id text not null references deployments (id) on delete cascade,
    at            integer not null,
    kind          text not null,
    state         text not null,
    wave          integer not null,
    reason        text,
    actor         text not null
);
create index deployment_events_by_deployment on deployment_events (deployment_id, id);

-- What became of a deployment on a data plane. Rows are added, and go with their deployment.
create table node_events (
    id             text primary key,
    deployment_id  text not null references deployments (id) on delete cascade,
    -- Not a reference: what happened outlives the data plane.
    data_plane_id  text not null,
    data_plane_name text not null,
    instance_id    text,
    at             integer not null,
    outcome        text not null check (outcome in ('reached', 'active', 'rejected', 'rolled_back', 'drifted')),
    code           text,
    detail         text
);
create index node_events_by_deployment on node_events (deployment_id, id);
create index node_events_by_data_plane on node_events (data_plane_id, deployment_id, id);

-- The newest pointer of each deployment that was started and not withdrawn.
create table pointers (
    deployment_id text primary key references deployments (id) on delete cascade,
    project_id    text not null references projects (id) on delete cascade,
    serial        integer not null,
    -- The key that signed it.
    key_id        blob not null,
    document      text not null,
    issued_at     integer not null,
    -- When half of its life is over, and the next one is due.
    renew_at      integer not null,
    expires_at    integer not null,
    unique (project_id, serial)
);
create index pointers_to_renew on pointers (renew_at);

-- What a project's data planes are to serve, as a whole: how often it changed, and the last pointer that was issued.
create table plans (
    project_id    text primary key references projects (id) on delete cascade,
    revision      integer not null,
    last_serial   integer not null,
    last_hash     blob,
    changed_at    integer not null
);
create index plans_by_change on plans (changed_at);

-- A data plane has seen a newer pointer than the one that it is to follow: the next one has to be newer still.
create table pointer_floors (
    deployment_id text primary key references deployments (id) on delete cascade,
    serial        integer not null,
    -- When a pointer was last issued because of it, by the database's clock.
    followed_at   integer
);

-- What was taken back, and is not to be deployed over by a pipeline.
create table pins (
    project_id    text not null references projects (id) on delete cascade,
    selector      text not null,
    deployment_id text not null,
    artifact      blob not null,
    author        text not null,
    created_at    integer not null,
    primary key (project_id, selector)
);

-- What the traffic of a data plane with an artifact has come to, over all its processes and since it was first seen.
create table data_plane_traffic (
    data_plane_id text not null references data_planes (id) on delete cascade,
    artifact      blob not null,
    requests      integer not null,
    server_errors integer not null,
    -- Sum over all windows of requests times the 99th percentile, in microseconds.
    p99_weight    integer not null,
    updated_at    integer not null,
    -- In which five minutes that was, counted from 1970; what it had come to when they began; and when those before them did.
    period_number integer not null default 0,
    period_requests integer not null default 0,
    period_server_errors integer not null default 0,
    period_p99_weight integer not null default 0,
    earlier_requests integer not null default 0,
    earlier_server_errors integer not null default 0,
    earlier_p99_weight integer not null default 0,
    primary key (data_plane_id, artifact)
);
