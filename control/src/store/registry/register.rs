//! Whoever comes: a data plane of that name, found or made.

use jiff::Timestamp;

use crate::domain::act::{Act, Action};
use crate::domain::data_plane::{DataPlane, Kind, NewDataPlane, together};
use crate::domain::error::{Error, Noun};
use crate::domain::id::ProjectId;
use crate::domain::label::Labels;
use crate::domain::registry::{Member, Newcomer};
use crate::domain::store::Result;
use crate::domain::time::now;
use crate::store::audit::record;
use crate::store::data_planes::{self, Origin, json_of, made, target};
use crate::store::sql::{Database, Error as SqlError, Reader, Row, Statement, Transaction, sql};

/// How many data planes are removed in one transaction.
const FORGOTTEN_AT_ONCE: i64 = 100;

/// How many processes of a data plane may be there, before one that is new is turned away.
const PROCESSES_MAX: i64 = 1000;

/// How often it is tried where another replica makes the same data plane at the same moment.
const ATTEMPTS: usize = 3;

pub(super) async fn register(database: &Database, act: &Act, newcomer: &Newcomer) -> Result<Member> {
    for _ in 0..ATTEMPTS {
        // Ten thousand that come back find everything as it was: nothing is locked and nothing written.
        if let Some(member) = database.known(|reader| known(reader, newcomer)).await? {
            return Ok(member);
        }
        let mut transaction = database.begin().await?;
        let lock = named(newcomer).then(transaction.dialect().for_update());
        let known = transaction.fetch_optional(lock).await?.map(|row| data_planes::read(&row)).transpose()?;
        match known {
            Some(plane) => renew(&mut transaction, act, (plane, newcomer)).await?,
            None => match make(&mut transaction, act, newcomer).await {
                Err(Error::NameTaken { .. }) => continue,
                made => made?,
            },
        }
        let row = transaction.fetch_optional(with_room(newcomer)).await?.ok_or_else(|| crowded(newcomer))?;
        transaction.commit().await?;
        return Ok(member(&row)?);
    }
    Err(Error::Conflict("this data plane changes faster than it can be registered; try again".to_owned()))
}

/// The data plane, if nothing is to be written about it.
async fn known(reader: Reader, newcomer: &Newcomer) -> Result<Option<Member>> {
    let Some(row) = reader.fetch_optional(with_room(newcomer)).await? else {
        reader.lacks()?;
        return Ok(None);
    };
    let plane = data_planes::read(&row)?;
    let checked = check(&plane, newcomer);
    if checked.is_ok() && is_as_it_was(&plane, newcomer) {
        return Ok(Some(member(&row)?));
    }
    // What else it comes to is not for a replica to say.
    reader.lacks()?;
    checked.map(|()| None)
}

fn named(newcomer: &Newcomer) -> Statement {
    data_planes::select().then_bind(" where team_id = ", newcomer.team).then_bind(" and name = ", &newcomer.name)
}

/// The same, if it knows this process, or has room for it.
fn with_room(newcomer: &Newcomer) -> Statement {
    named(newcomer)
        .then_bind(
            " and (exists (select 1 from processes p where p.data_plane_id = data_planes.id and p.instance_id = ",
            newcomer.instance,
        )
        .then_bind(
            ") or (select count(*) from processes p where p.data_plane_id = data_planes.id \
             and p.presence <> 'gone') < ",
            PROCESSES_MAX,
        )
        .then(")")
}

fn crowded(newcomer: &Newcomer) -> Error {
    let name = &newcomer.name;
    Error::Conflict(format!("the data plane `{name}` has {PROCESSES_MAX} processes already; choose another name"))
}

/// Whether it may be this one.
fn check(plane: &DataPlane, newcomer: &Newcomer) -> Result<()> {
    let refused = |why| Err(Error::Conflict(format!("the data plane `{}` {why}; choose another name", plane.name)));
    if plane.kind != Kind::Gateway {
        return refused("was made for Envoy");
    }
    if plane.project.is_some_and(|project| project != newcomer.project) {
        return refused("serves another project of the team");
    }
    Ok(())
}

fn is_as_it_was(plane: &DataPlane, newcomer: &Newcomer) -> bool {
    plane.project == Some(newcomer.project)
        && plane.said_labels == newcomer.labels
        && (plane.gateway_host.is_some() || newcomer.gateway_host.is_none())
}

