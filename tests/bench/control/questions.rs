//! What is asked: lists and gets of every kind, each of many things, so that no answer comes from a warm corner.

use std::process::Command;

use tests::ControlPlane;

use super::rows::{Dice, Project};
use super::seed::{Seeded, text};

/// How many requests of each kind there are; they are asked again when all were.
const OF_EACH: usize = 50;

/// Everything that is asked, in its order.
#[derive(Debug)]
pub(super) struct Questions {
    pub(super) kinds: Vec<&'static str>,
    /// Whole requests, as they are sent.
    pub(super) requests: Vec<Vec<u8>>,
    /// Of each request, its kind's place.
    pub(super) kind_of: Vec<usize>,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
enum By {
    /// A token of the whole installation.
    Everything,
    /// A token of the largest team.
    Team,
}

/// One kind, and how another one of it is made.
type Ask<'a> = (&'static str, By, Box<dyn FnMut(&mut Dice) -> String + 'a>);

impl Questions {
    /// About what was seeded.
    pub(super) async fn about(control: &ControlPlane, seeded: &Seeded) -> Self {
        let middles = Middles::find(control, seeded).await;
        let mut asks = of_things(seeded, &middles);
        asks.extend(of_events(seeded, &middles));
        let (mut dice, mut requests) = (Dice::new(), Vec::new());
        for _ in 0..OF_EACH {
            for (kind, (_, by, target)) in asks.iter_mut().enumerate() {
                let token = if matches!(by, By::Team) { seeded.token.as_str() } else { control.token() };
                let head = format!(
                    "GET /api/v1{} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {token}\r\n\r\n",
                    target(&mut dice),
                    control.address()
                );
                requests.push((kind, head.into_bytes()));
            }
        }
        for last in (1..requests.len()).rev() {
            requests.swap(last, dice.below(last + 1));
        }
        let kinds = asks.iter().map(|(name, _, _)| *name).collect();
        let (kind_of, requests) = requests.into_iter().unzip();
        Self { kinds, requests, kind_of }
    }
}

/// Cursors that lead into the middle of long lists, and the times around it.
struct Middles {
    specs: String,
    builds: String,
    events: String,
    days: Vec<(String, String)>,
}

impl Middles {
    async fn find(control: &ControlPlane, seeded: &Seeded) -> Self {
        let project = &seeded.cast.teams[0].projects[0].id;
        let after = async |list: &str, pages: usize| {
            let mut cursor = String::new();
            for _ in 0..pages {
                let page = control.get(&format!("{list}?limit=200{cursor}")).await.json();
                cursor = format!("&cursor={}", text(&page["next_cursor"]));
            }
            cursor
        };
        let specs = after(&format!("/projects/{project}/specs"), 12).await;
        let builds = after(&format!("/projects/{project}/builds"), 50).await;
        let days = days();
        let page = control.get(&format!("/audit?limit=1&until={}", days[days.len() / 2].0)).await.json();
        Self { specs, builds, events: format!("&cursor={}", text(&page["next_cursor"])), days }
    }
}

/// From and until, of each of the last sixty days.
fn days() -> Vec<(String, String)> {
    let date = |days: usize| {
        let mut command = Command::new("date");
        command.args(["-u", "-d", &format!("{days} days ago"), "+%FT%TZ"]);
        let said = command.output().expect("there is a program `date`").stdout;
        String::from_utf8_lossy(&said).trim().to_owned()
    };
    (1..60).rev().map(|ago| (date(ago + 1), date(ago))).collect()
}

fn of_things<'a>(seeded: &'a Seeded, middles: &'a Middles) -> Vec<Ask<'a>> {
    let team = &seeded.cast.teams[0];
    let project = &team.projects[0];
    let Project { id, specs } = project;
    let others = || team.projects.iter().map(|project| project.id.clone()).collect::<Vec<_>>();
    let (one, other) = (others(), others());
    vec![
        ("list: projects", By::Team, Box::new(move |_| "/projects".into())),
        ("list: specs of a project", By::Team, Box::new(move |_| format!("/projects/{id}/specs"))),
        (
            "list: specs, in the middle",
            By::Team,
            Box::new(move |_| format!("/projects/{id}/specs?limit=50{}", middles.specs)),
        ),
        ("list: revisions of a spec", By::Team, Box::new(move |dice| format!("/specs/{}/revisions", dice.any(specs)))),
        ("list: builds of a project", By::Team, Box::new(move |_| format!("/projects/{id}/builds"))),
        (
            "list: builds, in the middle",
            By::Team,
            Box::new(move |_| format!("/projects/{id}/builds?limit=50{}", middles.builds)),
        ),
        ("list: builds that failed", By::Team, Box::new(move |_| format!("/projects/{id}/builds?state=failed"))),
        ("list: builds that run", By::Team, Box::new(move |_| format!("/projects/{id}/builds?state=running"))),
        ("list: builds of a spec", By::Team, Box::new(move |dice| format!("/specs/{}/builds", dice.any(specs)))),
        ("list: artifacts of a project", By::Team, Box::new(move |_| format!("/projects/{id}/artifacts"))),
        ("list: data planes of a team", By::Team, Box::new(move |_| format!("/teams/{}/dataplanes", team.id))),
        (
            "list: data planes that are online",
            By::Team,
            Box::new(move |_| format!("/teams/{}/dataplanes?status=online", team.id)),
        ),
        (
            "list: data planes of a project",
            By::Team,
            Box::new(move |dice| format!("/projects/{}/data-planes", dice.any(&one))),
        ),
        ("list: tokens", By::Team, Box::new(move |_| "/tokens".into())),
        ("get: project", By::Team, Box::new(move |dice| format!("/projects/{}", dice.any(&other)))),
        ("get: spec", By::Team, Box::new(move |dice| format!("/specs/{}", dice.any(specs)))),
        ("get: revision", By::Team, Box::new(move |dice| format!("/specs/{}/revisions/1", dice.any(specs)))),
        (
            "get: file of a revision",
            By::Team,
            Box::new(move |dice| format!("/specs/{}/revisions/1/files/openapi.yaml", dice.any(specs))),
        ),
        ("get: build", By::Team, Box::new(move |dice| format!("/builds/{}", dice.any(&seeded.builds)))),
        ("get: log of a build", By::Team, Box::new(move |dice| format!("/builds/{}/log", dice.any(&seeded.builds)))),
        ("get: artifact", By::Team, Box::new(move |dice| format!("/artifacts/{}", dice.any(&seeded.artifacts)))),
        (
            "get: data plane",
            By::Team,
            Box::new(move |_| format!("/teams/{}/dataplanes/{}", team.id, seeded.data_plane)),
        ),
        ("get: token", By::Team, Box::new(move |_| format!("/tokens/{}", seeded.token_id))),
        ("get: whose token this is", By::Everything, Box::new(move |_| "/tokens/self".into())),
    ]
}

fn of_events<'a>(seeded: &'a Seeded, middles: &'a Middles) -> Vec<Ask<'a>> {
    let cast = &seeded.cast;
    let specs = &cast.teams[0].projects[0].specs;
    let largest = &cast.teams[0].projects[0].id;
    let last = &cast.teams[0].projects[9].id;
    vec![
        ("audit", By::Everything, Box::new(move |_| "/audit".into())),
        ("audit, in the middle", By::Everything, Box::new(move |_| format!("/audit?limit=50{}", middles.events))),
        ("audit by actor", By::Everything, Box::new(move |dice| format!("/audit?actor={}", dice.any(&cast.actors)))),
        (
            "audit by the actor's name",
            By::Everything,
            Box::new(move |dice| {
                let actor = dice.any(&cast.actors);
                format!("/audit?actor=pipeline-{}", &actor[actor.len() - 4..])
            }),
        ),
        ("audit by an action", By::Everything, Box::new(move |_| "/audit?action=build.succeed".into())),
        ("audit by a rare action", By::Everything, Box::new(move |_| "/audit?action=api-key.revoke".into())),
        ("audit by an action that never was", By::Everything, Box::new(move |_| "/audit?action=team.delete".into())),
        ("audit by outcome", By::Everything, Box::new(move |_| "/audit?outcome=failure".into())),
        ("audit by target", By::Everything, Box::new(move |dice| format!("/audit?target={}", dice.any(specs)))),
        ("audit by project", By::Everything, Box::new(move |_| format!("/audit?project={largest}"))),
        (
            "audit of a day",
            By::Everything,
            Box::new(move |dice| {
                let (since, until) = dice.any(&middles.days);
                format!("/audit?since={since}&until={until}")
            }),
        ),
        ("audit of a team", By::Team, Box::new(move |_| "/audit".into())),
        ("audit of a team, in the middle", By::Team, Box::new(move |_| format!("/audit?limit=50{}", middles.events))),
        ("audit of a team by outcome", By::Team, Box::new(move |_| "/audit?outcome=failure".into())),
        ("audit of a team by a rare action", By::Team, Box::new(move |_| "/audit?action=token.rotate".into())),
        (
            "audit of a team by actor",
            By::Team,
            Box::new(move |dice| format!("/audit?actor={}", dice.any(&cast.actors))),
        ),
        (
            "audit of a team by project and action",
            By::Team,
            Box::new(move |_| format!("/audit?project={last}&action=build.fail")),
        ),
        (
            "audit of a team by project and a rare action",
            By::Team,
            Box::new(move |_| format!("/audit?project={largest}&action=signing-key.rotate")),
        ),
        (
            "audit of a team by actor, of a day",
            By::Team,
            Box::new(move |dice| {
                let ((since, until), actor) = (dice.any(&middles.days), dice.any(&cast.actors));
                format!("/audit?actor={actor}&since={since}&until={until}")
            }),
        ),
        (
            "audit by an actor and an outcome",
            By::Everything,
            Box::new(move |dice| format!("/audit?actor={}&outcome=failure", dice.any(&cast.actors))),
        ),
    ]
}
