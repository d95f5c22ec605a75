//! What no released gateway does is refused where it is asked for: a document never promises what is not enforced.

use std::collections::HashSet;

use artifact_format::model::Feature;

use crate::diagnostic::{Code, Place, Sink};
use crate::input::Settings;

/// Remembers what was refused, so that a setting which a hundred operations inherit is refused once.
#[derive(Default)]
pub(crate) struct Released {
    refused: HashSet<(Feature, Place)>,
}

impl Released {
    /// Reports `feature`, which is asked for at `place`, unless a gateway does it.
    pub(crate) fn demand(&mut self, feature: Feature, place: impl Into<Place>, sink: &mut Sink) {
        let place = place.into();
        if feature.since().is_some() || !self.refused.insert((feature, place.clone())) {
            return;
        }
        let remedy = remedy(feature, sink.settings());
        sink.error(
            Code::NotEnforced,
            place,
            format!("{} is not enforced by any gateway released so far", feature.name()),
        )
        .hint(remedy);
    }
}

fn remedy(feature: Feature, settings: Settings) -> String {
    let (presence, off) = (settings.with("security", "presence"), settings.with("security", "off"));
    match feature {
        Feature::JwtVerification => {
            format!("compile with {presence} (credentials must be there, the upstream verifies them) or {off}")
        }
        Feature::ClientCertificates => {
            format!("terminate mutual TLS before the gateway and compile with {off}, or require another scheme")
        }
        Feature::UpstreamTls => {
            let upstream = settings.with("upstream", "http://HOST:PORT");
            format!("name an `http` upstream there; unless it is one of `upstreams`, {upstream} does so for all")
        }
        Feature::LeastRequestBalance => "remove it: `round-robin` is the default".to_owned(),
        Feature::HealthChecks | Feature::Retries | Feature::ValidationOptions => "remove it".to_owned(),
        Feature::RateLimit | Feature::Cors | Feature::Mock => "remove it, or switch it off with `off`".to_owned(),
    }
}
