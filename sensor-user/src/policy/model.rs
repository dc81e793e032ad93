//! Which model files are used, and how one follows another while the sensor runs.

use std::{path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{ConfigError, Mode, range::Ranges};

/// Where public keys lie unless the policy says otherwise.
const KEYS: &str = "/etc/sensor/keys";

/// Where accepted versions are kept unless the policy says otherwise.
const STATE: &str = "/var/lib/sensor/model-state.json";

/// Whose models are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelTrust {
    /// A public key, or a folder of them; `None` for the usual folder, which need not
    /// be there.
    pub trusted_keys: Option<PathBuf>,
    /// Whether a file without a signature is refused; `None` when the mode decides.
    pub require_signature: Option<bool>,
    /// File of the versions that were accepted.
    pub state: PathBuf,
}

impl Default for ModelTrust {
    fn default() -> Self {
        Self {
            trusted_keys: None,
            require_signature: None,
            state: STATE.into(),
        }
    }
}

impl ModelTrust {
    /// The usual folder of public keys.
    #[must_use]
    pub fn usual_keys() -> PathBuf {
        KEYS.into()
    }

    /// Whether a file without a signature is refused. Unless the policy says so, it
    /// is where a score may kill.
    #[must_use]
    pub fn requires_signature(&self, mode: Mode) -> bool {
        self.require_signature.unwrap_or(mode == Mode::Enforce)
    }
}

/// How a new model takes over from the one that runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Reload {
    /// Whether a change of the file is enough; else it takes a SIGHUP.
    pub on_change: bool,
    /// A new model scores beside the running one for so many scores,
    pub shadow_scores: u32,
    /// or for this long.
    pub shadow_time: Duration,
    /// Then the old one scores beside the new one for so many scores,
    pub trial_scores: u32,
    /// or for this long.
    pub trial_time: Duration,
    /// How many times as many alerts the new one may give as the old one does on the
    /// same rows.
    pub alert_factor: f64,
    /// How far the new model's scores may move once it runs, as the population
    /// stability index over ten classes of scores.
    pub largest_shift: f64,
}

impl Default for Reload {
    fn default() -> Self {
        Self {
            on_change: true,
            shadow_scores: 1_000,
            shadow_time: Duration::from_mins(1),
            trial_scores: 5_000,
            trial_time: Duration::from_mins(10),
            alert_factor: 3.0,
            largest_shift: 0.25,
        }
    }
}

/// The section `[reload]` as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ReloadSection {
    on_change: Option<bool>,
    shadow_scores: Option<i64>,
    shadow_seconds: Option<i64>,
    trial_scores: Option<i64>,
    trial_seconds: Option<i64>,
    alert_factor: Option<f64>,
    largest_shift: Option<f64>,
}

impl Ranges<'_> {
    pub(super) fn reload(self, section: &ReloadSection) -> Result<Reload, ConfigError> {
        let defaults = Reload::default();
        let scores = |key, value, default| self.number(key, value, default, (1, 10_000_000));
        let time = |key, value, default: Duration| {
            let default = u32::try_from(default.as_secs()).unwrap_or(u32::MAX);
            let seconds = self.number(key, value, default, (1, 86_400))?;
            Ok(Duration::from_secs(seconds.into()))
        };
        let ratio = |key, value: Option<f64>, default, low: f64| match value {
            None => Ok(default),
            Some(value) if (low..=1e6).contains(&value) => Ok(value),
            Some(value) => Err(self.error(key, value.to_string(), format!("{low} to 1000000"))),
        };
        Ok(Reload {
            on_change: section.on_change.unwrap_or(defaults.on_change),
            shadow_scores: scores(
                "reload.shadow_scores",
                section.shadow_scores,
                defaults.shadow_scores,
            )?,
            shadow_time: time(
                "reload.shadow_seconds",
                section.shadow_seconds,
                defaults.shadow_time,
            )?,
            trial_scores: scores(
                "reload.trial_scores",
                section.trial_scores,
                defaults.trial_scores,
            )?,
            trial_time: time(
                "reload.trial_seconds",
                section.trial_seconds,
                defaults.trial_time,
            )?,
            alert_factor: ratio(
                "reload.alert_factor",
                section.alert_factor,
                defaults.alert_factor,
                1.0,
            )?,
            largest_shift: ratio(
                "reload.largest_shift",
                section.largest_shift,
                defaults.largest_shift,
                0.0,
            )?,
        })
    }

    /// An absolute path.
    pub(super) fn absolute(
        self,
        key: &'static str,
        path: Option<PathBuf>,
    ) -> Result<Option<PathBuf>, ConfigError> {
        match path {
            Some(path) if !path.is_absolute() => Err(self.error(
                key,
                format!("{:?}", path.display().to_string()),
                String::from("an absolute path"),
            )),
            path => Ok(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::policy::Config;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("/etc/sensor/policy.toml"))
    }

    #[test]
    fn every_key_is_read() {
        let config = parse(
            "[model]\ntrusted_keys = \"/k\"\nrequire_signature = true\nstate = \"/s\"\n\
             [reload]\non_change = false\nshadow_scores = 2\nshadow_seconds = 3\n\
             trial_scores = 4\ntrial_seconds = 5\nalert_factor = 1.5\nlargest_shift = 0.5\n",
        )
        .unwrap();
        let trust = ModelTrust {
            trusted_keys: Some("/k".into()),
            require_signature: Some(true),
            state: "/s".into(),
        };
        assert_eq!(config.trust, trust);
        let reload = Reload {
            on_change: false,
            shadow_scores: 2,
            shadow_time: Duration::from_secs(3),
            trial_scores: 4,
            trial_time: Duration::from_secs(5),
            alert_factor: 1.5,
            largest_shift: 0.5,
        };
        assert_eq!(config.reload, reload);
    }

    #[test]
    fn where_a_score_may_kill_a_signature_is_required() {
        for (required, mode, expected) in [
            (None, Mode::Observe, false),
            (None, Mode::Enforce, true),
            (Some(true), Mode::Observe, true),
            (Some(false), Mode::Enforce, false),
        ] {
            let trust = ModelTrust {
                require_signature: required,
                ..ModelTrust::default()
            };
            assert_eq!(trust.requires_signature(mode), expected);
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        for (text, parts) in [
            (
                "[model]\ntrusted_keys = \"keys\"",
                &["model.trusted_keys", "\"keys\"", "an absolute path"][..],
            ),
            (
                "[model]\nstate = \"s\"",
                &["model.state", "an absolute path"],
            ),
            (
                "[reload]\nshadow_scores = 0",
                &["reload.shadow_scores", "is 0", "1 to 10000000"],
            ),
            (
                "[reload]\ntrial_seconds = 100000",
                &["reload.trial_seconds", "1 to 86400"],
            ),
            (
                "[reload]\nalert_factor = 0.5",
                &["reload.alert_factor", "0.5", "1 to 1000000"],
            ),
            (
                "[reload]\nlargest_shift = nan",
                &["reload.largest_shift", "NaN"],
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            for part in parts {
                assert!(error.contains(part), "{text:?} gives {error:?}");
            }
        }
    }
}
