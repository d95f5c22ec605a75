//! Which thing of its kind is meant: people know its name, programs its id.

use std::str::FromStr;

use serde::Deserialize;

use super::name::{Name, NameError};

/// By id or by name. What reads as an id is an id: a thing that is named like one is found by its own id alone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String", bound = "Id: FromStr")]
pub enum Which<Id> {
    /// The one with this id.
    Id(Id),
    /// The one of this name.
    Name(Name),
}

impl<Id: FromStr> TryFrom<String> for Which<Id> {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => text.parse().map(Self::Name),
        }
    }
}
