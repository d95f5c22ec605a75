//! Changes of projects.
//!
//! Their settings are changed as RFC 7396 has it: what is absent stays, `null` takes away, and an environment that is not
//! named is left alone. So nobody loses what somebody else has set, or what they did not know of.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::error::Error;
use super::name::{self, Name};
use super::project::{Environment, Project, Security, Settings};

/// What becomes of a project; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectUpdate {
    /// Another name: artifacts that are built from then on say it.
    pub name: Option<Name>,
    /// Another description.
    pub description: Option<String>,
    /// What becomes of the settings.
    pub settings: Option<SettingsUpdate>,
}

/// What becomes of settings (RFC 7396): what is absent stays, `null` is the default again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsUpdate {
    /// An absolute URL that takes every operation's requests; `null`: what the documents say.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub upstream: Change<String>,
    /// What becomes of security requirements.
    #[serde(default)]
    #[schema(value_type = Option<Security>)]
    pub security: Change<Security>,
    /// By their names; `null` takes an environment away. Those that are not named stay.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<Name, EnvironmentUpdate>>)]
    pub environments: Change<BTreeMap<Name, Change<EnvironmentUpdate>>>,
}

/// What becomes of an environment (RFC 7396): what is absent stays, `null` is as in the project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentUpdate {
    /// Paths of OpenAPI Overlays among the spec's files, all of them.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub overlays: Change<Vec<String>>,
    /// Instead of the project's.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub upstream: Change<String>,
    /// Instead of the project's.
    #[serde(default)]
    #[schema(value_type = Option<Security>)]
    pub security: Change<Security>,
}

/// What becomes of a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays.
    #[default]
    Stays,
    /// It goes: `null`.
    Goes,
    /// It becomes this.
    Is(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        Option::deserialize(reader).map(|value| value.map_or(Self::Goes, Self::Is))
    }
}

impl<T> Change<T> {
    fn of(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Stays => current,
            Self::Goes => None,
            Self::Is(value) => Some(value),
        }
    }
}

impl ProjectUpdate {
    /// What becomes of this project, but for its version.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what cannot be meant.
    pub fn of(self, current: Project) -> Result<Project, Error> {
        let settings = match self.settings {
            Some(change) => change.of(current.settings),
            None => current.settings,
        };
        settings.check("/settings")?;
        Ok(Project {
            name: self.name.unwrap_or(current.name),
            description: self.description.unwrap_or(current.description),
            settings,
            ..current
        })
    }

    /// Whether it can be meant, as far as that can be seen without the project.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn check(&self) -> Result<(), Error> {
        self.description.as_deref().map_or(Ok(()), name::check_description)
    }
}

impl SettingsUpdate {
    fn of(self, current: Settings) -> Settings {
        let environments = match self.environments {
            Change::Stays => current.environments,
            Change::Goes => BTreeMap::new(),
            Change::Is(changes) => changes.into_iter().fold(current.environments, changed),
        };
        Settings {
            upstream: self.upstream.of(current.upstream),
            security: self.security.of(Some(current.security)).unwrap_or_default(),
            environments,
        }
    }
}

fn changed(
    mut environments: BTreeMap<Name, Environment>,
    (name, change): (Name, Change<EnvironmentUpdate>),
) -> BTreeMap<Name, Environment> {
    match change {
        Change::Stays => {}
        Change::Goes => {
            environments.remove(&name);
        }
        Change::Is(change) => {
            let current = environments.remove(&name).unwrap_or_default();
            environments.insert(name, change.of(current));
        }
    }
    environments
}

impl EnvironmentUpdate {
    fn of(self, current: Environment) -> Environment {
        Environment {
            overlays: self.overlays.of(Some(current.overlays)).unwrap_or_default(),
            upstream: self.upstream.of(current.upstream),
            security: self.security.of(current.security),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(change: Value, expected: Value) {
        let current = json!({
            "upstream": "http://shop", "security": "presence",
            "environments": { "staging": { "overlays": ["a.yaml"], "upstream": "http://s" }, "test": { "overlays": [] } },
        });
        let current: Settings = serde_json::from_value(current).unwrap();
        let change: SettingsUpdate = serde_json::from_value(change).unwrap();
        assert_eq!(change.of(current), serde_json::from_value(expected).unwrap());
    }

    #[test]
    fn what_is_absent_stays_and_null_takes_away() {
        let staging = json!({ "overlays": ["a.yaml"], "upstream": "http://s" });
        let both = json!({ "staging": staging, "test": {} });
        check(json!({}), json!({ "upstream": "http://shop", "security": "presence", "environments": both }));
        check(json!({ "upstream": null, "security": null }), json!({ "security": "enforce", "environments": both }));
        check(
            json!({ "environments": { "staging": { "upstream": null }, "test": null, "new": { "security": "off" } } }),
            json!({
                "upstream": "http://shop", "security": "presence",
                "environments": { "staging": { "overlays": ["a.yaml"] }, "new": { "security": "off" } },
            }),
        );
        check(json!({ "environments": null }), json!({ "upstream": "http://shop", "security": "presence" }));
    }
}
