//! `security` and the security schemes in use (OpenAPI 3.2.0 sections 4.27 and 4.30).

use std::collections::HashMap;

use artifact_format::model::{
    ApiKeyLocation, Feature, Requirement, Scheme, SchemeId, SchemeKind, Security, Verification,
};

use super::api::ApiContext;
use super::unreadable;
use crate::diagnostic::nearest;
use crate::diagnostic::{Code, Sink};
use crate::document::{Identity, Node, Token, Version};
use crate::extension::{self, Extensions, Released};
use crate::input::{SecurityMode, Settings};

/// The security schemes in use, each once.
pub(super) struct Schemes {
    mode: SecurityMode,
    pub(super) in_use: Vec<Scheme>,
    ids: HashMap<Identity, Option<SchemeId>>,
}

/// What reading a scheme may ask and tell.
pub(super) struct Surroundings<'s, 'd> {
    pub(super) extensions: &'s mut Extensions<'d>,
    pub(super) released: &'s mut Released,
    pub(super) sink: &'s mut Sink,
}

impl Schemes {
    pub(super) fn new(mode: SecurityMode) -> Self {
        Self { mode, in_use: Vec::new(), ids: HashMap::new() }
    }

    /// Who may call `operation`: its own `security`, else the document's.
    pub(super) fn security<'d>(
        &mut self,
        operation: &Node<'d>,
        api: &ApiContext<'d>,
        around: &mut Surroundings<'_, 'd>,
    ) -> Security {
        let declared = operation.get("security").or_else(|| api.root.get("security"));
        let mut security = Security::default();
        for alternative in declared.iter().flat_map(Node::items) {
            if !alternative.value().is_object() {
                unreadable(&alternative, "a security requirement must be an object", around.sink);
            }
            let requirements = alternative.entries().filter_map(|(_, scopes)| {
                let scheme = self.scheme(&scopes, api, around)?;
                let scopes = scopes.items().filter_map(|scope| scope.str().map(str::to_owned)).collect();
                Some(Requirement { scheme, scopes })
            });
            security.alternatives.push(requirements.collect());
        }
        match self.mode {
            SecurityMode::Enforce | SecurityMode::Presence => security,
            SecurityMode::Off => Security::default(),
        }
    }

    /// The scheme that is required at `place`, by the key there. `None` where there is a fault, which is reported, and
    /// where security is off.
    fn scheme<'d>(
        &mut self,
        place: &Node<'d>,
        api: &ApiContext<'d>,
        around: &mut Surroundings<'_, 'd>,
    ) -> Option<SchemeId> {
        let Some(Token::Key(name)) = place.token() else { return None };
        let Some(definition) = definition(name, place, api, around.sink) else {
            undefined(name, place, api, around.sink);
            return None;
        };
        let definition = match definition.resolved() {
            Ok(definition) => definition,
            Err(error) => {
                unreadable(&definition, &error.to_string(), around.sink);
                return None;
            }
        };
        if let Some(known) = self.ids.get(&definition.identity()) {
            return *known;
        }
        let id = self.read(name, &definition, around).and_then(|scheme| self.add(scheme));
        self.ids.insert(definition.identity(), id);
        id
    }

    fn read<'d>(&self, name: &str, definition: &Node<'d>, around: &mut Surroundings<'_, 'd>) -> Option<Scheme> {
        let Some(kind) = kind(definition) else {
            unreadable(definition, "a security scheme of an unknown kind", around.sink);
            return None;
        };
        let verification = match self.mode {
            SecurityMode::Off => return None,
            _ if kind == SchemeKind::MutualTls && Feature::ClientCertificates.since().is_none() => {
                around.released.demand(Feature::ClientCertificates, definition, around.sink);
                return None;
            }
            SecurityMode::Presence => Verification::Presence,
            SecurityMode::Enforce => verification(name, &kind, definition, around)?,
        };
        Some(Scheme { name: name.to_owned(), kind, verification })
    }

    fn add(&mut self, scheme: Scheme) -> Option<SchemeId> {
        let known = self.in_use.iter().position(|known| *known == scheme);
        let index = known.unwrap_or(self.in_use.len());
        if known.is_none() {
            self.in_use.push(scheme);
        }
        u32::try_from(index).ok().map(SchemeId)
    }
}

