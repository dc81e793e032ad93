//! Values of a policy file, checked against what is allowed.

use std::path::{Path, PathBuf};

use sensor_common::{EXCLUDED_PATH_BYTES, EXCLUDED_PATHS_MAX};

use super::ConfigError;
use crate::{
    capture::{NoWatchedName, WATCHED_NAMES, WatchedName},
    model::Score,
};

/// Whether a path is that of the root, or of nothing below it.
fn is_root(path: &Path) -> bool {
    path.components().count() <= 1 && path.has_root()
}

/// Most paths that can be watched for one thing.
const WATCHES_MAX: usize = 1024;

/// Checks values of this file.
#[derive(Clone, Copy)]
pub(super) struct Ranges<'a>(pub(super) &'a Path);

impl Ranges<'_> {
    /// The refusal of a value.
    pub(super) fn error(self, key: &'static str, found: String, allowed: String) -> ConfigError {
        ConfigError::Range {
            path: self.0.into(),
            key,
            found,
            allowed,
        }
    }

    pub(super) fn threshold(
        self,
        key: &'static str,
        value: Option<f64>,
    ) -> Result<Option<Score>, ConfigError> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "scores are single precision"
        )]
        value
            .map(|value| {
                Score::new(value as f32)
                    .ok_or_else(|| self.error(key, value.to_string(), "0.0 to 1.0".into()))
            })
            .transpose()
    }

    /// Absolute paths only, and not too many.
    pub(super) fn watched(
        self,
        key: &'static str,
        paths: Vec<PathBuf>,
    ) -> Result<Vec<PathBuf>, ConfigError> {
        if let Some(relative) = paths.iter().find(|path| !path.is_absolute()) {
            let found = format!("{:?}", relative.display().to_string());
            return Err(self.error(key, found, String::from("absolute paths")));
        }
        if paths.len() > WATCHES_MAX {
            let found = format!("{} paths", paths.len());
            return Err(self.error(key, found, format!("at most {WATCHES_MAX} paths")));
        }
        Ok(paths)
    }

    /// Names of files and their directories, and not too many.
    pub(super) fn watched_names(
        self,
        key: &'static str,
        texts: &[String],
    ) -> Result<Vec<WatchedName>, ConfigError> {
        if texts.len() > WATCHED_NAMES {
            let found = format!("{} names", texts.len());
            return Err(self.error(key, found, format!("at most {WATCHED_NAMES} names")));
        }
        let parse = |text: &String| {
            let name = text.parse();
            name.map_err(|why: NoWatchedName| self.error(key, format!("{text:?}"), why.to_string()))
        };
        texts.iter().map(parse).collect()
    }

    /// Paths of cgroups below the root, and not too many.
    pub(super) fn excluded_cgroups(
        self,
        key: &'static str,
        paths: Vec<PathBuf>,
    ) -> Result<Vec<PathBuf>, ConfigError> {
        if let Some(root) = paths.iter().find(|path| is_root(path)) {
            let found = format!("{:?}", root.display().to_string());
            return Err(self.error(key, found, String::from("cgroups below the root")));
        }
        self.watched(key, paths)
    }

    /// Paths of directories that the kernel programs have room for.
    pub(super) fn excluded_paths(
        self,
        key: &'static str,
        paths: Vec<PathBuf>,
    ) -> Result<Vec<PathBuf>, ConfigError> {
        const LONGEST: usize = EXCLUDED_PATH_BYTES - 1;
        const MOST: usize = EXCLUDED_PATHS_MAX as usize;
        let refused = |path: &&PathBuf| is_root(path) || path.as_os_str().len() > LONGEST;
        if let Some(path) = paths.iter().find(refused) {
            let found = format!("{:?}", path.display().to_string());
            let allowed = format!("directories below the root, of at most {LONGEST} bytes");
            return Err(self.error(key, found, allowed));
        }
        if paths.len() > MOST {
            let found = format!("{} paths", paths.len());
            return Err(self.error(key, found, format!("at most {MOST} paths")));
        }
        self.watched(key, paths)
    }

    /// A number from `low` to `high`, both allowed.
    pub(super) fn number(
        self,
        key: &'static str,
        value: Option<i64>,
        default: u32,
        (low, high): (u32, u32),
    ) -> Result<u32, ConfigError> {
        let Some(value) = value else {
            return Ok(default);
        };
        u32::try_from(value)
            .ok()
            .filter(|value| (low..=high).contains(value))
            .ok_or_else(|| self.error(key, value.to_string(), format!("{low} to {high}")))
    }

    /// The size of a ring: a power of two, 64 KiB to 1 GiB.
    pub(super) fn ring(
        self,
        key: &'static str,
        value: Option<i64>,
        default: u32,
    ) -> Result<u32, ConfigError> {
        let bytes = self.number(key, value, default, (64 << 10, 1 << 30))?;
        if bytes.is_power_of_two() {
            return Ok(bytes);
        }
        let allowed = format!("a power of two, such as {}", bytes.next_power_of_two());
        Err(self.error(key, bytes.to_string(), allowed))
    }
}
