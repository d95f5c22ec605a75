//! `context`: the servers that somebody logged in to.

use serde::Serialize;

use super::{Context, Error, Outcome};
use crate::client::context::{Book, Error as ContextError, Saved};
use crate::domain::name::Name;
use crate::output::{Format, Show, Table};

/// The arguments of `context`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the contexts.
    List(ShowArgs),
    /// Use another context from now on.
    Use {
        /// Its name.
        name: Name,
    },
    /// Show a context. A token is never shown, only where it is.
    Show {
        /// Its name. Without it, the one in use.
        name: Option<Name>,
        #[command(flatten)]
        show: ShowArgs,
    },
    /// Forget a context, and the token that was kept for it. The server still knows the token: revoke it there.
    Delete {
        /// Its name.
        name: Name,
    },
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// How to print the result.
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

#[derive(Debug, Serialize)]
struct Row<'b> {
    name: &'b Name,
    current: bool,
    server: &'b str,
    project: Option<&'b str>,
    token: &'b str,
}

#[derive(Debug, Serialize)]
struct Rows<'b> {
    items: Vec<Row<'b>>,
}

impl<'b> Row<'b> {
    fn new((name, saved): (&'b Name, &'b Saved), book: &'b Book) -> Self {
        let current = book.contexts.current.as_ref() == Some(name);
        Self { name, current, server: &saved.server, project: saved.project.as_deref(), token: &saved.token }
    }
}

impl Show for Row<'_> {
    fn to_text(&self) -> String {
        let mut table = Table::of_properties();
        table.row(["name", self.name.as_str()]);
        table.row(["in use", if self.current { "yes" } else { "no" }]);
        table.row(["server", self.server]);
        table.row(["project", self.project.unwrap_or("-")]);
        table.row(["token", self.token]);
        table.to_string()
    }
}

impl Show for Rows<'_> {
    fn to_text(&self) -> String {
        let mut table = Table::new(&["", "NAME", "SERVER", "PROJECT"]);
        for row in &self.items {
            let mark = if row.current { "*" } else { "" };
            table.row([mark, row.name.as_str(), row.server, row.project.unwrap_or("-")]);
        }
        table.to_string()
    }
}

/// Runs `context`.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let mut book = Book::open(&context.config)?;
    match &args.verb {
        Verb::List(show) => {
            let items = book.contexts.contexts.iter().map(|saved| Row::new(saved, &book)).collect();
            context.console.show(&Rows { items }, show.output)?;
        }
        Verb::Use { name } => {
            book.use_context(name)?;
            context.console.note(format_args!("using context {name}"));
        }
        Verb::Show { name, show } => {
            let chosen = book.chosen(name.as_ref())?.ok_or(ContextError::NoneInUse)?;
            context.console.show(&Row::new(chosen, &book), show.output)?;
        }
        Verb::Delete { name } => {
            book.remove(name)?;
            context.console.note(format_args!("forgot context {name}"));
        }
    }
    Ok(Outcome::Done)
}
