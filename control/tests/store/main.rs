//! One suite for every database: whatever is kept in SQLite is kept in PostgreSQL the same way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod api_keys;
mod audit;
mod credentials;
mod idempotency;
mod projects;
mod replica;
mod teams;
mod tokens;

use control::domain::access::{Identity, Reach, Role};
use control::domain::act::{Act, Actor};
use control::domain::id::{TeamId, TokenId};
use control::domain::store::Teams as _;
use control::domain::team::{NewTeam, Team};
use control::domain::token::{Fingerprint, NewToken};
use control::store::DatabaseStore;
use control::store::sql::{Database, sql};
use tests::postgres;

/// A store of its own, of either kind; its files and its database go when it is dropped.
struct Kept {
    store: DatabaseStore,
    _folder: Option<tempfile::TempDir>,
    _database: Option<postgres::Database>,
}

impl Kept {
    async fn in_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("control.db").display());
        let store = DatabaseStore::new(Database::open(&url, None).await.unwrap());
        Self { store, _folder: Some(folder), _database: None }
    }

    async fn in_postgres() -> Self {
        let database = postgres::Database::create().await;
        let store = DatabaseStore::new(Database::open(&database.url(), None).await.unwrap());
        Self { store, _folder: None, _database: Some(database) }
    }

    async fn team(&self, name: &str) -> Team {
        let new = NewTeam { name: name.parse().unwrap(), description: String::new() };
        self.store.create_team(&act(), new).await.unwrap()
    }

    /// What the audit log says was done, oldest first.
    async fn audit(&self) -> Vec<String> {
        let rows = self.store.database().fetch_all(sql("select action from audit_events order by id")).await.unwrap();
        rows.iter().map(|row| row.get("action").unwrap()).collect()
    }
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

/// Reaches one team.
fn within(team: &Team) -> Reach {
    Reach::Team(team.id)
}
