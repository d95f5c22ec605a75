//! What is asked for: a deployment, a way back, the next wave.

use artifact_format::pointer::GROUP_MAX_BYTES;
use jiff::Timestamp;
use serde::Deserialize;

use super::Trigger;
use crate::domain::digest::Digest;
use crate::domain::error::Error;
use crate::domain::id::DeploymentId;
use crate::domain::label::Selector;
use crate::domain::name;
use crate::domain::rollout::{Gates, GatesWanted, Manner, OnFailure, Promotion, Strategy};

/// A deployment to be made.
#[derive(Debug, Clone, PartialEq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDeployment {
    /// What is to be served: one of the project's artifacts.
    pub artifact: Digest,
    /// By which of the project's data planes; absent: by all.
    #[serde(default)]
    pub selector: Selector,
    /// In which steps it gets there; absent: all at once.
    #[serde(default)]
    pub strategy: Strategy,
    /// Who lets the next wave begin.
    #[serde(default)]
    pub promotion: Promotion,
    /// What must hold for it to go on.
    #[serde(default)]
    pub gates: GatesWanted,
    /// What follows when a gate is breached.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Who asks: `ci` does not go over what was pinned. With `scheduled_for` it is `schedule`, whatever stands here.
    #[serde(default)]
    pub started_by: Asker,
    /// When it is to start; absent: now. A time that is past is now.
    #[serde(default)]
    pub scheduled_for: Option<Timestamp>,
    /// Take away, as it starts, the pins that rollbacks have left on any of the same data planes. Not for a pipeline.
    #[serde(default)]
    pub unpin: bool,
    /// Why, for people: at most 4096 bytes.
    #[serde(default)]
    pub message: String,
}

/// Who may say that they ask.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Asker {
    /// A person.
    #[default]
    Manual,
    /// A pipeline.
    Ci,
}

/// A way back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRollback {
    /// Which data planes go back, from what decides for all of them. Absent: those of the deployment that started last.
    #[serde(default)]
    pub selector: Option<Selector>,
    /// To this artifact. Absent, as is `deployment`: to the one before, unless that was done already.
    #[serde(default)]
    pub artifact: Option<Digest>,
    /// To what this deployment brought.
    #[serde(default)]
    pub deployment: Option<DeploymentId>,
    /// Why, for people: at most 4096 bytes.
    #[serde(default)]
    pub message: String,
}

/// How far somebody lets a deployment go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPromotion {
    /// To where.
    #[serde(default)]
    pub to: PromoteTo,
}

/// To where somebody lets a deployment go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PromoteTo {
    /// The next wave.
    #[default]
    Next,
    /// The last wave.
    Everyone,
}

impl NewDeployment {
    /// One that nobody said more of.
    pub fn of(artifact: Digest) -> Self {
        Self {
            artifact,
            selector: Selector::default(),
            strategy: Strategy::default(),
            promotion: Promotion::default(),
            gates: GatesWanted::default(),
            on_failure: OnFailure::default(),
            started_by: Asker::default(),
            scheduled_for: None,
            unpin: false,
            message: String::new(),
        }
    }

    /// Whether it can be meant.
    pub fn check(&self) -> Result<(), Error> {
        name::check_text("/message", &self.message, name::DESCRIPTION_MAX_BYTES)?;
        check_selector(&self.selector)?;
        if self.unpin && self.started_by == Asker::Ci {
            return Err(Error::invalid("/unpin", "a pipeline does not go over pins: unpin by hand"));
        }
        self.strategy.check()?;
        self.gates.check()
    }

    /// What makes somebody ask for it.
    pub fn trigger(&self) -> Trigger {
        match (self.scheduled_for, self.started_by) {
            (Some(_), _) => Trigger::Schedule,
            (None, Asker::Manual) => Trigger::Manual,
            (None, Asker::Ci) => Trigger::Ci,
        }
    }

    /// How it goes.
    pub fn manner(&self) -> Manner {
        Manner {
            strategy: self.strategy.clone(),
            promotion: self.promotion,
            gates: Gates::of(&self.gates, &self.strategy),
            on_failure: self.on_failure,
            unpin: self.unpin,
        }
    }
}

impl NewRollback {
    /// Whether it can be meant.
    pub fn check(&self) -> Result<(), Error> {
        name::check_text("/message", &self.message, name::DESCRIPTION_MAX_BYTES)?;
        if self.artifact.is_some() && self.deployment.is_some() {
            return Err(Error::invalid("/deployment", "say an artifact or a deployment, not both"));
        }
        self.selector.as_ref().map_or(Ok(()), check_selector)
    }
}

/// Whether a pointer can say for whom it is.
fn check_selector(selector: &Selector) -> Result<(), Error> {
    let bytes = selector.to_string().len();
    if bytes > GROUP_MAX_BYTES {
        return Err(Error::invalid("/selector", format!("{bytes} bytes; at most {GROUP_MAX_BYTES}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::label::REQUIREMENTS_MAX;

    /// As many requirements as there may be, with the longest names and values.
    fn longest(relation: &str) -> Selector {
        let requirements = (0..REQUIREMENTS_MAX).map(|at| format!("{at:063}{relation}{at:063}"));
        requirements.collect::<Vec<_>>().join(",").parse().unwrap()
    }

    /// 8191 bytes, and 8255.
    #[test]
    fn what_no_pointer_can_say_is_not_asked_for() {
        for (relation, expected) in [("=", true), ("!=", false)] {
            let new = NewDeployment { selector: longest(relation), ..NewDeployment::of(Digest([1; 32])) };
            assert_eq!(new.check().is_ok(), expected, "{relation}");
            let back = NewRollback { selector: Some(longest(relation)), ..NewRollback::default() };
            assert_eq!(back.check().is_ok(), expected, "{relation}");
        }
    }
}
