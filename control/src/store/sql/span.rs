//! What a collector of traces is told of a statement, by the
//! [conventions of OpenTelemetry](https://opentelemetry.io/docs/specs/semconv/db/database-spans/): what it does to which
//! tables, never a value.
//!
//! There is a span where there is one around it, of a request or a build, and where somebody collects them: these are the
//! only spans of level `DEBUG`, which telemetry lets pass with a collector only. Without one, a statement costs one look
//! at whether it is so.

use tracing::field::Empty;
use tracing::{Instrument as _, Level, Span};

use super::{Dialect, Error, Statement};

/// Words before the name of a table.
const BEFORE_TABLES: [&str; 3] = ["from", "join", "into"];

/// The span of a statement.
pub(super) fn of(dialect: Dialect, statement: &Statement) -> Span {
    if !is_wanted() {
        return Span::none();
    }
    let Summary { operation, tables } = Summary::of(statement.text());
    let text = [&[operation.as_str()][..], &tables].concat().join(" ");
    make(dialect, &operation, (&text, if let [only] = tables[..] { Some(only) } else { None }))
}

/// The span of what has no statement of ours: the beginning and the end of a transaction.
pub(super) fn named(dialect: Dialect, operation: &'static str) -> Span {
    if is_wanted() { make(dialect, operation, (operation, None)) } else { Span::none() }
}

/// In this order: whoever asks whether a span is wanted has to make it then. What was asked stays with the thread, and
/// would be taken for the answer about the next span.
fn is_wanted() -> bool {
    !Span::current().is_none() && tracing::span_enabled!(Level::DEBUG)
}

fn make(dialect: Dialect, operation: &str, (summary, table): (&str, Option<&str>)) -> Span {
    let system = match dialect {
        Dialect::Sqlite => "sqlite",
        Dialect::Postgres => "postgresql",
    };
    tracing::debug_span!(
        "statement",
        otel.name = summary,
        otel.kind = "client",
        otel.status_code = Empty,
        db.system.name = system,
        db.operation.name = operation,
        db.collection.name = table,
        db.query.summary = summary,
        db.response.status_code = Empty,
        "error.type" = Empty,
    )
}

/// Does something within its span, which says whether it failed, and never in whose words.
pub(super) async fn within<T>(span: Span, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let ended = work.instrument(span.clone()).await;
    if let Err(error) = &ended {
        let code = error.code();
        span.record("otel.status_code", "ERROR");
        span.record("db.response.status_code", code.as_deref());
        span.record("error.type", code.as_deref().unwrap_or("_OTHER"));
    }
    ended
}

/// What a statement does, and to which tables, in the order in which it names them.
#[derive(Debug, PartialEq, Eq)]
struct Summary<'t> {
    operation: String,
    tables: Vec<&'t str>,
}

impl<'t> Summary<'t> {
    fn of(text: &'t str) -> Self {
        let mut words = text.split_whitespace();
        let operation = words.next().unwrap_or_default().to_ascii_uppercase();
        let mut tables = Vec::new();
        // `update`, further on, is what `for` or `do` says.
        let mut is_table = operation == "UPDATE";
        for word in words {
            let name = word.trim_end_matches([',', ')', ';']);
            if is_table && is_name(name) && !tables.contains(&name) {
                tables.push(name);
            }
            is_table = BEFORE_TABLES.contains(&word);
        }
        Self { operation, tables }
    }
}

/// Tables have no dot and no digit; what else follows `from` is a function, a column or a value.
fn is_name(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, operation: &str, tables: &[&str]) {
        let expected = Summary { operation: operation.to_owned(), tables: tables.to_vec() };
        assert_eq!(Summary::of(text), expected, "{text}");
    }

    #[test]
    fn a_statement_is_named_by_what_it_does_to_which_tables() {
        check("select * from builds where id = $1 for update skip locked", "SELECT", &["builds"]);
        check("insert into teams (id) values ($1) on conflict do update set id = $1", "INSERT", &["teams"]);
        check("delete from idempotency_keys where expires_at < $1", "DELETE", &["idempotency_keys"]);
        check("update builds set a = $1 where id in (select id from builds limit 1)", "UPDATE", &["builds"]);
        check(
            "select a from specs join projects on b = c where d in (select e from teams)",
            "SELECT",
            &["specs", "projects", "teams"],
        );
        check("select cast(extract(epoch from clock_timestamp()) as bigint)", "SELECT", &[]);
        check("select 1 where a is distinct from $1", "SELECT", &[]);
        check("select 1 from (select 1 from tokens) t", "SELECT", &["tokens"]);
        check("BEGIN", "BEGIN", &[]);
    }
}
