//! A store of artifacts belongs to one database.

use std::num::NonZeroUsize;
use std::path::Path;

use control::app::{App, BuildSettings, Error, Settings};
use control::store::objects::Location;

use crate::served::{Served, settings};

/// Another installation, with the first one's artifacts.
fn stranger(folder: &Path, artifacts: &Path) -> Settings {
    let builds = BuildSettings { artifacts: Some(Location::Folder(artifacts.to_owned())), at_once: NonZeroUsize::MIN };
    Settings { builds, ..settings(folder.to_owned(), 0) }
}

#[tokio::test]
async fn who_comes_with_artifacts_of_another_is_refused() {
    let mut served = Served::start().await;
    served.restart().await;
    let other = tempfile::tempdir().unwrap();
    let settings = stranger(other.path(), &served.artifacts());
    let error = App::start(&settings).await.unwrap_err();
    assert!(matches!(error, Error::ArtifactStoreOwner(_)), "{error}");
    assert!(error.to_string().contains(served.artifacts().to_str().unwrap()), "{error}");
    // Whoever means it says so.
    std::fs::remove_file(served.artifacts().join("installation")).unwrap();
    App::start(&settings).await.unwrap();
    let first = settings_of(&served);
    assert!(matches!(App::start(&first).await.unwrap_err(), Error::ArtifactStoreOwner(_)));
}

fn settings_of(served: &Served) -> Settings {
    settings(served.artifacts().parent().unwrap().to_owned(), 0)
}
