use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    metrics::Metrics,
    model::{ModelTrust, Reload, ReloadSection},
    range::Ranges,
    secrets,
};
use crate::{
    capture::{Exclusions, WatchedName},
    model::{Score, Source},
};

/// What the sensor may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Flag, and touch nothing.
    #[default]
    Observe,
    /// Kill what scores at or above the kill threshold.
    Enforce,
}

impl Mode {
    /// The name in a policy.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Enforce => "enforce",
        }
    }
}

/// Which model scores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelChoice {
    /// This one.
    Use(Source),
    /// None: capture only.
    None,
}

/// The policy: validated, with every default filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// What the sensor may do.
    pub mode: Mode,
    /// Which model scores.
    pub model: ModelChoice,
    /// Whose models are used.
    pub trust: ModelTrust,
    /// How a new model takes over.
    pub reload: Reload,
    /// Alert threshold; the model's own when `None`.
    pub alert: Option<Score>,
    /// Kill threshold; the model's own when `None`.
    pub kill: Option<Score>,
    /// Executables that are never killed.
    pub protected: Vec<PathBuf>,
    /// Bytes of the critical ring.
    pub critical_ring: u32,
    /// Bytes of the bulk ring.
    pub bulk_ring: u32,
    /// Processes that are kept track of.
    pub processes: usize,
    /// Records that wait for an output.
    pub output_queue: usize,
    /// Bytes of the largest executable that is hashed; zero for none.
    pub hash_file: u32,
    /// Files, and directories for the files directly in them, whose opening for
    /// reading is recorded.
    pub watch_read: Vec<PathBuf>,
    /// The same for writes.
    pub watch_write: Vec<PathBuf>,
    /// Names of files whose opening for reading is recorded, wherever they are.
    pub watch_names: Vec<WatchedName>,
    /// Acts that are not recorded.
    pub exclusions: Exclusions,
    /// Where metrics are served.
    pub metrics: Metrics,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            mode: Mode::Observe,
            model: ModelChoice::Use(Source::Shipped),
            trust: ModelTrust::default(),
            reload: Reload::default(),
            alert: None,
            kill: None,
            protected: Vec::new(),
            critical_ring: 2 << 20,
            bulk_ring: 4 << 20,
            processes: 65_536,
            output_queue: 65_536,
            hash_file: 256 << 20,
            watch_read: secrets::paths(),
            watch_write: Vec::new(),
            watch_names: secrets::names(),
            exclusions: Exclusions::default(),
            metrics: Metrics::default(),
        }
    }
}

