//! How a security scheme's credentials are verified.

use artifact_format::model::JwtVerification;

use crate::document::Node;

/// What a scheme's extension says; it was held to its shape.
pub(crate) fn verification(extension: &Node<'_>) -> Option<JwtVerification> {
    let text = |name: &str| Some(extension.get(name)?.str()?.to_owned());
    let audience = extension.get("audience")?;
    let listed = audience.items().filter_map(|item| item.str().map(str::to_owned));
    let audiences = audience.str().map(str::to_owned).into_iter().chain(listed).collect();
    Some(JwtVerification { issuer: text("issuer")?, audiences, jwks: text("jwks")? })
}
