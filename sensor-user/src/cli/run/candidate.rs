//! The model that the sensor starts with.

use super::{
    reload::{Reloader, Watched},
    scoring::Scoring,
};
use crate::{
    cli::{
        Failure,
        admission::{Admitted, Gate},
    },
    model::Source,
    policy::{Config, ModelChoice},
};

/// A model that may score, and does not yet.
pub(super) struct Candidate {
    gate: Gate,
    admitted: Admitted,
    /// Where a file may be followed by another.
    watched: Option<Watched>,
}

impl Candidate {
    /// The one of the policy; `None` where nothing is to score.
    pub(super) fn of(config: &Config) -> Result<Option<Self>, Failure> {
        let ModelChoice::Use(source) = &config.model else {
            return Ok(None);
        };
        // Looked at before it is read: what changes from here on is noticed.
        let watched = match source {
            Source::File(path) => Some(Watched::new(path)),
            Source::Shipped => None,
        };
        let gate = Gate::new(config);
        let admitted = gate.admit(source).map_err(Failure::usage)?;
        Ok(Some(Self {
            gate,
            admitted,
            watched,
        }))
    }

    /// Has it score, and its version remembered.
    pub(super) fn employ(self, config: &Config) -> Result<Scoring, Failure> {
        let accepted = self.gate.accept(self.admitted.manifest.as_ref());
        accepted.map_err(Failure::usage)?;
        let reloader = self
            .watched
            .map(|watched| Reloader::start(watched, self.gate, config.reload.on_change))
            .transpose()
            .map_err(Failure::failed)?;
        Ok(Scoring::new(self.admitted, config, reloader))
    }
}
