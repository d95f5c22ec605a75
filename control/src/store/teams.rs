//! Teams.

use crate::domain::time::now;
use async_trait::async_trait;

use super::DatabaseStore;
use super::audit::{Target, record};
use super::sql::{Error as SqlError, Row, Transaction, sql};
use crate::domain::access::Reach;
use crate::domain::act::{Act, Action};
use crate::domain::error::{Error, Noun};
use crate::domain::id::TeamId;
use crate::domain::name::Name;
use crate::domain::page::{Page, PageRequest};
use crate::domain::store::{Edit, Result, Teams};
use crate::domain::team::{NewTeam, Team, TeamUpdate};
use crate::domain::version::Version;

#[async_trait]
impl Teams for DatabaseStore {
    async fn create_team(&self, act: &Act, new: NewTeam) -> Result<Team> {
        let now = now();
        let NewTeam { name, description } = new;
        let team =
            Team { id: TeamId::new(), name, description, version: Version::FIRST, created_at: now, updated_at: now };
        let insert = sql("insert into teams (id, name, description, version, created_at, updated_at) \
             values ($1, $2, $3, $4, $5, $6)")
        .bind(team.id)
        .bind(&team.name)
        .bind(&team.description)
        .bind(team.version)
        .bind(team.created_at)
        .bind(team.updated_at);
        let mut transaction = self.database.begin().await?;
        transaction.execute(insert).await.map_err(|error| taken(error, &team.name))?;
        let target = Target::new(Noun::Team, team.id.0, Some(team.name.as_str())).of_team(team.id);
        record(&mut transaction, act, Action::TeamCreate, target).await?;
        transaction.commit().await?;
        Ok(team)
    }

    async fn team(&self, reach: Reach, id: TeamId) -> Result<Team> {
        if !reach.includes(id) {
            return Err(Error::NotFound(Noun::Team));
        }
        let select = sql("select * from teams where id = $1").bind(id);
        Ok(read(&self.database.get(select, Noun::Team).await?)?)
    }

    async fn team_named(&self, reach: Reach, name: &Name) -> Result<Team> {
        let select = sql("select * from teams where name = $1").bind(name);
        let team = read(&self.database.get(select, Noun::Team).await?)?;
        if reach.includes(team.id) { Ok(team) } else { Err(Error::NotFound(Noun::Team)) }
    }

    async fn default_team(&self) -> Result<Team> {
        let select = || sql("select * from teams where name = 'default'");
        if let Some(row) = self.database.fetch_optional(select()).await? {
            return Ok(read(&row)?);
        }
        let now = now();
        // Of two that find none at once, one makes it.
        let insert = sql("insert into teams (id, name, description, version, created_at, updated_at) \
             values ($1, 'default', '', 1, $2, $3) on conflict (name) do nothing")
        .bind(TeamId::new())
        .bind(now)
        .bind(now);
        let mut transaction = self.database.begin().await?;
        let is_new = transaction.execute(insert).await? == 1;
        let team = read(&transaction.fetch_one(select()).await?)?;
        if is_new {
            record(&mut transaction, &Act::SYSTEM, Action::TeamCreate, target(&team)).await?;
        }
        transaction.commit().await?;
        Ok(team)
    }

    async fn teams(&self, reach: Reach, page: &PageRequest) -> Result<Page<Team>> {
        let select = sql("select * from teams where true")
            .then_bind_some(" and id = ", reach.team())
            .then_bind_some(" and name = ", page.name.as_ref())
            .then_bind_some(" and id < ", page.after.map(|cursor| cursor.0))
            .then_bind(" order by id desc limit ", page.rows());
        let rows = self.database.fetch_list(select).await?;
        let teams = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::of(teams, page, |team| team.id.0))
    }

    async fn update_team(&self, act: &Act, at: Edit<TeamId>, update: TeamUpdate) -> Result<Team> {
        let mut transaction = self.database.begin().await?;
        let current = lock(&mut transaction, at).await?;
        let before = current.clone();
        let team = Team {
            name: update.name.unwrap_or(current.name),
            description: update.description.unwrap_or(current.description),
            version: current.version.next(),
            updated_at: now(),
            ..current
        };
        let change = sql("update teams set name = $1, description = $2, version = $3, updated_at = $4 where id = $5")
            .bind(&team.name)
            .bind(&team.description)
            .bind(team.version)
            .bind(team.updated_at)
            .bind(team.id);
        transaction.execute(change).await.map_err(|error| taken(error, &team.name))?;
        record(&mut transaction, act, Action::TeamUpdate, target(&team).changed(&before, &team)).await?;
        transaction.commit().await?;
        Ok(team)
    }

    async fn delete_team(&self, act: &Act, at: Edit<TeamId>) -> Result<()> {
        let mut transaction = self.database.begin().await?;
        let team = lock(&mut transaction, at).await?;
        let deleted = transaction.execute(sql("delete from teams where id = $1").bind(team.id)).await;
        deleted.map_err(|error| match error {
            error if error.is_reference_violation() => {
                Error::Conflict("the team still owns projects or data planes: delete those first".to_owned())
            }
            error => error.into(),
        })?;
        record(&mut transaction, act, Action::TeamDelete, target(&team)).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// The team as it is, until the transaction ends.
async fn lock(transaction: &mut Transaction, at: Edit<TeamId>) -> Result<Team> {
    if !at.reach.includes(at.id) {
        return Err(Error::NotFound(Noun::Team));
    }
    let select = sql("select * from teams where id = $1").bind(at.id).then(transaction.dialect().for_update());
    let row = transaction.fetch_optional(select).await?;
    let team = read(&row.ok_or(Error::NotFound(Noun::Team))?)?;
    at.expected.check(team.version)?;
    Ok(team)
}

fn target(team: &Team) -> Target<'_> {
    Target::new(Noun::Team, team.id.0, Some(team.name.as_str())).of_team(team.id)
}

fn taken(error: SqlError, name: &Name) -> Error {
    if error.is_unique_violation() {
        Error::NameTaken { noun: Noun::Team, name: name.to_string() }
    } else {
        error.into()
    }
}

fn read(row: &Row) -> Result<Team, SqlError> {
    Ok(Team {
        id: row.get("id")?,
        name: row.parse("name")?,
        description: row.get("description")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
