-- The control plane's state in PostgreSQL. Times are microseconds since 1970.

-- Teams own everything else; what belongs to one says so itself, so that no query needs to walk.
create table teams (
    id          uuid primary key,
    name        text not null unique,
    description text not null,
    version     bigint not null,
    created_at  bigint not null,
    updated_at  bigint not null
);

create table projects (
    id          uuid primary key,
    team_id     uuid not null references teams (id),
    name        text not null,
    description text not null,
    settings    jsonb not null,
    version     bigint not null,
    created_at  bigint not null,
    updated_at  bigint not null,
    unique (team_id, name)
);

create table specs (
    id          uuid primary key,
    team_id     uuid not null references teams (id),
    project_id  uuid not null references projects (id) on delete cascade,
    name        text not null,
    description text not null,
    -- The number of the newest revision.
    head        bigint not null,
    version     bigint not null,
    created_at  bigint not null,
    updated_at  bigint not null,
    unique (project_id, name)
);
create index specs_by_team on specs (team_id);
create index specs_by_project on specs (project_id, id);

-- What a spec said at some time. Never changed.
create table revisions (
    id          uuid primary key,
    team_id     uuid not null references teams (id),
    spec_id     uuid not null references specs (id) on delete cascade,
    number      bigint not null,
    -- SHA-256 over the paths and contents of its files.
    digest      bytea not null,
    -- Paths of the OpenAPI documents among its files.
    entries     jsonb not null,
    message     text not null,
    author      text not null,
    created_at  bigint not null,
    unique (spec_id, number)
);

-- The content of a file, once per team however many revisions have it.
create table documents (
    team_id     uuid not null references teams (id),
    digest      bytea not null,
    size        bigint not null,
    content     bytea not null,
    primary key (team_id, digest)
);

create table revision_files (
    revision_id uuid not null references revisions (id) on delete cascade,
    team_id     uuid not null,
    path        text not null,
    digest      bytea not null,
    primary key (revision_id, path),
    -- Checked when a transaction ends: documents that only a spec has go before it does.
    foreign key (team_id, digest) references documents (team_id, digest) deferrable initially deferred
);
create index revision_files_by_document on revision_files (team_id, digest);

create table artifacts (
    project_id  uuid not null references projects (id) on delete cascade,
    -- SHA-256 of the file.
    digest      bytea not null,
    -- For lists: later is greater.
    id          uuid not null unique,
    team_id     uuid not null references teams (id),
    size        bigint not null,
    -- Whose signatures it carries: key ids in hexadecimal.
    signed_by   jsonb not null,
    -- Null where it was uploaded.
    build_id    uuid,
    -- JSON, as text in both databases.
    summary     text not null,
    created_at  bigint not null,
    primary key (project_id, digest)
);
create index artifacts_by_digest on artifacts (digest);
create index artifacts_by_project on artifacts (project_id, id);
create index artifacts_by_build on artifacts (build_id);

-- Bytes of artifacts that somebody is about to name in a row, or to remove since no row does.
create table artifact_bytes (
    digest      bytea primary key,
    purpose     text not null check (purpose in ('keep', 'remove')),
    -- When it is over, whatever became of it.
    lease_until bigint not null
);

create table builds (
    id           uuid primary key,
    team_id      uuid not null references teams (id),
    project_id   uuid not null references projects (id) on delete cascade,
    spec_id      uuid not null references specs (id) on delete cascade,
    revision_id  uuid not null references revisions (id) on delete cascade,
    -- The revision's number.
    revision     bigint not null,
    environment  text,
    -- How to compile, as the project's settings said when the build was asked for.
    options      text not null,
    state        text not null check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    -- Counts claims: only the newest claim may finish a build.
    attempt      bigint not null,
    -- Counts claims whose lease ran out.
    deaths       bigint not null,
    claimed_by   text,
    lease_until  bigint,
    -- JSON, as text in both databases: what documents say may hold what jsonb does not.
    diagnostics  text,
    errors       bigint,
    warnings     bigint,
    log          text not null,
    failure      text,
    artifact     bytea,
    author       text not null,
    trace_parent text,
    created_at   bigint not null,
    started_at   bigint,
    finished_at  bigint
);
-- With the state, so that looking for those that run looks at no others.
create index builds_by_project on builds (project_id, id, state);
create index builds_by_spec on builds (spec_id, id);
create index builds_by_revision on builds (revision_id);
create index builds_to_do on builds (team_id, created_at) where state in ('queued', 'running');
create index builds_queued on builds (project_id) where state = 'queued';
-- When a team was last begun to be served.
create index builds_by_start on builds (team_id, started_at);
create index builds_by_end on builds (finished_at);

create table data_planes (
    id           uuid primary key,
    team_id      uuid not null references teams (id),
    project_id   uuid references projects (id) on delete cascade,
    name         text not null,
    kind         text not null check (kind in ('gateway', 'envoy')),
    gateway_host text,
    description  text not null,
    labels       jsonb not null,
    status       text not null check (status in ('online', 'offline', 'deploying')),
    artifact     bytea,
    -- JSON, as text in both databases: nobody looks into it, and none of them shall change a number in it.
    metadata     text not null,
    last_seen    bigint,
    connected_at bigint,
    version      bigint not null,
    created_at   bigint not null,
    updated_at   bigint not null,
    unique (team_id, name)
);
create index data_planes_by_team on data_planes (team_id, id);
create index data_planes_by_project on data_planes (project_id, id);

