//! What every command that asks a server has in common: whom it asks, and how it shows the answer.

use std::io::{self, BufRead as _, IsTerminal as _};

use serde::{Serialize, Serializer};

use super::{Context, Error};
use crate::client::thing::Rest;
use crate::client::{self, ConnectionArgs, List, Session, Thing};
use crate::output::{Console, Format, Show, Table};

/// Whom to ask, and how to show what they answer.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct AskingArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    /// How to print the result.
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

/// How many things of a list.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct LimitArgs {
    /// How many at most, the newest first. Without it, all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

/// Whether what cannot be taken back is meant.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct YesArgs {
    /// Do not ask whether it is meant. Off a terminal nobody is asked, and this must be said.
    #[arg(long, short)]
    yes: bool,
}

/// Names of columns or rows, and the JSON pointers to what stands in them.
pub(super) type Columns = &'static [(&'static str, &'static str)];

/// One thing, shown as a table of properties.
struct Record<'t> {
    thing: &'t Thing,
    rows: Columns,
}

/// Several things, shown as a table.
struct Records<'t> {
    list: &'t List,
    columns: Columns,
}

impl AskingArgs {
    /// Makes ready to ask.
    pub(super) fn open(&self, context: &Context) -> Result<Session, Error> {
        Ok(Session::open(&self.connection, &context.config)?)
    }

    /// How to print what is no answer of the server as it is.
    pub(super) fn output(&self) -> Option<Format> {
        self.output
    }

    /// Shows one thing.
    pub(super) fn show(&self, thing: &Thing, rows: Columns, console: Console) -> Result<(), Error> {
        Ok(console.show(&Record { thing, rows }, self.output)?)
    }

    /// Shows several.
    pub(super) fn show_all(&self, list: &List, columns: Columns, console: Console) -> Result<(), Error> {
        console.show(&Records { list, columns }, self.output)?;
        if list.rest == Rest::More {
            console.note("there are more: ask for them with a larger --limit");
        }
        Ok(())
    }
}

impl LimitArgs {
    /// The number.
    pub(super) fn number(self) -> Option<usize> {
        self.limit.and_then(|limit| usize::try_from(limit).ok())
    }
}

impl YesArgs {
    /// Asks on a terminal whether something is meant.
    ///
    /// # Errors
    /// It is not, or nobody can be asked.
    pub(super) fn confirm(self, what: &str, console: Console) -> Result<(), Error> {
        if self.yes {
            return Ok(());
        }
        let not_confirmed = || client::Error::NotConfirmed { what: what.to_owned() };
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(not_confirmed().into());
        }
        console.say(format_args!("{what}? Type `yes` to go on."));
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        if read.is_ok() && answer.trim().eq_ignore_ascii_case("yes") { Ok(()) } else { Err(not_confirmed().into()) }
    }
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.thing.serialize(serializer)
    }
}

impl Show for Record<'_> {
    fn to_text(&self) -> String {
        let mut table = Table::of_properties();
        for (name, pointer) in self.rows {
            table.row([name, self.thing.shown(pointer).as_str()]);
        }
        table.to_string()
    }
}

impl Serialize for Records<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.list.serialize(serializer)
    }
}

impl Show for Records<'_> {
    fn to_text(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        let mut table = Table::new(&names);
        for thing in &self.list.items {
            table.cells(self.columns.iter().map(|(_, pointer)| thing.shown(pointer)));
        }
        table.to_string()
    }
}
