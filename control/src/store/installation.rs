//! Which installation a database is of. It is said once and kept, also through a backup, so that the store of artifacts
//! can be held to it.

use super::DatabaseStore;
use super::sql::sql;
use crate::domain::id::InstallationId;
use crate::domain::store::Result;

impl DatabaseStore {
    /// Which installation this is. The first who asks decides; of several at once, one.
    pub async fn installation(&self) -> Result<InstallationId> {
        if let Some(row) = self.database.fetch_optional(sql("select id from installation")).await? {
            return Ok(row.get("id")?);
        }
        let mut transaction = self.database.begin().await?;
        let insert = sql("insert into installation (is_only, id) values (true, $1) on conflict (is_only) do nothing");
        transaction.execute(insert.bind(InstallationId::new())).await?;
        let id = transaction.fetch_one(sql("select id from installation")).await?.get("id")?;
        transaction.commit().await?;
        Ok(id)
    }
}
