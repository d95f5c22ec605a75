//! What no released gateway does is refused where it is asked for: a document never promises what is not enforced.

use std::collections::HashSet;

use artifact_format::model::Feature;

use crate::diagnostic::{Code, Place, Sink};

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
        sink.error(
            Code::NotEnforced,
            place,
            format!("{} is not enforced by any gateway released so far", feature.name()),
        )
        .hint(remedy(feature));
    }
}

fn remedy(feature: Feature) -> &'static str {
    match feature {
        Feature::JwtVerification => {
            "compile with `--security presence` (credentials must be there, the upstream verifies them) or `--security off`"
        }
        Feature::ClientCertificates => {
            "terminate mutual TLS before the gateway and compile with `--security off`, or require another scheme"
        }
        Feature::UpstreamTls => {
            "name an `http` upstream there; unless it is one of `upstreams`, `--upstream http://HOST:PORT` does so for all"
        }
        Feature::LeastRequestBalance => "remove it: `round-robin` is the default",
        Feature::HealthChecks | Feature::Retries | Feature::ValidationOptions => "remove it",
        Feature::RateLimit | Feature::Cors | Feature::Mock => "remove it, or switch it off with `off`",
    }
}
