//! Every table, as backups know it. Tests hold this list to the schema of both databases: whoever adds a table or a column
//! in `migrations/` says here what a backup does with it.

use crate::domain::backup::{Column, Held, Kind, Secrecy, Table};

/// The tables, those that others refer to first. A backup has them in this order, so those that are here keep theirs.
pub static TABLES: &[Table] = &[
    TEAMS,
    PROJECTS,
    SPECS,
    REVISIONS,
    DOCUMENTS,
    REVISION_FILES,
    ARTIFACTS,
    BUILDS,
    DATA_PLANES,
    DATA_PLANE_TRAFFIC,
    DEPLOYMENTS,
    DEPLOYMENT_MEMBERS,
    DEPLOYMENT_EVENTS,
    NODE_EVENTS,
    PLANS,
    POINTERS,
    POINTER_FLOORS,
    PINS,
    API_KEYS,
    TOKENS,
    SIGNING_KEYS,
    TRUST_ROOTS,
    AUDIT_EVENTS,
    IDEMPOTENT_RESPONSES,
    INSTALLATION,
];

/// What no backup holds: the id of the master key, which every installation has its own of, leases, and who is connected,
/// which data planes say again.
pub const LEFT_OUT: &[&str] = &["artifact_bytes", "master_key", "processes", "replicas"];

/// The oldest schema whose rows mean today what they meant then. Columns and tables that it did not have are left to the
/// database's defaults. A migration that drops one of them, or changes what is in a row, raises it.
pub const OLDEST_SCHEMA: i64 = 3;

/// Where the digests of artifacts stand, whose bytes are in the backup.
pub const ARTIFACTS_TABLE: &str = "artifacts";

const fn column(name: &'static str, kind: Kind, secrecy: Secrecy) -> Column {
    Column { name, kind, secrecy }
}

const fn bool(name: &'static str) -> Column {
    column(name, Kind::Bool, Secrecy::Open)
}

const fn int(name: &'static str) -> Column {
    column(name, Kind::Int, Secrecy::Open)
}

const fn text(name: &'static str) -> Column {
    column(name, Kind::Text, Secrecy::Open)
}

const fn uuid(name: &'static str) -> Column {
    column(name, Kind::Uuid, Secrecy::Open)
}

const fn bytes(name: &'static str) -> Column {
    column(name, Kind::Bytes, Secrecy::Open)
}

const fn json(name: &'static str) -> Column {
    column(name, Kind::Json, Secrecy::Open)
}

/// SHA-256 of a secret.
const fn hash(name: &'static str) -> Column {
    column(name, Kind::Bytes, Secrecy::Hash)
}

const fn table(name: &'static str, order: &'static str, columns: &'static [Column]) -> Table {
    Table { name, order, held: Held::Always, columns }
}

const fn secret_table(name: &'static str, order: &'static str, columns: &'static [Column]) -> Table {
    Table { name, order, held: Held::WithSecrets, columns }
}

const TEAMS: Table = table(
    "teams",
    "id",
    &[uuid("id"), text("name"), text("description"), int("version"), int("created_at"), int("updated_at")],
);

const PROJECTS: Table = table(
    "projects",
    "id",
    &[
        uuid("id"),
        uuid("team_id"),
        text("name"),
        text("description"),
        json("settings"),
        int("version"),
        int("created_at"),
        int("updated_at"),
    ],
);

const SPECS: Table = table(
    "specs",
    "id",
    &[
        uuid("id"),
        uuid("team_id"),
        uuid("project_id"),
        text("name"),
        text("description"),
        int("head"),
        int("version"),
        int("created_at"),
        int("updated_at"),
    ],
);

const REVISIONS: Table = table(
    "revisions",
    "id",
    &[
        uuid("id"),
        uuid("team_id"),
        uuid("spec_id"),
        int("number"),
        bytes("digest"),
        json("entries"),
        text("message"),
        text("author"),
        int("created_at"),
    ],
);

const DOCUMENTS: Table =
    table("documents", "team_id, digest", &[uuid("team_id"), bytes("digest"), int("size"), bytes("content")]);

const REVISION_FILES: Table = table(
    "revision_files",
    "revision_id, path",
    &[uuid("revision_id"), uuid("team_id"), text("path"), bytes("digest")],
);

const ARTIFACTS: Table = table(
    "artifacts",
    "project_id, digest",
    &[
        uuid("project_id"),
        bytes("digest"),
        uuid("id"),
        uuid("team_id"),
        int("size"),
        json("signed_by"),
        uuid("build_id"),
        text("summary"),
        int("created_at"),
    ],
);

const BUILDS: Table = table(
    "builds",
    "id",
    &[
        uuid("id"),
        uuid("team_id"),
        uuid("project_id"),
        uuid("spec_id"),
        uuid("revision_id"),
        int("revision"),
        text("environment"),
        text("options"),
        text("state"),
        int("attempt"),
        int("deaths"),
        text("claimed_by"),
        int("lease_until"),
        text("diagnostics"),
        int("errors"),
        int("warnings"),
        text("log"),
        text("failure"),
        bytes("artifact"),
        text("author"),
        text("trace_parent"),
        int("created_at"),
        int("started_at"),
        int("finished_at"),
    ],
);

const DATA_PLANES: Table = table(
    "data_planes",
    "id",
    &[
        uuid("id"),
        uuid("team_id"),
        uuid("project_id"),
        text("name"),
        text("kind"),
        text("gateway_host"),
        text("description"),
        json("labels"),
        text("metadata"),
        int("version"),
        int("created_at"),
        int("updated_at"),
        json("said_labels"),
        json("set_labels"),
        bool("is_registered"),
        int("disconnects"),
    ],
);

