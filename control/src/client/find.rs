//! From names to things.

use reqwest::Url;
use uuid::Uuid;

use super::{Client, Error, ProjectArgs, Session, Thing};
use crate::domain::name::Name;

impl Session {
    /// The spec that is meant. An id needs no project.
    pub fn spec(&self, project: &ProjectArgs, named: &str) -> Result<Thing, Error> {
        if named.parse::<Uuid>().is_ok() {
            return self.client.get(self.client.at(["specs", named]));
        }
        self.client.spec(&self.project(project)?, named)
    }

    /// The digest of the artifact that is meant. A whole one needs no project.
    pub fn artifact_digest(&self, project: &ProjectArgs, beginning: &str) -> Result<String, Error> {
        if is_digest(beginning) {
            return Ok(beginning.to_owned());
        }
        self.client.artifact_digest(&self.project(project)?, beginning)
    }

    /// The newest deployment of a project.
    pub fn deployed(&self, project: &ProjectArgs) -> Result<Thing, Error> {
        let project = self.project(project)?;
        self.client.get(self.client.at(["projects", project.must("/id")?, "deployment"]))
    }
}

impl Client {
    /// The project that has this name or id.
    pub fn project(&self, named: &str) -> Result<Thing, Error> {
        self.find("project", named, (&self.at(["projects", named]), &self.at(["projects"])))
    }

    /// The spec of a project that has this name or id.
    pub fn spec(&self, project: &Thing, named: &str) -> Result<Thing, Error> {
        let all = self.at(["projects", project.must("/id")?, "specs"]);
        self.find("spec", named, (&self.at(["specs", named]), &all))
    }

    /// The spec of a project that has this name, if there is one.
    pub fn spec_named(&self, project: &Thing, name: &str) -> Result<Option<Thing>, Error> {
        match self.spec(project, name) {
            Ok(spec) => Ok(Some(spec)),
            Err(Error::NoSuch { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The digest of the artifact of a project that begins like this.
    pub fn artifact_digest(&self, project: &Thing, beginning: &str) -> Result<String, Error> {
        if is_digest(beginning) {
            return Ok(beginning.to_owned());
        }
        let all = self.list(&self.at(["projects", project.must("/id")?, "artifacts"]), None)?;
        let digests = all.items.iter().filter_map(|artifact| artifact.text("/digest"));
        let found: Vec<&str> = digests.filter(|digest| digest.starts_with(beginning)).collect();
        match found.as_slice() {
            [only] => Ok((*only).to_owned()),
            [] => Err(Error::NoSuch { noun: "artifact", name: beginning.to_owned() }),
            several => Err(Error::Ambiguous { noun: "artifact", name: beginning.to_owned(), count: several.len() }),
        }
    }

    /// A thing by its id, else by its name in a list, in the state that it is in.
    pub fn find(&self, noun: &'static str, named: &str, (by_id, all): (&Url, &Url)) -> Result<Thing, Error> {
        if named.parse::<Uuid>().is_ok() {
            return self.get(by_id.clone());
        }
        if named.parse::<Name>().is_err() {
            return Err(Error::NoSuch { noun, name: named.to_owned() });
        }
        let mut url = all.clone();
        url.query_pairs_mut().append_pair("name", named);
        let list = self.list(&url, None)?;
        let found: Vec<&Thing> = list.items.iter().filter(|thing| thing.text("/name") == Some(named)).collect();
        match found.as_slice() {
            [only] => {
                let mut url = by_id.clone();
                if let Ok(mut path) = url.path_segments_mut() {
                    path.pop().push(only.must("/id")?);
                }
                self.get(url)
            }
            [] => Err(Error::NoSuch { noun, name: named.to_owned() }),
            several => Err(Error::Ambiguous { noun, name: named.to_owned(), count: several.len() }),
        }
    }
}

/// Whether a text is a whole digest.
fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
