//! In which steps a deployment goes, and what must hold for it to go on.

use serde::{Deserialize, Serialize};
use thiserror::Error as ThisError;

use crate::domain::error::{Error, Fault};

/// How many sizes of waves there are at most, beside the last wave, which is everyone.
pub const SHARES_MAX: usize = 20;
/// How long a wave may be held to its gates at most, in seconds: a week.
const SECONDS_MAX: u32 = 7 * 24 * 60 * 60;
/// How long a wave is held to its gates if nobody says, where there is more than one, or a gate on requests, in seconds.
const BAKE_SECONDS: u32 = 60;
/// How long a wave may take to serve if nobody says, in seconds.
const WAVE_SECONDS_MAX: u32 = 15 * 60;
/// From how many requests on a share of them means something, if nobody says.
const MIN_REQUESTS: u32 = 100;

/// How a deployment goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Manner {
    /// In which steps.
    pub strategy: Strategy,
    /// Who lets the next wave begin.
    pub promotion: Promotion,
    /// What must hold.
    pub gates: Gates,
    /// What follows when it does not.
    pub on_failure: OnFailure,
    /// Whether it takes away, as it starts, the pins that there were when it was asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unpin: bool,
}

/// In which steps a deployment reaches data planes. The last wave is always everyone that its selector chooses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = DeploymentStrategy)]
pub enum Strategy {
    /// Everyone.
    #[default]
    AllAtOnce,
    /// A few, then everyone.
    Canary {
        /// How many.
        #[schema(value_type = ShareText)]
        size: Share,
    },
    /// So many, then more, then everyone.
    Waves {
        /// How many it has reached with each wave, those of the waves before included; 1 to 20 of them.
        #[schema(value_type = Vec<ShareText>, min_items = 1, max_items = 20)]
        sizes: Vec<Share>,
    },
}

/// How many data planes: a number of them, or a share of those that are online when the wave begins, rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ShareText", into = "ShareText")]
pub enum Share {
    /// So many, from 1.
    Count(u32),
    /// So many of a hundred, 1 to 100.
    Percent(u8),
}

/// A number such as `1`, or a percentage such as `"10%"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
#[schema(as = WaveSize)]
pub enum ShareText {
    /// A number.
    Count(u32),
    /// A percentage.
    Percent(String),
}

/// What is no share.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[error("not a size: a number of data planes from 1, or a share of them from 1% to 100%, such as 10%")]
pub struct ShareError;

/// Who lets the next wave begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Promotion {
    /// The gates.
    #[default]
    Automatic,
    /// Somebody, once the gates do.
    Manual,
}

/// What follows when a gate is breached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Whom it has reached goes back at once, and pipelines do not deploy over it.
    #[default]
    Rollback,
    /// It goes no further; somebody decides.
    Pause,
}

/// What follows when a wave has answered too few requests to be judged by the gates that there are on them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnUnjudged {
    /// It waits for more of them, and when its time is up for somebody.
    #[default]
    Wait,
    /// It goes on, and an event says so.
    Continue,
}

/// What must hold for a deployment to go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = DeploymentGates)]
pub struct Gates {
    /// How many data planes may refuse it.
    #[serde(default)]
    pub max_rejections: u32,
    /// Which share of the requests of a wave may end with a status of 500 and above, since its data planes serve it, from
    /// 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_error_rate: Option<f64>,
    /// How long the 99th percentile of a wave's requests may take, averaged over all requests, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_p99_ms: Option<f64>,
    /// From how many requests of a wave on both are judged.
    pub min_requests: u32,
    /// What follows when they are fewer.
    #[serde(default)]
    pub on_unjudged: OnUnjudged,
    /// How long a wave is held to all this once every data plane of it serves, in seconds.
    pub bake_seconds: u32,
    /// How long a wave may take until then, in seconds. So long it waits for requests, too.
    pub wave_seconds_max: u32,
}

