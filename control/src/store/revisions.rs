//! Revisions of specs, and their files.

use bytes::Bytes;

use super::sql::{Database, Error as SqlError, Reader, Row, Transaction, sql};
use super::{DatabaseStore, documents};
use crate::domain::access::Reach;
use crate::domain::act::Act;
use crate::domain::digest::Digest;
use crate::domain::error::{Error, Noun};
use crate::domain::id::{RevisionId, SpecId, TeamId};
use crate::domain::page::{Page, PageRequest};
use crate::domain::spec::{File, NewRevision, Revision};
use crate::domain::store::{Result, Specs as _};
use crate::domain::time::now;
use crate::upload::Document;

/// A revision as it will be.
pub(super) fn drafted(act: &Act, spec: SpecId, number: i64, new: &NewRevision) -> Revision {
    Revision {
        id: RevisionId::new(),
        spec,
        number,
        digest: new.digest(),
        entries: new.documents.entries.clone(),
        message: new.message.clone(),
        author: act.actor.name().unwrap_or(act.actor.kind()).to_owned(),
        created_at: now(),
        files: Some(new.files()),
        left_out: new.documents.left_out.clone(),
    }
}

/// Writes one down. The team's documents are locked.
pub(super) async fn insert(
    transaction: &mut Transaction,
    team: TeamId,
    revision: &Revision,
    files: &[Document],
) -> Result<()> {
    let insert =
        sql("insert into revisions (id, team_id, spec_id, number, digest, entries, message, author, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(revision.id)
        .bind(team)
        .bind(revision.spec)
        .bind(revision.number)
        .bind(revision.digest.0)
        .bind(serde_json::Value::from(revision.entries.clone()))
        .bind(&revision.message)
        .bind(&revision.author)
        .bind(revision.created_at);
    transaction.execute(insert).await?;
    documents::keep(transaction, team, revision.id, files).await?;
    Ok(())
}

/// A spec's revisions, newest first. Ordered by number: clocks of replicas may differ, and ids with them.
pub(super) async fn list(
    store: &DatabaseStore,
    reach: Reach,
    spec: SpecId,
    page: &PageRequest,
) -> Result<Page<Revision>> {
    store.spec(reach, spec).await?;
    let select = sql("select id as revision_id, spec_id, number, digest, entries, message, author, \
         created_at as revised_at from revisions where spec_id = $1")
    .bind(spec);
    let select = match page.after {
        None => select,
        Some(cursor) => select
            .then_bind(" and number < (select number from revisions where id = ", cursor.0)
            .then_bind(" and spec_id = ", spec)
            .then(")"),
    };
    let rows = store.database.fetch_list(select.then_bind(" order by number desc limit ", page.rows())).await?;
    let revisions = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::of(revisions, page, |revision| revision.id.0))
}

/// One revision, with its files.
pub(super) async fn one(database: &Database, reach: Reach, spec: SpecId, number: i64) -> Result<Revision> {
    database.known(|reader| one_of(reader, reach, (spec, number))).await
}

async fn one_of(reader: Reader, reach: Reach, (spec, number): (SpecId, i64)) -> Result<Revision> {
    let select = sql("select id as revision_id, spec_id, number, digest, entries, message, author, \
         created_at as revised_at from revisions where spec_id = $1 and number = $2")
    .bind(spec)
    .bind(number)
    .then_bind_some(" and team_id = ", reach.team());
    let row = reader.fetch_optional(select).await?;
    let revision = read(&row.ok_or_else(|| reader.missing(Noun::Revision))?)?;
    let select = sql("select f.path, f.digest, d.size from revision_files f \
         join documents d on d.team_id = f.team_id and d.digest = f.digest where f.revision_id = $1")
    .bind(revision.id);
    let rows = reader.fetch_all(select).await?;
    let file =
        |row: &Row| Ok(File { path: row.get("path")?, size: row.get("size")?, sha256: Digest(row.get("digest")?) });
    let mut files = rows.iter().map(file).collect::<Result<Vec<_>, SqlError>>()?;
    // Databases sort text by the rules of a language; paths are bytes.
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(Revision { files: Some(files), ..revision })
}

/// A file of a revision, with its content.
pub(super) async fn document(database: &Database, reach: Reach, revision: RevisionId, path: &str) -> Result<Document> {
    if path.contains('\0') {
        // No file has such a name, and PostgreSQL refuses to be asked for it.
        return Err(Error::NotFound(Noun::File));
    }
    let select = sql("select f.path, f.digest, d.content from revision_files f \
         join documents d on d.team_id = f.team_id and d.digest = f.digest where f.revision_id = $1 and f.path = $2")
    .bind(revision)
    .bind(path)
    .then_bind_some(" and f.team_id = ", reach.team());
    Ok(read_document(&database.get(select, Noun::File).await?)?)
}

/// Every file of a revision, with its content, by path.
pub(super) async fn documents(database: &Database, reach: Reach, revision: RevisionId) -> Result<Vec<Document>> {
    let select = sql("select f.path, f.digest, d.content from revision_files f \
         join documents d on d.team_id = f.team_id and d.digest = f.digest where f.revision_id = $1")
    .bind(revision)
    .then_bind_some(" and f.team_id = ", reach.team());
    let read = |reader: Reader| {
        let select = select.clone();
        async move {
            let rows = reader.fetch_all(select).await?;
            // There is none without a file.
            if rows.is_empty() { Err(reader.missing(Noun::Revision)) } else { Ok(rows) }
        }
    };
    let rows = database.known(read).await?;
    let mut documents = rows.iter().map(read_document).collect::<Result<Vec<_>, _>>()?;
    documents.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(documents)
}

/// A revision without its files.
pub(super) fn read(row: &Row) -> Result<Revision, SqlError> {
    Ok(Revision {
        id: row.get("revision_id")?,
        spec: row.get("spec_id")?,
        number: row.get("number")?,
        digest: Digest(row.get("digest")?),
        entries: row.json("entries")?,
        message: row.get("message")?,
        author: row.get("author")?,
        created_at: row.get("revised_at")?,
        files: None,
        left_out: Vec::new(),
    })
}

fn read_document(row: &Row) -> Result<Document, SqlError> {
    Ok(Document {
        path: row.get("path")?,
        bytes: Bytes::from(row.get::<Vec<u8>>("content")?),
        sha256: row.get("digest")?,
    })
}