/// The Security Scheme Object that a requirement names: a component of the entry document, else, since 3.2, a URI.
fn definition<'d>(name: &str, place: &Node<'d>, api: &ApiContext<'d>, sink: &mut Sink) -> Option<Node<'d>> {
    let component = api.security_schemes(sink).and_then(|schemes| schemes.get(name));
    component.or_else(|| {
        let documents = place.documents();
        let may_be_uri = documents.document(place.file()).version() >= Version::V3_2;
        let found = may_be_uri.then(|| documents.resolve(place, name).ok()).flatten()?;
        found.get("type").is_some().then_some(found)
    })
}

fn undefined(name: &str, place: &Node<'_>, api: &ApiContext<'_>, sink: &mut Sink) {
    let schemes = api.security_schemes(sink);
    let diagnostic =
        sink.error(Code::SchemeUndefined, place.key_place(), format!("there is no security scheme `{name}`"));
    match nearest(name, schemes.iter().flat_map(Node::entries).map(|(name, _)| name)) {
        Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
        None => diagnostic.hint(format!("define `{name}` under `components.securitySchemes`")),
    };
}

fn kind(definition: &Node<'_>) -> Option<SchemeKind> {
    let text = |name: &str| Some(definition.get(name)?.str()?.to_owned());
    Some(match definition.get("type")?.str()? {
        "apiKey" => SchemeKind::ApiKey {
            location: match definition.get("in")?.str()? {
                "header" => ApiKeyLocation::Header,
                "query" => ApiKeyLocation::Query,
                "cookie" => ApiKeyLocation::Cookie,
                _ => return None,
            },
            name: text("name")?,
        },
        "http" => SchemeKind::Http { scheme: text("scheme")?.to_ascii_lowercase() },
        "oauth2" => SchemeKind::OAuth2,
        "openIdConnect" => SchemeKind::OpenIdConnect { url: text("openIdConnectUrl")? },
        "mutualTLS" => SchemeKind::MutualTls,
        _ => return None,
    })
}

/// Whether a scheme carries a token that can be a JSON Web Token.
fn carries_token(kind: &SchemeKind) -> bool {
    match kind {
        SchemeKind::Http { scheme } => scheme == "bearer",
        SchemeKind::OAuth2 | SchemeKind::OpenIdConnect { .. } => true,
        SchemeKind::ApiKey { .. } | SchemeKind::MutualTls => false,
    }
}

fn verification<'d>(
    name: &str,
    kind: &SchemeKind,
    definition: &Node<'d>,
    around: &mut Surroundings<'_, 'd>,
) -> Option<Verification> {
    if definition.get(extension::KEY).is_none() {
        let remedy = remedy(name, kind, around.sink.settings());
        around
            .sink
            .error(
                Code::SchemeUnverified,
                definition,
                format!("nothing says how the security scheme `{name}` is verified"),
            )
            .hint(remedy);
        return None;
    }
    let extension = around.extensions.of_scheme(definition, around.sink)?;
    if !carries_token(kind) {
        let message = format!("`{name}` does not carry a JSON Web Token, and nothing else can be verified yet");
        let other_modes = other_modes(around.sink.settings());
        around.sink.error(Code::VerificationMisplaced, &extension, message).hint(other_modes);
        return None;
    }
    around.released.demand(Feature::JwtVerification, &extension, around.sink);
    extension::verification(&extension).map(Verification::Jwt)
}

fn other_modes(settings: Settings) -> String {
    let (presence, off) = (settings.with("security", "presence"), settings.with("security", "off"));
    format!(
        "compile with {presence} (a credential must be there and the upstream verifies it) or {off} (nothing is asked for)"
    )
}

fn remedy(name: &str, kind: &SchemeKind, settings: Settings) -> String {
    let other_modes = other_modes(settings);
    if !carries_token(kind) || Feature::JwtVerification.since().is_none() {
        return format!("no gateway verifies this kind of credential yet: {other_modes}");
    }
    format!(
        "say who issues its tokens:\n\
         components:\n  securitySchemes:\n    {name}:\n      x-portcullis:\n        issuer: https://id.example\n        \
         audience: my-api\n        jwks: https://id.example/.well-known/jwks.json\n\
         or {other_modes}"
    )
}