/// Gates, as far as somebody says.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = NewDeploymentGates)]
pub struct GatesWanted {
    /// How many data planes may refuse it; absent: none.
    pub max_rejections: Option<u32>,
    /// Which share of the requests of a wave may end with a status of 500 and above, from 0 to 1; absent: any.
    #[schema(minimum = 0, maximum = 1)]
    pub max_error_rate: Option<f64>,
    /// How long the 99th percentile of a wave's requests may take, in milliseconds; absent: as long as it takes.
    #[schema(exclusive_minimum = 0)]
    pub max_p99_ms: Option<f64>,
    /// From how many requests of a wave on both are judged, from 1; absent: 100.
    #[schema(minimum = 1)]
    pub min_requests: Option<u32>,
    /// What follows when they are fewer; absent: `wait`.
    pub on_unjudged: Option<OnUnjudged>,
    /// How long a wave is held to the gates once every data plane of it serves, in seconds, at most a week; absent: 60
    /// where there is more than one wave, or a gate on requests, else 0.
    #[schema(maximum = 604_800)]
    pub bake_seconds: Option<u32>,
    /// How long a wave may take until then, in seconds, at most a week; absent: 900. So long it waits for requests, too.
    #[schema(minimum = 1, maximum = 604_800)]
    pub wave_seconds_max: Option<u32>,
}

impl Share {
    /// How many that is, of so many.
    pub fn of(self, all: usize) -> usize {
        match self {
            Self::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
            Self::Percent(percent) => all.saturating_mul(usize::from(percent)).div_ceil(100),
        }
    }
}

impl std::str::FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent = percent.parse().map_err(|_| ShareError)?;
                if (1..=100).contains(&percent) { Ok(Self::Percent(percent)) } else { Err(ShareError) }
            }
            None => text.parse().ok().filter(|count| *count > 0).map(Self::Count).ok_or(ShareError),
        }
    }
}

impl TryFrom<ShareText> for Share {
    type Error = ShareError;

    fn try_from(text: ShareText) -> Result<Self, ShareError> {
        match text {
            ShareText::Count(0) => Err(ShareError),
            ShareText::Count(count) => Ok(Self::Count(count)),
            // A number in quotes is a number of what?
            ShareText::Percent(text) if text.ends_with('%') => text.parse(),
            ShareText::Percent(_) => Err(ShareError),
        }
    }
}

impl From<Share> for ShareText {
    fn from(share: Share) -> Self {
        match share {
            Share::Count(count) => Self::Count(count),
            Share::Percent(percent) => Self::Percent(format!("{percent}%")),
        }
    }
}

impl Strategy {
    /// The sizes of all waves but the last.
    pub fn sizes(&self) -> &[Share] {
        match self {
            Self::AllAtOnce => &[],
            Self::Canary { size } => std::slice::from_ref(size),
            Self::Waves { sizes } => sizes,
        }
    }

    /// How many waves there are.
    pub fn waves(&self) -> i64 {
        i64::try_from(self.sizes().len()).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// Whether it can be meant.
    pub fn check(&self) -> Result<(), Error> {
        match self {
            Self::AllAtOnce | Self::Canary { .. } => Ok(()),
            Self::Waves { sizes } if (1..=SHARES_MAX).contains(&sizes.len()) => Ok(()),
            Self::Waves { sizes } => {
                let message =
                    format!("{} sizes; give 1 to {SHARES_MAX}: the last wave, everyone, needs none", sizes.len());
                Err(Error::invalid("/strategy/sizes", message))
            }
        }
    }
}

impl GatesWanted {
    /// Whether they can be meant.
    pub fn check(&self) -> Result<(), Error> {
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        let is_time = |ms: f64| ms.is_finite() && ms > 0.0;
        let is_some_seconds = |seconds: u32| (1..=SECONDS_MAX).contains(&seconds);
        let checks = [
            ("max_error_rate", self.max_error_rate.is_none_or(is_share), "a share of requests, from 0 to 1"),
            ("max_p99_ms", self.max_p99_ms.is_none_or(is_time), "milliseconds, above 0"),
            ("min_requests", self.min_requests != Some(0), "a number of requests, from 1"),
            ("bake_seconds", self.bake_seconds.is_none_or(|seconds| seconds <= SECONDS_MAX), "seconds, at most a week"),
            ("wave_seconds_max", self.wave_seconds_max.is_none_or(is_some_seconds), "seconds, 1 to a week's"),
        ];
        let faults: Vec<Fault> = checks
            .into_iter()
            .filter(|(_, holds, _)| !holds)
            .map(|(name, _, what)| Fault { pointer: format!("/gates/{name}"), message: format!("give {what}") })
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
    }
}

impl Gates {
    /// What somebody says, with the rest as it is if nobody says.
    pub fn of(wanted: &GatesWanted, strategy: &Strategy) -> Self {
        let gates = Self {
            max_rejections: wanted.max_rejections.unwrap_or_default(),
            max_error_rate: wanted.max_error_rate,
            max_p99_ms: wanted.max_p99_ms,
            min_requests: wanted.min_requests.unwrap_or(MIN_REQUESTS),
            on_unjudged: wanted.on_unjudged.unwrap_or_default(),
            bake_seconds: 0,
            wave_seconds_max: wanted.wave_seconds_max.unwrap_or(WAVE_SECONDS_MAX),
        };
        let bake_seconds = if strategy.waves() > 1 || gates.judge_requests() { BAKE_SECONDS } else { 0 };
        Self { bake_seconds: wanted.bake_seconds.unwrap_or(bake_seconds), ..gates }
    }