const DATA_PLANE_TRAFFIC: Table = table(
    "data_plane_traffic",
    "data_plane_id, artifact",
    &[
        uuid("data_plane_id"),
        bytes("artifact"),
        int("requests"),
        int("server_errors"),
        int("p99_weight"),
        int("updated_at"),
        int("period_number"),
        int("period_requests"),
        int("period_server_errors"),
        int("period_p99_weight"),
        int("earlier_requests"),
        int("earlier_server_errors"),
        int("earlier_p99_weight"),
    ],
);

const DEPLOYMENTS: Table = table(
    "deployments",
    "id",
    &[
        uuid("id"),
        uuid("team_id"),
        uuid("project_id"),
        int("serial"),
        text("kind"),
        text("started_by"),
        bytes("artifact"),
        text("selector"),
        text("manner"),
        text("message"),
        text("author"),
        uuid("takes_back"),
        text("state"),
        text("reason"),
        int("wave"),
        int("promoted"),
        int("precedence"),
        int("pointer_serial"),
        int("wave_began_at"),
        int("baking_since"),
        bool("for_everyone"),
        bool("is_withdrawn"),
        int("scheduled_for"),
        int("version"),
        int("created_at"),
        int("started_at"),
        int("finished_at"),
        int("updated_at"),
    ],
);

const DEPLOYMENT_MEMBERS: Table = table(
    "deployment_members",
    "deployment_id, data_plane_id",
    &[
        uuid("deployment_id"),
        uuid("data_plane_id"),
        int("wave"),
        int("joined_at"),
        int("requests"),
        int("server_errors"),
        int("p99_weight"),
    ],
);

const DEPLOYMENT_EVENTS: Table = table(
    "deployment_events",
    "id",
    &[
        uuid("id"),
        uuid("deployment_id"),
        int("at"),
        text("kind"),
        text("state"),
        int("wave"),
        text("reason"),
        text("actor"),
    ],
);

const NODE_EVENTS: Table = table(
    "node_events",
    "id",
    &[
        uuid("id"),
        uuid("deployment_id"),
        uuid("data_plane_id"),
        text("data_plane_name"),
        uuid("instance_id"),
        int("at"),
        text("outcome"),
        text("code"),
        text("detail"),
    ],
);

/// Data planes take no pointer that is older than one that they took: without the last serial nobody would follow.
const PLANS: Table = table(
    "plans",
    "project_id",
    &[uuid("project_id"), int("revision"), int("last_serial"), bytes("last_hash"), int("changed_at")],
);

const POINTERS: Table = table(
    "pointers",
    "deployment_id",
    &[
        uuid("deployment_id"),
        uuid("project_id"),
        int("serial"),
        bytes("key_id"),
        text("document"),
        int("issued_at"),
        int("renew_at"),
        int("expires_at"),
    ],
);

const POINTER_FLOORS: Table =
    table("pointer_floors", "deployment_id", &[uuid("deployment_id"), int("serial"), int("followed_at")]);

const PINS: Table = table(
    "pins",
    "project_id, selector",
    &[
        uuid("project_id"),
        text("selector"),
        uuid("deployment_id"),
        bytes("artifact"),
        text("author"),
        int("created_at"),
    ],
);

const API_KEYS: Table = secret_table(
    "api_keys",
    "id",
    &[
        uuid("id"),
        uuid("team_id"),
        uuid("project_id"),
        text("name"),
        text("prefix"),
        hash("hash"),
        hash("previous_hash"),
        int("previous_until"),
        json("scopes"),
        text("author"),
        int("created_at"),
        int("expires_at"),
        int("last_used_at"),
        int("revoked_at"),
    ],
);

const TOKENS: Table = secret_table(
    "tokens",
    "id",
    &[
        uuid("id"),
        uuid("team_id"),
        text("name"),
        text("role"),
        text("prefix"),
        hash("hash"),
        hash("previous_hash"),
        int("previous_until"),
        json("scopes"),
        text("author"),
        int("created_at"),
        int("expires_at"),
        int("last_used_at"),
        int("revoked_at"),
    ],
);

const SIGNING_KEYS: Table = table(
    "signing_keys",
    "id",
    &[
        uuid("id"),
        uuid("team_id"),
        uuid("project_id"),
        text("name"),
        text("kind"),
        text("public_key"),
        bytes("key_id"),
        column("sealed", Kind::Bytes, Secrecy::PrivateKey),
        text("reference"),
        bool("is_active"),
        text("author"),
        int("created_at"),
        int("retired_at"),
    ],
);

const TRUST_ROOTS: Table = table(
    "trust_roots",
    "project_id, version",
    &[uuid("project_id"), int("version"), uuid("team_id"), json("document"), int("created_at")],
);

const AUDIT_EVENTS: Table = table(
    "audit_events",
    "id",
    &[
        uuid("id"),
        int("at"),
        uuid("team_id"),
        uuid("project_id"),
        text("actor_kind"),
        text("actor_id"),
        text("actor_name"),
        text("action"),
        text("target_kind"),
        text("target_id"),
        text("target_name"),
        text("outcome"),
        int("status"),
        text("code"),
        text("request_id"),
        text("address"),
        json("detail"),
    ],
);

/// What the store of artifacts is held to.
const INSTALLATION: Table = table("installation", "id", &[bool("is_only"), uuid("id")]);

/// Answers to those who show a credential again.
const IDEMPOTENT_RESPONSES: Table = secret_table(
    "idempotent_responses",
    "principal, key",
    &[
        text("principal"),
        text("key"),
        bytes("request"),
        int("status"),
        json("headers"),
        bytes("body"),
        uuid("owner"),
        int("lease_until"),
        int("created_at"),
    ],
);
