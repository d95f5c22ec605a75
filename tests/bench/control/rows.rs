//! Rows that would take too long to be made through the API, as statements that both databases read.
//!
//! Nothing is random: every run has the same rows, but for their times and the ids of what was made through the API.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Seek as _, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::place::{Kind, hex};

/// How many rows a statement has.
const ROWS: usize = 250;
/// How far back the rows go.
const PAST: Duration = Duration::from_hours(90 * 24);

/// Numbers that look as if they had no order (`SplitMix64`).
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new() -> Self {
        Self(7)
    }

    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to before `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }

    /// One of them; most often one of the first.
    pub(super) fn favourite<'t, T>(&mut self, things: &'t [T]) -> &'t T {
        let place = self.below(things.len()).min(self.below(things.len()));
        &things[place.min(self.below(things.len()))]
    }

    /// One of them.
    pub(super) fn any<'t, T>(&mut self, things: &'t [T]) -> &'t T {
        &things[self.below(things.len())]
    }

    fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&self.roll().to_le_bytes()));
        bytes
    }

    /// A UUID of version 7 of this time.
    fn id(&mut self, microseconds: u64) -> String {
        let (time, random) = (microseconds / 1000, self.roll());
        let sub = ((microseconds % 1000) * 4096 / 1000) as u16;
        format!(
            "{:08x}-{:04x}-7{sub:03x}-{:04x}-{:012x}",
            time >> 16,
            time & 0xffff,
            0x8000 | (random >> 50),
            random & 0xffff_ffff_ffff
        )
    }
}

/// A file of statements that grows.
#[derive(Debug)]
pub(super) struct Statements {
    kind: Kind,
    dice: Dice,
    file: BufWriter<File>,
    /// The time of the first row, in microseconds since 1970.
    begin: u64,
}

/// What events are about.
#[derive(Debug)]
pub(super) struct Cast {
    /// Each with its projects, and each of them with its specs.
    pub(super) teams: Vec<Team>,
    /// Ids of tokens.
    pub(super) actors: Vec<String>,
}

/// One team's things.
#[derive(Debug)]
pub(super) struct Team {
    pub(super) id: String,
    pub(super) projects: Vec<Project>,
}

/// One project's things.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) id: String,
    pub(super) specs: Vec<String>,
}

/// Of a hundred events, how many have which action; `RARE` come instead of one in ten thousand.
const ACTIONS: [(&str, &str, usize); 8] = [
    ("build.create", "build", 26),
    ("build.succeed", "build", 22),
    ("spec.revise", "spec", 20),
    ("deployment.create", "deployment", 10),
    ("data-plane.update", "data plane", 10),
    ("build.fail", "build", 6),
    ("artifact.push", "artifact", 4),
    ("request.refuse", "", 2),
];
const RARE: [&str; 3] = ["signing-key.rotate", "api-key.revoke", "token.rotate"];

impl Statements {
    pub(super) fn new(kind: Kind) -> Self {
        let file = BufWriter::new(tempfile::tempfile().expect("a temporary file"));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("later than 1970");
        let begin = now.saturating_sub(PAST).as_micros() as u64;
        let mut statements = Self { kind, dice: Dice::new(), file, begin };
        if kind == Kind::Sqlite {
            statements.say("begin;\n");
        }
        statements
    }

    /// The file, from its beginning.
    pub(super) fn finish(mut self) -> File {
        let end = match self.kind {
            Kind::Sqlite => "commit; analyze;\n",
            // As autovacuum does after so many rows.
            Kind::Postgres => "analyze;\n",
        };
        self.say(end);
        let mut file = self.file.into_inner().expect("room for statements");
        file.rewind().expect("a file");
        file
    }

    /// So many events, as evenly as they come in the time until now.
    pub(super) fn events(&mut self, count: usize, cast: &Cast) {
        let step = PAST.as_micros() as u64 / count as u64;
        for first in (0..count).step_by(ROWS) {
            let mut text = String::from(
                "insert into audit_events (id, at, team_id, project_id, actor_kind, actor_id, actor_name, action, \
                 target_kind, target_id, target_name, outcome, status, code, request_id, address, detail) values\n",
            );
            for number in first..(first + ROWS).min(count) {
                let separator = if number == first { "" } else { ",\n" };
                write!(text, "{separator}{}", self.event(self.begin + step * number as u64, cast)).expect("a string");
            }
            self.say(&text);
            self.say(";\n");
        }
    }

    fn event(&mut self, at: u64, cast: &Cast) -> String {
        let dice = &mut self.dice;
        let team = dice.favourite(&cast.teams);
        let project = dice.favourite(&team.projects);
        let spec = dice.favourite(&project.specs);
        let actor = dice.favourite(&cast.actors);
        let mut share = dice.below(100);
        let usual = ACTIONS.iter().find(|(_, _, percent)| {
            let is_it = share < *percent;
            share = share.saturating_sub(*percent);
            is_it
        });
        let (mut action, noun, _) = *usual.expect("they are a hundred");
        if dice.below(10_000) == 0 {
            action = *dice.any(&RARE);
        }
        let (id, request) = (dice.id(at), dice.id(at));
        let target = if noun == "spec" { spec.clone() } else { dice.id(at) };
        let is_refused = noun.is_empty();
        let target = if is_refused { "null, null, null".to_owned() } else { format!("'{noun}', '{target}', 'orders'") };
        let outcome = if is_refused { "'failure', 403, 'forbidden'" } else { "'success', null, null" };
        let detail = format!(r#"{{"spec": "{spec}", "revision": {}, "environment": null}}"#, dice.below(40));
        let project = if is_refused { "null".to_owned() } else { format!("'{}'", project.id) };
        format!(
            "('{id}', {at}, '{}', {project}, 'token', '{actor}', 'pipeline-{}', '{action}', {target}, {outcome}, \
             '{request}', '10.1.{}.{}', '{detail}')",
            team.id,
            &actor[actor.len() - 4..],
            dice.below(256),
            dice.below(256),
        )
    }

    /// So many copies of a build, each of one of these specs. One in twenty has failed.
    pub(super) fn builds(&mut self, count: usize, (build, specs): (&str, &[String])) -> Vec<String> {
        let step = PAST.as_micros() as u64 / count as u64;
        let ids: Vec<String> = (0..count).map(|number| self.dice.id(self.begin + step * number as u64)).collect();
        for (number, id) in ids.iter().enumerate() {
            let at = self.begin + step * number as u64;
            let spec = self.dice.any(specs);
            let state = if number % 20 == 7 { "'failed', null" } else { "'succeeded', artifact" };
            self.say(&format!(
                "insert into builds (id, team_id, project_id, spec_id, revision_id, revision, environment, options, \
                 state, artifact, attempt, deaths, diagnostics, errors, warnings, log, failure, author, created_at, \
                 started_at, finished_at) select '{id}', team_id, project_id, '{spec}', \
                 (select id from revisions where spec_id = '{spec}' and number = 1), revision, environment, options, \
                 {state}, attempt, deaths, diagnostics, errors, warnings, log, failure, author, {at}, {at}, {at} \
                 from builds where id = '{build}';\n"
            ));
        }
        ids
    }

    /// So many copies of the artifact of a build, each with a name that no bytes have.
    pub(super) fn artifacts(&mut self, count: usize, build: &str) -> Vec<String> {
        let step = PAST.as_micros() as u64 / count as u64;
        let mut names = Vec::new();
        for number in 0..count {
            let (at, digest) = (self.begin + step * number as u64, self.dice.bytes());
            let id = self.dice.id(at);
            let bytes = self.kind.bytes(&digest);
            self.say(&format!(
                "insert into artifacts (project_id, digest, id, team_id, size, signed_by, build_id, summary, \
                 created_at) select project_id, {bytes}, '{id}', team_id, size, signed_by, build_id, summary, {at} \
                 from artifacts where build_id = '{build}' limit 1;\n"
            ));
            names.push(hex(&digest));
        }
        names
    }

    /// So many copies of a data plane, and of a token.
    pub(super) fn planes_and_tokens(&mut self, count: usize, (plane, token): (&str, &str)) {
        for number in 0..count {
            let (at, hash) = (self.begin + number as u64 * 1000, self.dice.bytes());
            let (id, other, hash) = (self.dice.id(at), self.dice.id(at), self.kind.bytes(&hash));
            self.say(&format!(
                "insert into data_planes (id, team_id, project_id, name, kind, gateway_host, description, labels, \
                 status, artifact, metadata, version, created_at, updated_at) select '{id}', team_id, project_id, \
                 'gateway-{number}', kind, gateway_host, description, labels, status, artifact, metadata, version, \
                 {at}, {at} from data_planes where id = '{plane}';\n\
                 insert into tokens (id, team_id, name, role, prefix, hash, scopes, author, created_at) \
                 select '{other}', team_id, 'pipeline-{number}', role, prefix, {hash}, scopes, author, {at} \
                 from tokens where id = '{token}';\n"
            ));
        }
    }

    fn say(&mut self, text: &str) {
        self.file.write_all(text.as_bytes()).expect("room for statements");
    }
}
