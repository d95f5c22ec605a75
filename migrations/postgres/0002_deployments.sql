-- Deployments that reach data planes wave by wave, the pointers that say so, and what data planes say of themselves.

-- As it was before, it could only be asked for.
drop table deployments;

create table deployments (
    id           uuid primary key,
    team_id      uuid not null references teams (id),
    project_id   uuid not null references projects (id) on delete cascade,
    -- Counts the project's deployments, from 1.
    serial       bigint not null,
    kind         text not null check (kind in ('deploy', 'rollback')),
    started_by   text not null check (started_by in ('manual', 'ci', 'schedule', 'automatic')),
    artifact     bytea not null,
    selector     text not null,
    -- How it goes: strategy, promotion, gates, what follows a failure. JSON, as text in both databases.
    manner       text not null,
    message      text not null,
    author       text not null,
    -- The deployment that this one takes back. Not a reference: that one may be forgotten first.
    takes_back   uuid,
    state        text not null check (state in ('scheduled', 'in_progress', 'paused', 'succeeded', 'failed', 'aborted', 'rolled_back', 'superseded')),
    reason       text,
    -- Which wave has begun, from 1; 0 before the first.
    wave         bigint not null,
    -- Up to which wave somebody said that it shall go on.
    promoted     bigint not null,
    -- Counts the project's deployments as they start: of two that are for a data plane, the later one decides.
    precedence   bigint,
    -- The serial of its first pointer.
    pointer_serial bigint,
    wave_began_at bigint,
    -- Since when every data plane of the wave serves it.
    baking_since bigint,
    -- Whether its last wave has begun: whoever its selector chooses is to serve it.
    for_everyone boolean not null,
    -- Whether nobody is to serve it any more.
    is_withdrawn boolean not null,
    scheduled_for bigint,
    version      bigint not null,
    created_at   bigint not null,
    started_at   bigint,
    finished_at  bigint,
    updated_at   bigint not null,
    unique (project_id, serial),
    foreign key (project_id, artifact) references artifacts (project_id, digest)
);
create index deployments_to_do on deployments (scheduled_for) where state in ('scheduled', 'in_progress', 'paused');

-- Which data planes a deployment was let to before its last wave began, and in which wave; later, those it was seen with.
create table deployment_members (
    deployment_id uuid not null references deployments (id) on delete cascade,
    data_plane_id uuid not null references data_planes (id) on delete cascade,
    wave          bigint not null,
    joined_at     bigint not null,
    -- What its traffic with the artifact had come to by then.
    requests      bigint not null,
    server_errors bigint not null,
    p99_weight    bigint not null,
    primary key (deployment_id, data_plane_id)
);
create index deployment_members_by_data_plane on deployment_members (data_plane_id);

-- What happened to a deployment. Rows are added, and go with their deployment.
create table deployment_events (
    id            uuid primary key,
    deployment_id uuid not null references deployments (id) on delete cascade,
    at            bigint not null,
    kind          text not null,
    state         text not null,
    wave          bigint not null,
    reason        text,
    actor         text not null
);
create index deployment_events_by_deployment on deployment_events (deployment_id, id);

-- What became of a deployment on a data plane. Rows are added, and go with their deployment.
create table node_events (
    id             uuid primary key,
    deployment_id  uuid not null references deployments (id) on delete cascade,
    -- Not a reference: what happened outlives the data plane.
    data_plane_id  uuid not null,
    data_plane_name text not null,
    instance_id    uuid,
    at             bigint not null,
    outcome        text not null check (outcome in ('reached', 'active', 'rejected', 'rolled_back', 'drifted')),
    code           text,
    detail         text
);
create index node_events_by_deployment on node_events (deployment_id, id);
create index node_events_by_data_plane on node_events (data_plane_id, deployment_id, id);

-- The newest pointer of each deployment that was started and not withdrawn.
create table pointers (
    deployment_id uuid primary key references deployments (id) on delete cascade,
    project_id    uuid not null references projects (id) on delete cascade,
    serial        bigint not null,
    -- The key that signed it.
    key_id        bytea not null,
    document      text not null,
    issued_at     bigint not null,
    -- When half of its life is over, and the next one is due.
    renew_at      bigint not null,
    expires_at    bigint not null,
    unique (project_id, serial)
);
create index pointers_to_renew on pointers (renew_at);

-- What a project's data planes are to serve, as a whole: how often it changed, and the last pointer that was issued.
create table plans (
    project_id    uuid primary key references projects (id) on delete cascade,
    revision      bigint not null,
    last_serial   bigint not null,
    last_hash     bytea,
    changed_at    bigint not null
);
create index plans_by_change on plans (changed_at);

-- A data plane has seen a newer pointer than the one that it is to follow: the next one has to be newer still.
create table pointer_floors (
    deployment_id uuid primary key references deployments (id) on delete cascade,
    serial        bigint not null,
    -- When a pointer was last issued because of it, by the database's clock.
    followed_at   bigint
);

-- What was taken back, and is not to be deployed over by a pipeline.
create table pins (
    project_id    uuid not null references projects (id) on delete cascade,
    selector      text not null,
    deployment_id uuid not null,
    artifact      bytea not null,
    author        text not null,
    created_at    bigint not null,
    primary key (project_id, selector)
);

-- What the traffic of a data plane with an artifact has come to, over all its processes and since it was first seen.
create table data_plane_traffic (
    data_plane_id uuid not null references data_planes (id) on delete cascade,
    artifact      bytea not null,
    requests      bigint not null,
    server_errors bigint not null,
    -- Sum over all windows of requests times the 99th percentile, in microseconds.
    p99_weight    bigint not null,
    updated_at    bigint not null,
    -- In which five minutes that was, counted from 1970; what it had come to when they began; and when those before them did.
    period_number bigint not null default 0,
    period_requests bigint not null default 0,
    period_server_errors bigint not null default 0,
    period_p99_weight bigint not null default 0,
    earlier_requests bigint not null default 0,
    earlier_server_errors bigint not null default 0,
    earlier_p99_weight bigint not null default 0,
    primary key (data_plane_id, artifact)
);
