//! A control plane's server, as the command line sees it. The only module of the command line that knows HTTP.
//!
//! Read in this order: [`connection`] says which server, whose token and which project are meant: by flag, environment,
//! context or default; [`context`] is the file that remembers them, [`token`] where a token is; [`http`] sends requests,
//! and sends those again that may be; [`thing`] is what comes back, [`find`] leads from names to ids; [`error`] is what
//! can go wrong, [`problem`] what the server says about it; [`pack`] makes an upload of documents on disk; [`waiting`]
//! looks at what takes its time.

pub mod connection;
pub mod context;
pub mod error;
pub mod find;
pub mod http;
pub mod pack;
pub mod problem;
pub mod thing;
pub mod token;
pub mod waiting;

pub use connection::{ConnectionArgs, ProjectArgs, Session};
pub use error::Error;
pub use http::{Body, Client};
pub use thing::{List, Thing};
pub use waiting::{Seen, Waiting};
