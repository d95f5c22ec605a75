//! What decides whether connections stay: two queries, whatever the number of projects.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::domain::id::ProjectId;
use crate::domain::registry::Terms;
use crate::domain::time::now;
use crate::store::sql::{Dialect, Error, Reader, sql};

pub(in crate::store) async fn of(reader: &Reader, projects: &[ProjectId]) -> Result<BTreeMap<ProjectId, Terms>, Error> {
    let mut all: BTreeMap<_, _> = projects.iter().map(|project| (*project, Terms::default())).collect();
    let these = || Value::Array(projects.iter().map(|project| json!(project)).collect());
    let rows = match reader.dialect() {
        Dialect::Postgres => "(select r::uuid as id from jsonb_array_elements_text($1) as r)",
        Dialect::Sqlite => "(select value as id from json_each($1))",
    };
    let select = sql("select project_id, hash, case when previous_until > $2 then previous_hash else null end \
         as previous_hash from api_keys where project_id in ")
    .bind(these())
    .bind(now())
    .then(rows)
    .then(" and revoked_at is null and (expires_at is null or expires_at > $2)");
    for row in reader.fetch_all(select).await? {
        let Some(terms) = all.get_mut(&row.get("project_id")?) else { continue };
        terms.secrets.push(row.get("hash")?);
        terms.secrets.extend(row.get::<Option<[u8; 32]>>("previous_hash")?);
    }
    let select = sql("select n.id as project_id, \
         (select max(version) from trust_roots t where t.project_id = n.id) as root_version, count(d.id) as planes, \
         cast(coalesce(sum(d.version), 0) as bigint) as versions, coalesce(max(d.updated_at), 0) as changed from ")
    .bind(these())
    .then(rows)
    .then(" as n left join data_planes d on d.project_id = n.id group by n.id");
    for row in reader.fetch_all(select).await? {
        let Some(terms) = all.get_mut(&row.get("project_id")?) else { continue };
        let root_version: Option<i64> = row.get("root_version")?;
        terms.root_version = root_version.and_then(|version| u64::try_from(version).ok()?.try_into().ok());
        terms.members = (row.get("planes")?, row.get("versions")?, row.get("changed")?);
    }
    Ok(all)
}
