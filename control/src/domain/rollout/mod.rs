//! How a deployment reaches data planes: wave by wave, each held to gates.
//!
//! Pure: a deployment, whom it has reached, what those say, and what time it is, in; the next [`Step`], out. Steps are
//! applied under the deployment's version, so whoever looks may take the next one, and of several that look at once one
//! does.
//!
//! - [`manner`]: what one can ask for;
//! - [`gate`]: whether a wave is well; [`remark`]: what that leaves open;
//! - [`wave`]: whether enough of a wave serve; [`engine`]: what comes next; [`progress`]: how far it is.

mod engine;
mod gate;
mod manner;
mod progress;
mod remark;
mod wave;

pub use engine::{Join, Member, Rollout, Step, Wave};
pub use gate::{Breach, Over};
pub use manner::{
    Gates, GatesWanted, Manner, OnFailure, OnUnjudged, Promotion, SHARES_MAX, Share, ShareText, Strategy,
};
pub use progress::{Progress, WaveProgress};
pub use remark::Remark;

#[cfg(test)]
mod tests;