/// Whether its project may have another data plane. Nobody is locked for it: of several that come at once, each may find the
/// last place free.
async fn check_room(transaction: &mut Transaction, newcomer: &Newcomer) -> Result<()> {
    let count = sql("select count(*) as planes from data_planes where project_id = $1").bind(newcomer.project);
    let planes: i64 = transaction.fetch_one(count).await?.get("planes")?;
    let most = newcomer.remembered_max;
    if u64::try_from(planes).is_ok_and(|planes| planes < most) {
        return Ok(());
    }
    let why = "remove some, or give more (`--project-data-planes-remembered-max`)";
    Err(Error::Conflict(format!("the project has {planes} data planes already, and may have {most}: {why}")))
}

async fn make(transaction: &mut Transaction, act: &Act, newcomer: &Newcomer) -> Result<()> {
    check_room(transaction, newcomer).await?;
    let new = NewDataPlane {
        name: newcomer.name.clone(),
        kind: Kind::Gateway,
        project: Some(newcomer.project),
        gateway_host: newcomer.gateway_host.clone(),
        description: String::new(),
        labels: newcomer.labels.clone(),
        metadata: serde_json::Map::new(),
    };
    let plane = made(newcomer.team, new);
    let plane = DataPlane { said_labels: plane.labels.clone(), set_labels: Labels::new(), ..plane };
    transaction.execute(data_planes::insert(&plane, Origin::Registered)?).await.map_err(|error| {
        if error.is_unique_violation() {
            Error::NameTaken { noun: Noun::DataPlane, name: plane.name.to_string() }
        } else if error.is_reference_violation() {
            Error::NotFound(Noun::Project)
        } else {
            error.into()
        }
    })?;
    Ok(record(transaction, act, Action::DataPlaneRegister, target(&plane)).await?)
}

async fn renew(transaction: &mut Transaction, act: &Act, (plane, newcomer): (DataPlane, &Newcomer)) -> Result<()> {
    check(&plane, newcomer)?;
    if is_as_it_was(&plane, newcomer) {
        return Ok(());
    }
    let plane = DataPlane {
        project: Some(newcomer.project),
        labels: together(&newcomer.labels, &plane.set_labels),
        said_labels: newcomer.labels.clone(),
        gateway_host: plane.gateway_host.clone().or_else(|| newcomer.gateway_host.clone()),
        version: plane.version.next(),
        updated_at: now(),
        ..plane
    };
    let change = sql("update data_planes set project_id = $1, labels = $2, said_labels = $3, gateway_host = $4, \
         version = $5, updated_at = $6 where id = $7")
    .bind(plane.project)
    .bind(json_of(&plane.labels)?)
    .bind(json_of(&plane.said_labels)?)
    .bind(plane.gateway_host.as_deref())
    .bind(plane.version)
    .bind(plane.updated_at)
    .bind(plane.id);
    transaction.execute(change).await?;
    Ok(record(transaction, act, Action::DataPlaneUpdate, target(&plane)).await?)
}

fn member(row: &Row) -> Result<Member, SqlError> {
    Ok(Member {
        id: row.get("id")?,
        labels: row.json("labels")?,
        disconnects: row.get("disconnects")?,
        version: row.get("version")?,
    })
}

pub(super) async fn members(database: &Database, project: ProjectId) -> Result<Vec<Member>, SqlError> {
    let select = sql("select id, labels, disconnects, version from data_planes where project_id = $1").bind(project);
    database.fetch_all(select).await?.iter().map(member).collect()
}

pub(super) async fn forget(database: &Database, before: Timestamp) -> Result<u64> {
    let select = data_planes::select()
        .then(" where is_registered and status = 'offline'")
        // One that was never seen came with a backup: when it was, nobody knows.
        .then_bind(" and last_seen < ", before)
        .then_bind(" limit ", FORGOTTEN_AT_ONCE);
    let mut forgotten = 0;
    for row in database.fetch_all(select).await? {
        let plane = data_planes::read(&row)?;
        let mut transaction = database.begin().await?;
        // It may have come back just now.
        let forget = sql("delete from data_planes where id = $1 and version = $2 and not exists \
             (select 1 from processes p where p.data_plane_id = data_planes.id and p.presence <> 'gone')")
        .bind(plane.id)
        .bind(plane.version);
        if transaction.execute(forget).await? > 0 {
            let why = serde_json::json!({ "last_seen": plane.last_seen });
            record(&mut transaction, &Act::SYSTEM, Action::DataPlaneDelete, target(&plane).with(why)).await?;
            transaction.commit().await?;
            forgotten += 1;
        }
    }
    Ok(forgotten)
}
