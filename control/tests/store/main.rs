//! One suite for every database: whatever is kept in SQLite is kept in PostgreSQL the same way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod api_keys;
mod artifacts;
mod audit;
mod backup;
mod bootstrap;
mod builds;
mod credentials;
mod data_planes;
mod deadlocks;
mod deployments;
mod fleet;
mod idempotency;
mod killed;
mod master_key;
mod migrations;
mod nodes;
mod objects;
mod pointers;
mod projects;
mod pushed;
mod registry;
mod replays;
mod replica;
mod rollouts;
mod signing_keys;
mod silent;
mod specs;
mod teams;
mod tokens;
mod upkeep;
mod ways_back;

use std::sync::Arc;

use control::config::Config;
use control::custody::{Keys, References};
use control::domain::access::{Identity, Reach, Role};
use control::domain::act::{Act, Actor};
use control::domain::id::{TeamId, TokenId};
use control::domain::project::{NewProject, Project, Settings};
use control::domain::store::{OfProject, Teams as _};
use control::domain::team::{NewTeam, Team};
use control::domain::token::{Fingerprint, Minted, NewToken};
use control::key::MasterKey;
use control::store::DatabaseStore;
use control::store::sql::{Database, Statement, sql};
use tests::postgres;

/// A store of its own, of either kind; its files and its database go when it is dropped.
struct Kept {
    store: DatabaseStore,
    keys: Keys,
    _folder: Option<tempfile::TempDir>,
    postgres: Option<postgres::Database>,
}

impl Kept {
    async fn in_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("control.db").display());
        let store = DatabaseStore::new(Database::open(&url, None).await.unwrap());
        Self { keys: keys_in(&store), store, _folder: Some(folder), postgres: None }
    }

    async fn in_postgres() -> Self {
        let database = postgres::Database::create().await;
        let store = DatabaseStore::new(Database::open(&database.url(), None).await.unwrap());
        Self { keys: keys_in(&store), store, _folder: None, postgres: Some(database) }
    }

    async fn team(&self, name: &str) -> Team {
        let new = NewTeam { name: name.parse().unwrap(), description: String::new() };
        self.store.create_team(&act(), new).await.unwrap()
    }

    /// A project with a signing key.
    async fn project(&self, team: &Team, name: &str) -> Project {
        let new = NewProject {
            team: None,
            name: name.parse().unwrap(),
            description: String::new(),
            settings: Settings::default(),
        };
        self.keys.found(&act(), team.id, new).await.unwrap()
    }

    /// Runs statements that no method has.
    async fn run(&self, statement: Statement) {
        let mut transaction = self.store.database().begin().await.unwrap();
        transaction.execute(statement).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// What the audit log says was done, oldest first.
    async fn audit(&self) -> Vec<String> {
        let rows = self.store.database().fetch_all(sql("select action from audit_events order by id")).await.unwrap();
        rows.iter().map(|row| row.get("action").unwrap()).collect()
    }
}

/// Keys under a master key of their own.
fn keys_in(store: &DatabaseStore) -> Keys {
    Keys::new(Arc::new(store.clone()), MasterKey::generate().unwrap(), no_references())
}

/// No key of this machine may be read.
fn no_references() -> References {
    References { allowed: Vec::new(), config: Config::from_environment() }
}

/// Somebody's doing.
fn act() -> Act {
    let identity = Identity::Token(TokenId::new());
    Act {
        actor: Actor::Credential { identity, name: "tester".into() },
        request: Some("request-1".into()),
        address: Some([127, 0, 0, 1].into()),
    }
}

/// What is kept of a secret whose SHA-256 is this byte, over and over.
fn fingerprint(byte: u8) -> Fingerprint {
    Fingerprint { prefix: format!("pct_{byte:08}"), hash: [byte; 32] }
}

/// Something with a secret of that kind.
fn minted<T>(what: T, byte: u8) -> Minted<T> {
    Minted { what, secret: fingerprint(byte) }
}

fn token_of(team: Option<TeamId>, role: Role) -> NewToken {
    NewToken { name: "ci".parse().unwrap(), team, role, scopes: None, expires_at: None }
}

/// Each function of a suite, once in SQLite and once in PostgreSQL.
#[macro_export]
macro_rules! in_both {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::Kept::in_sqlite().await).await;
            }
        )+}
        mod postgres {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test($crate::Kept::in_postgres().await).await;
            }
        )+}
    };
}

/// A project's things, for its own team.
fn of(project: &Project) -> OfProject {
    OfProject { reach: Reach::Team(project.team), project: project.id }
}

/// Reaches one team.
fn within(team: &Team) -> Reach {
    Reach::Team(team.id)
}