/// Why a policy file was refused.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the policy {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML, or has a key or type that is not known.
    #[error("{path}: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, key, and what is expected.
        message: String,
    },
    /// A value is out of its range.
    #[error("{path}: {key} is {found}, allowed is {allowed}")]
    Range {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// The value.
        found: String,
        /// The range.
        allowed: String,
    },
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    model: ModelSection,
    reload: ReloadSection,
    response: ResponseSection,
    limits: LimitsSection,
    watch: WatchSection,
    exclude: ExcludeSection,
    metrics: MetricsSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct MetricsSection {
    listen: Option<String>,
    allow_remote: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ExcludeSection {
    executables: Vec<PathBuf>,
    cgroups: Vec<PathBuf>,
    paths: Vec<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WatchSection {
    read: Option<Vec<PathBuf>>,
    write: Vec<PathBuf>,
    names: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ModelSection {
    path: Option<String>,
    alert_threshold: Option<f64>,
    kill_threshold: Option<f64>,
    trusted_keys: Option<PathBuf>,
    require_signature: Option<bool>,
    state: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ResponseSection {
    mode: Mode,
    protected: Vec<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsSection {
    critical_ring_bytes: Option<i64>,
    bulk_ring_bytes: Option<i64>,
    processes: Option<i64>,
    output_queue: Option<i64>,
    hash_file_bytes: Option<i64>,
}

impl Config {
    /// Reads and validates a policy file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.into(),
            source,
        })?;
        Self::parse(&text, path)
    }

    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let file: File = toml::from_str(text).map_err(|error| ConfigError::Parse {
            path: path.into(),
            message: error.to_string().trim_end().to_owned(),
        })?;
        let ranges = Ranges(path);
        let alert = ranges.threshold("model.alert_threshold", file.model.alert_threshold)?;
        let kill = ranges.threshold("model.kill_threshold", file.model.kill_threshold)?;
        if let (Some(alert), Some(kill)) = (alert, kill)
            && kill < alert
        {
            return Err(ranges.error(
                "model.kill_threshold",
                kill.get().to_string(),
                format!("model.alert_threshold ({}) to 1.0", alert.get()),
            ));
        }
        for protected in &file.response.protected {
            if !protected.is_absolute() {
                return Err(ranges.error(
                    "response.protected",
                    format!("{:?}", protected.display().to_string()),
                    String::from("absolute paths of executables"),
                ));
            }
        }
        let defaults = Self::default();
        let limits = &file.limits;
        Ok(Self {
            mode: file.response.mode,
            model: match file.model.path.as_deref() {
                None => ModelChoice::Use(Source::Shipped),
                Some(choice) => choice.into(),
            },
            trust: ModelTrust {
                trusted_keys: ranges.absolute("model.trusted_keys", file.model.trusted_keys)?,
                require_signature: file.model.require_signature,
                state: ranges
                    .absolute("model.state", file.model.state)?
                    .unwrap_or(defaults.trust.state),
            },
            reload: ranges.reload(&file.reload)?,
            alert,
            kill,
            protected: file.response.protected,
            critical_ring: ranges.ring(
                "limits.critical_ring_bytes",
                limits.critical_ring_bytes,
                defaults.critical_ring,
            )?,
            bulk_ring: ranges.ring(
                "limits.bulk_ring_bytes",
                limits.bulk_ring_bytes,
                defaults.bulk_ring,
            )?,
            processes: ranges.number(
                "limits.processes",
                limits.processes,
                65_536,
                (1_024, 4 << 20),
            )? as usize,
            output_queue: ranges.number(
                "limits.output_queue",
                limits.output_queue,
                65_536,
                (16, 1 << 20),
            )? as usize,
            hash_file: ranges.number(
                "limits.hash_file_bytes",
                limits.hash_file_bytes,
                defaults.hash_file,
                (0, u32::MAX),
            )?,
            watch_read: ranges
                .watched("watch.read", file.watch.read.unwrap_or(defaults.watch_read))?,
            watch_write: ranges.watched("watch.write", file.watch.write)?,
            watch_names: match file.watch.names {
                Some(names) => ranges.watched_names("watch.names", &names)?,
                None => defaults.watch_names,
            },
            exclusions: Exclusions {
                executables: ranges.watched("exclude.executables", file.exclude.executables)?,
                cgroups: ranges.excluded_cgroups("exclude.cgroups", file.exclude.cgroups)?,
                paths: ranges.excluded_paths("exclude.paths", file.exclude.paths)?,
            },
            metrics: ranges.metrics(file.metrics.listen.as_deref(), file.metrics.allow_remote)?,
        })
    }
}

impl From<&str> for ModelChoice {
    /// `shipped`, `none`, or a path.
    fn from(text: &str) -> Self {
        match text {
            crate::model::SHIPPED_NAME => Self::Use(Source::Shipped),
            "none" => Self::None,
            path => Self::Use(Source::File(path.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("/etc/sensor/policy.toml"))
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(parse("").unwrap(), Config::default());
    }

    #[test]
    fn every_key_is_read() {
        let config = parse(
            "[model]\npath = \"/m.onnx\"\nalert_threshold = 0.25\nkill_threshold = 0.5\n\
             [response]\nmode = \"enforce\"\nprotected = [\"/usr/sbin/sshd\"]\n\
             [limits]\ncritical_ring_bytes = 65536\nbulk_ring_bytes = 131072\nprocesses = 2000\n\
             output_queue = 100\nhash_file_bytes = 0\n\
             [exclude]\nexecutables = [\"/b\"]\ncgroups = [\"/c\"]\npaths = [\"/p\"]\n\
             [watch]\nread = [\"/r\"]\nwrite = [\"/w\"]\nnames = [\"d/f\", \"*/x\"]\n\
             [metrics]\nlisten = \"192.0.2.1:9464\"\nallow_remote = true\n",
        )
        .unwrap();
        assert_eq!(config.mode, Mode::Enforce);
        assert_eq!(
            config.model,
            ModelChoice::Use(Source::File("/m.onnx".into()))
        );
        assert_eq!(
            (config.alert, config.kill),
            (Score::new(0.25), Score::new(0.5))
        );
        assert_eq!(config.protected, [PathBuf::from("/usr/sbin/sshd")]);
        assert_eq!((config.critical_ring, config.bulk_ring), (65_536, 131_072));
        assert_eq!((config.processes, config.output_queue), (2_000, 100));
        assert_eq!(config.hash_file, 0);
        let exclusions = Exclusions {
            executables: vec!["/b".into()],
            cgroups: vec!["/c".into()],
            paths: vec!["/p".into()],
        };
        assert_eq!(config.exclusions, exclusions);
        assert_eq!(config.watch_read, [PathBuf::from("/r")]);
        assert_eq!(config.watch_write, [PathBuf::from("/w")]);
        let names: Vec<String> = config.watch_names.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["d/f", "*/x"]);
        let listen = config.metrics.listen.unwrap();
        assert_eq!(listen.to_string(), "192.0.2.1:9464");
        assert!(config.metrics.allow_remote);
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        for (text, parts) in [
            ("[model", &["/etc/sensor/policy.toml", "line 1"][..]),
            (
                "[modle]\n",
                &["unknown field `modle`", "expected one of `model`"],
            ),
            (
                "[response]\nmode = \"kill\"",
                &["line 2", "`kill`", "`observe` or `enforce`"],
            ),
            (
                "[response]\nmoed = \"observe\"",
                &["unknown field `moed`", "`mode`"],
            ),
            (
                "[model]\nalert_threshold = 1.5",
                &["model.alert_threshold", "1.5", "0.0 to 1.0"],
            ),
            (
                "[model]\nalert_threshold = \"x\"",
                &["line 2", "expected f64"],
            ),
            (
                "[model]\nkill_threshold = nan",
                &["model.kill_threshold", "NaN"],
            ),
            (
                "[model]\nalert_threshold = 0.9\nkill_threshold = 0.1",
                &["model.kill_threshold", "0.1", "model.alert_threshold (0.9)"],
            ),
            (
                "[limits]\nprocesses = 3",
                &["limits.processes", "3", "1024 to 4194304"],
            ),
            ("[limits]\nprocesses = -1", &["limits.processes", "-1"]),
            (
                "[limits]\nbulk_ring_bytes = 100000",
                &["limits.bulk_ring_bytes", "power of two, such as 131072"],
            ),
            (
                "[limits]\nhash_file_bytes = 4294967296",
                &["limits.hash_file_bytes", "0 to 4294967295"],
            ),
            (
                "[watch]\nnames = [\"etc/shadow\", \"shadow\"]",
                &["watch.names", "\"shadow\"", "\"etc/shadow\"", "31 bytes"],
            ),
            (
                "[watch]\nname = [\"etc/shadow\"]",
                &["unknown field `name`", "`read`, `write`, `names`"],
            ),
            (
                "[exclude]\nexecutables = [\"rsync\"]",
                &["exclude.executables", "rsync", "absolute"],
            ),
            (
                "[exclude]\ncgroups = [\"/\"]",
                &["exclude.cgroups", "\"/\"", "below the root"],
            ),
            (
                "[exclude]\npaths = [\"//\"]",
                &["exclude.paths", "\"//\"", "at most 127 bytes"],
            ),
            (
                "[exclude]\nusers = [\"root\"]",
                &["unknown field `users`", "`executables`, `cgroups`, `paths`"],
            ),
            (
                "[metrics]\nlisten = \"0.0.0.0:9464\"",
                &[
                    "metrics.listen",
                    "\"0.0.0.0:9464\"",
                    "127.0.0.1:9464",
                    "allow_remote = true",
                ],
            ),
            (
                "[metrics]\nlisten = \"unix:metrics.sock\"\nallow_remote = true",
                &["metrics.listen", "\"unix:metrics.sock\"", "absolute path"],
            ),
            (
                "[metrics]\nport = 9464",
                &["unknown field `port`", "`listen` or `allow_remote`"],
            ),
            (
                "[response]\nprotected = [\"sshd\"]",
                &["response.protected", "sshd", "absolute"],
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            for part in parts {
                assert!(
                    error.contains(part),
                    "{text:?} gives {error:?}, without {part:?}"
                );
            }
        }
    }
}
