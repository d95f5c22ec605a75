//! Contents of files, each once per team.
//!
//! What comes and what goes meet here: an upload may find a document there, of which another transaction removes the
//! last use. So a team's documents change in one transaction at a time, which [`lock`]s them before any row of the team's
//! specs or projects; the order is what keeps two of them from waiting for each other.

use super::sql::{Dialect, Error, Statement, Transaction, sql};
use crate::domain::id::{ProjectId, RevisionId, SpecId, TeamId};
use crate::upload::Document;

/// How many rows are sent at once.
const ROWS_MAX: usize = 500;
/// How many bytes of contents are sent at once, beyond the first document's.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// Keeps others from changing a team's documents until the transaction ends. SQLite has one writer anyway.
pub(super) async fn lock(transaction: &mut Transaction, team: TeamId) -> Result<(), Error> {
    match transaction.dialect() {
        Dialect::Sqlite => {}
        Dialect::Postgres => {
            let select = sql("select id from teams where id = $1 for no key update").bind(team);
            transaction.fetch_optional(select).await?;
        }
    }
    Ok(())
}

/// Keeps the files of a revision, and those of their contents that are not there yet.
pub(super) async fn keep(
    transaction: &mut Transaction,
    team: TeamId,
    revision: RevisionId,
    files: &[Document],
) -> Result<(), Error> {
    for batch in batches(files) {
        let contents = sql("insert into documents (team_id, digest, size, content) values ");
        let contents = batch.iter().enumerate().fold(contents, |insert, (index, file)| {
            row(insert, index)
                .then_bind("", team)
                .then_bind(", ", file.sha256)
                .then_bind(", ", i64::try_from(file.bytes.len()).unwrap_or(i64::MAX))
                .then_bind(", ", file.bytes.as_ref())
                .then(")")
        });
        transaction.execute(contents.then(" on conflict (team_id, digest) do nothing")).await?;
    }
    for batch in files.chunks(ROWS_MAX) {
        let names = sql("insert into revision_files (revision_id, team_id, path, digest) values ");
        let names = batch.iter().enumerate().fold(names, |insert, (index, file)| {
            row(insert, index)
                .then_bind("", revision)
                .then_bind(", ", team)
                .then_bind(", ", &file.path)
                .then_bind(", ", file.sha256)
                .then(")")
        });
        transaction.execute(names).await?;
    }
    Ok(())
}

fn row(insert: Statement, index: usize) -> Statement {
    insert.then(if index == 0 { "(" } else { ", (" })
}

/// Files in portions that are few rows and not many bytes.
fn batches(files: &[Document]) -> impl Iterator<Item = &[Document]> {
    let mut rest = files;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest.iter().take(ROWS_MAX).take_while(|file| {
            let is_first = bytes == 0;
            bytes += file.bytes.len().max(1);
            is_first || bytes <= BATCH_BYTES_MAX
        });
        let (batch, after) = rest.split_at(fits.count());
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}

/// Removes the documents that only this spec has, which is about to be deleted.
pub(super) async fn release_spec(transaction: &mut Transaction, team: TeamId, spec: SpecId) -> Result<(), Error> {
    // The reference of its files is checked when the transaction ends: by then they are gone, too.
    let delete = sql("delete from documents where team_id = $1 and digest in (select f.digest from revision_files f \
         join revisions r on r.id = f.revision_id where r.spec_id = $2) \
         and not exists (select 1 from revision_files f join revisions r on r.id = f.revision_id \
         where f.team_id = documents.team_id and f.digest = documents.digest and r.spec_id <> $2)");
    transaction.execute(delete.bind(team).bind(spec)).await?;
    Ok(())
}

/// Removes the documents that only this project has, which is about to be deleted.
pub(super) async fn release_project(
    transaction: &mut Transaction,
    team: TeamId,
    project: ProjectId,
) -> Result<(), Error> {
    let delete = sql("delete from documents where team_id = $1 and digest in (select f.digest from revision_files f \
         join revisions r on r.id = f.revision_id join specs s on s.id = r.spec_id where s.project_id = $2) \
         and not exists (select 1 from revision_files f join revisions r on r.id = f.revision_id \
         join specs s on s.id = r.spec_id \
         where f.team_id = documents.team_id and f.digest = documents.digest and s.project_id <> $2)");
    transaction.execute(delete.bind(team).bind(project)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn check(lengths: &[usize], expected: &[usize]) {
        let file =
            |length: &usize| Document { path: String::new(), bytes: Bytes::from(vec![0; *length]), sha256: [0; 32] };
        let files: Vec<Document> = lengths.iter().map(file).collect();
        assert_eq!(batches(&files).map(<[_]>::len).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_batch_has_few_rows_and_not_many_bytes() {
        check(&[], &[]);
        check(&[0, 0, 7], &[3]);
        check(&[3 << 20, 1, 1, 1 << 20, 5], &[1, 2, 1, 1]);
        check(&[0; 1200], &[500, 500, 200]);
    }
}
