//! What is to be done about a score: the configuration and the decision.

mod config;
mod decision;
mod metrics;
mod model;
mod range;
mod secrets;

pub use config::{Config, ConfigError, Mode, ModelChoice};
pub use decision::{Action, Decision, Label, Spared, decide};
pub use metrics::{AddressError, Metrics, MetricsAddress};
pub use model::{ModelTrust, Reload};
pub use secrets::NAMES as WATCHED_SECRETS;
