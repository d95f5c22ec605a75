//! Indexes into the model's tables, one type each so that they cannot be mixed up.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u32);

        impl $name {
            /// The position in the table.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// Into [`Routes::listeners`](super::Routes::listeners).
    ListenerId
    /// Into [`Routes::apis`](super::Routes::apis).
    ApiId
    /// Into [`Routes::operations`](super::Routes::operations).
    OperationId
    /// Into [`Schemas::schemas`](super::Schemas::schemas).
    SchemaId
    /// Into [`Policies::schemes`](super::Policies::schemes).
    SchemeId
    /// Into [`Policies::sets`](super::Policies::sets).
    PolicyId
    /// Into [`Upstreams::upstreams`](super::Upstreams::upstreams).
    UpstreamId
}
