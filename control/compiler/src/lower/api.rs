//! One entry document, as its operations see it.

use artifact_format::model::{Api, ApiId, Patterns};

use super::map;
use crate::diagnostic::Sink;
use crate::document::Node;
use crate::extension;

/// What every operation of a document shares.
pub(super) struct ApiContext<'d> {
    pub(super) id: ApiId,
    pub(super) root: Node<'d>,
    /// The document's `x-portcullis`.
    pub(super) extension: Option<Node<'d>>,
}

impl<'d> ApiContext<'d> {
    /// What regular expressions of its schemas may do.
    pub(super) fn patterns(&self) -> Patterns {
        extension::patterns(self.extension.as_ref())
    }

    /// `components.securitySchemes`.
    pub(super) fn security_schemes(&self, sink: &mut Sink) -> Option<Node<'d>> {
        Some(map(&self.root.get("components")?.get("securitySchemes")?, sink))
    }
}

/// `info` and where it came from.
pub(super) fn api(root: &Node<'_>) -> Api {
    let text = |node: Option<Node<'_>>| node.and_then(|node| node.str().map(str::to_owned)).unwrap_or_default();
    let info = root.get("info");
    let of_info = |name: &str| text(info.as_ref().and_then(|info| info.get(name)));
    Api {
        title: of_info("title"),
        version: of_info("version"),
        openapi: text(root.get("openapi")),
        spec: root.documents().document(root.file()).path().to_owned(),
    }
}