    /// Whether any of them is on requests.
    pub fn judge_requests(&self) -> bool {
        self.max_error_rate.is_some() || self.max_p99_ms.is_some()
    }

    /// None but that everyone takes it: what is known to have worked is not judged by its traffic. All are told before
    /// any of them refuses it, so that one that does holds nobody else up.
    pub fn of_rollback() -> Self {
        Self::of(&GatesWanted::default(), &Strategy::AllAtOnce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_numbers_or_percentages() {
        let waves: Strategy = serde_json::from_str(r#"{"kind":"waves","sizes":[1,"10%","100%"]}"#).unwrap();
        assert_eq!(waves.sizes(), [Share::Count(1), Share::Percent(10), Share::Percent(100)]);
        assert_eq!(serde_json::to_string(&waves).unwrap(), r#"{"kind":"waves","sizes":[1,"10%","100%"]}"#);
        for wrong in ["0", "\"0%\"", "\"101%\"", "\"10\"", "-1", "1.5", "\"%\""] {
            let text = format!(r#"{{"kind":"canary","size":{wrong}}}"#);
            assert!(serde_json::from_str::<Strategy>(&text).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Strategy>(r#"{"kind":"canary","size":1,"sizes":[]}"#).is_err());
        assert_eq!((Share::Percent(10).of(11), Share::Percent(1).of(1), Share::Count(3).of(1)), (2, 1, 3));
    }

    #[test]
    fn a_way_back_is_judged_by_refusals_alone() {
        let shown = serde_json::to_value(Gates::of_rollback()).unwrap();
        let expected = serde_json::json!({
            "max_rejections": 0, "min_requests": 100, "on_unjudged": "wait", "bake_seconds": 0, "wave_seconds_max": 900,
        });
        assert_eq!(shown, expected);
        assert_eq!(serde_json::from_value::<Gates>(shown).unwrap(), Gates::of_rollback());
    }

    #[test]
    fn gates_are_checked_and_filled_in() {
        let wanted: GatesWanted = serde_json::from_str(r#"{"max_error_rate":0.01}"#).unwrap();
        assert!(wanted.check().is_ok());
        let canary = Strategy::Canary { size: Share::Count(1) };
        let gates = Gates::of(&wanted, &canary);
        assert_eq!((gates.max_rejections, gates.bake_seconds, gates.min_requests), (0, 60, 100));
        assert_eq!(gates.on_unjudged, OnUnjudged::Wait);
        // Heartbeats tell of requests, and take their time.
        assert_eq!(Gates::of(&wanted, &Strategy::AllAtOnce).bake_seconds, 60);
        assert_eq!(Gates::of(&GatesWanted::default(), &Strategy::AllAtOnce).bake_seconds, 0);
        let wanted: GatesWanted = serde_json::from_str(r#"{"max_p99_ms":9,"on_unjudged":"continue"}"#).unwrap();
        assert_eq!(Gates::of(&wanted, &canary).on_unjudged, OnUnjudged::Continue);
        assert!(serde_json::from_str::<GatesWanted>(r#"{"on_unjudged":"never"}"#).is_err());
        for wrong in [
            r#"{"max_error_rate":1.1}"#,
            r#"{"max_p99_ms":0}"#,
            r#"{"bake_seconds":604801}"#,
            r#"{"wave_seconds_max":0}"#,
        ] {
            assert!(serde_json::from_str::<GatesWanted>(wrong).unwrap().check().is_err(), "{wrong}");
        }
    }
}
