//! What the control plane knows, and the rules that hold in it. Knows neither HTTP nor SQL.
//!
//! - [`secret`]: what people, pipelines and data planes show to say who they are.

pub mod secret;
