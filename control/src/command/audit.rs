//! `audit`: what was done on a server, and what was refused.

use std::str::FromStr;

use clap::ValueEnum;
use jiff::Timestamp;

use super::asking::{AskingArgs, Columns};
use super::{Context, Error, Outcome};

/// The arguments of `audit`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Who: the id of a credential, or its name.
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// What, such as `project.create`.
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// To what: its id.
    #[arg(long, value_name = "ID")]
    target: Option<String>,
    /// In which project: its name or its id. Without it, in all, and outside of any.
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// How it ended.
    #[arg(long, value_enum, value_name = "OUTCOME")]
    outcome: Option<Ending>,
    /// Not before then: a time such as `2026-11-20T12:00:00Z`, or how long ago, such as `2h`.
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Before then: the same.
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// By which request: its `X-Request-Id`.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// How many events at most, the newest first.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), default_value = "100")]
    limit: u32,
    #[command(flatten)]
    asking: AskingArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Ending {
    /// It was done.
    Success,
    /// It was refused.
    Failure,
}

/// A time, or how long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct When(Timestamp);

impl FromStr for When {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(at) = text.parse() {
            return Ok(Self(at));
        }
        let ago = humantime::parse_duration(text)
            .map_err(|_| "a time such as 2026-11-20T12:00:00Z, or 2h for 2 hours ago")?;
        Timestamp::now().checked_sub(ago).map(Self).map_err(|_| "this is too long ago")
    }
}

const COLUMNS: Columns = &[
    ("AT", "/at"),
    ("ACTOR", "/actor/name"),
    ("ACTION", "/action"),
    ("TARGET", "/target/name"),
    ("OUTCOME", "/outcome"),
    ("CODE", "/code"),
    ("ADDRESS", "/address"),
    ("REQUEST", "/request_id"),
];

/// Runs `audit`.
pub fn run(args: &Args, context: &Context) -> Result<Outcome, Error> {
    let client = args.asking.open(context)?.client;
    let project = args.project.as_ref().map(|named| client.project(named)).transpose()?;
    let project = project.as_ref().map(|project| project.must("/id")).transpose()?;
    let outcome = args.outcome.and_then(|outcome| outcome.to_possible_value());
    let mut url = client.at(["audit"]);
    let said = [
        ("actor", args.actor.clone()),
        ("action", args.action.clone()),
        ("target", args.target.clone()),
        ("project", project.map(str::to_owned)),
        ("outcome", outcome.map(|outcome| outcome.get_name().to_owned())),
        ("since", args.since.map(|when| when.0.to_string())),
        ("until", args.until.map(|when| when.0.to_string())),
        ("request_id", args.request_id.clone()),
    ];
    url.query_pairs_mut().extend_pairs(said.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))));
    let limit = usize::try_from(args.limit).ok();
    args.asking.show_all(&client.list(&url, limit)?, COLUMNS, context.console)?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_one_or_how_long_ago() {
        let at = |text: &str| text.parse::<When>().map(|when| when.0);
        assert_eq!(at("2026-11-20T12:00:00Z").unwrap().to_string(), "2026-11-20T12:00:00Z");
        let ago = Timestamp::now().as_second() - at("2h").unwrap().as_second();
        assert!((7199..=7201).contains(&ago), "{ago}");
        assert!(at("yesterday").is_err());
    }
}