create table deployments (
    id           uuid primary key,
    team_id      uuid not null references teams (id),
    project_id   uuid not null references projects (id) on delete cascade,
    -- Counts the project's deployments, from 1.
    serial       bigint not null,
    artifact     bytea not null,
    selector     text not null,
    message      text not null,
    author       text not null,
    created_at   bigint not null,
    unique (project_id, serial),
    foreign key (project_id, artifact) references artifacts (project_id, digest)
);

create table api_keys (
    id           uuid primary key,
    team_id      uuid not null references teams (id),
    project_id   uuid not null references projects (id) on delete cascade,
    name         text not null,
    prefix       text not null,
    -- SHA-256 of the secret, which is shown once and kept nowhere.
    hash         bytea not null unique,
    -- The secret that was good before the last rotation, and until when it still is.
    previous_hash  bytea unique,
    previous_until bigint,
    scopes       jsonb not null,
    author       text not null,
    created_at   bigint not null,
    expires_at   bigint,
    last_used_at bigint,
    revoked_at   bigint
);
create index api_keys_by_project on api_keys (project_id, id);

create table tokens (
    id           uuid primary key,
    -- Null: of the whole installation.
    team_id      uuid references teams (id) on delete cascade,
    name         text not null,
    role         text not null check (role in ('admin', 'editor', 'viewer')),
    prefix       text not null,
    hash         bytea not null unique,
    -- The secret that was good before the last rotation, and until when it still is.
    previous_hash  bytea unique,
    previous_until bigint,
    scopes       jsonb not null,
    author       text not null,
    created_at   bigint not null,
    expires_at   bigint,
    last_used_at bigint,
    revoked_at   bigint
);
create index tokens_by_team on tokens (team_id, id);

create table signing_keys (
    id           uuid primary key,
    team_id      uuid not null references teams (id),
    project_id   uuid not null references projects (id) on delete cascade,
    name         text not null,
    kind         text not null check (kind in ('generated', 'imported', 'referenced', 'public')),
    -- 32 bytes in base64.
    public_key   text not null,
    -- SHA-256 of the public key.
    key_id       bytea not null,
    -- The private key under the master key; null where it is elsewhere.
    sealed       bytea,
    -- env://NAME or file:///path, where the private key is elsewhere.
    reference    text,
    -- The one that builds are signed with.
    is_active    boolean not null,
    author       text not null,
    created_at   bigint not null,
    retired_at   bigint,
    unique (project_id, key_id)
);
create unique index signing_keys_active on signing_keys (project_id) where is_active;

-- What names the master key that every private key is sealed under. One row.
create table master_key (
    is_only      boolean primary key check (is_only),
    id           bytea not null
);

-- Whom a project's gateways believe. Each version is signed by the one before it.
create table trust_roots (
    project_id   uuid not null references projects (id) on delete cascade,
    version      bigint not null,
    team_id      uuid not null references teams (id),
    document     jsonb not null,
    created_at   bigint not null,
    primary key (project_id, version)
);

-- Rows are added, and removed when they are too old. Nothing else.
create table audit_events (
    id           uuid primary key,
    at           bigint not null,
    -- Null: of the whole installation. Not a reference: an event outlives its team.
    team_id      uuid,
    project_id   uuid,
    actor_kind   text not null,
    actor_id     text,
    actor_name   text,
    action       text not null,
    target_kind  text,
    target_id    text,
    target_name  text,
    outcome      text not null check (outcome in ('success', 'failure')),
    -- The status and code of a refusal.
    status       bigint,
    code         text,
    request_id   text,
    address      text,
    detail       jsonb not null
);
-- Newest first, by one thing, and what else is often asked beside it: looked at in the index, not in a row for each of its entries.
create index audit_events_by_team on audit_events (team_id, id, outcome);
create index audit_events_by_actor on audit_events (actor_id, id, outcome, action);
create index audit_events_by_actor_name on audit_events (actor_name, id, outcome, action);
create index audit_events_by_action on audit_events (action, id, outcome);
create index audit_events_by_target on audit_events (target_id, id);
create index audit_events_by_project on audit_events (project_id, id, outcome);
create index audit_events_by_project_and_action on audit_events (project_id, action, id);
create index audit_events_by_outcome on audit_events (outcome, id);
-- The same for a team: what another one does often must not be in its way.
create index audit_events_by_team_and_actor on audit_events (team_id, actor_id, id, outcome, action);
create index audit_events_by_team_and_actor_name on audit_events (team_id, actor_name, id, outcome, action);
create index audit_events_by_team_and_action on audit_events (team_id, action, id, outcome);
create index audit_events_by_team_and_outcome on audit_events (team_id, outcome, id);
create index audit_events_by_request on audit_events (request_id, id);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'audit events are never changed';
end $$;
create trigger audit_events_are_never_changed before update or truncate on audit_events
    for each statement execute function refuse_change();

-- What a POST with an Idempotency-Key was answered, for a day.
create table idempotent_responses (
    principal    text not null,
    key          text not null,
    -- SHA-256 of method, path and body. Null while the first request is under way, as is what follows.
    request      bytea,
    status       bigint,
    headers      jsonb,
    body         bytea,
    -- Which attempt has it, and until when nobody else may: a control plane that died holds nothing for long.
    owner        uuid not null,
    lease_until  bigint not null,
    created_at   bigint not null,
    primary key (principal, key)
);
create index idempotent_responses_by_age on idempotent_responses (created_at);
