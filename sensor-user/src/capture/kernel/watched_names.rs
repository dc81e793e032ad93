//! Files whose reading is watched by their names, told to the kernel.

use std::{fmt, str::FromStr};

use aya::maps::{HashMap, Map, MapData};
use sensor_common::{
    NAME_FILTER_WORDS, PROCESS_DIRECTORY, WATCHED_NAME_BYTES, WATCHED_NAMES_MAX, WatchedNameKey,
};
use thiserror::Error;

use super::error::{KernelError, map_error};

/// The last two or three components of the paths of watched files, as in
/// `etc/shadow` or `.config/gcloud/*`; an asterisk stands for any component.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WatchedName {
    key: WatchedNameKey,
}

/// Why a text names no files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a directory and a file such as \"etc/shadow\" or \"<pid>/environ\", the directory above them in \
     front if need be, each of {LONGEST} bytes at most; \"*\" in place of one is any, but not of \
     directory and file both"
)]
pub struct NoWatchedName;

/// Bytes of the longest component.
const LONGEST: usize = WATCHED_NAME_BYTES - 1;

/// Most names that a policy can have watched.
pub const WATCHED_NAMES: usize = WATCHED_NAMES_MAX as usize;

/// Any component, in a key.
const ANY: [u8; WATCHED_NAME_BYTES] = [0; WATCHED_NAME_BYTES];

impl WatchedName {
    /// The bits by which the kernel tells most names that are none of these.
    #[must_use]
    pub fn filter(names: &[Self]) -> [u64; NAME_FILTER_WORDS] {
        let mut words = [0; NAME_FILTER_WORDS];
        for name in names {
            let bit = name.key.filter_bit();
            if let Some(word) = words.get_mut((bit / u64::BITS) as usize) {
                *word |= 1 << (bit % u64::BITS);
            }
        }
        words
    }
}

impl FromStr for WatchedName {
    type Err = NoWatchedName;

    fn from_str(text: &str) -> Result<Self, NoWatchedName> {
        let mut components = text.rsplit('/');
        let mut next = || components.next().map(component).transpose();
        let (name, directory) = (next()?, next()?.ok_or(NoWatchedName)?);
        let key = WatchedNameKey {
            name: name.unwrap_or(ANY),
            directory,
            above: next()?.unwrap_or(ANY),
        };
        let everything = key.name == ANY && key.directory == ANY;
        let of_process = key.directory == PROCESS_DIRECTORY;
        let unclear = of_process && (key.name == ANY || key.above != ANY);
        if everything || unclear || components.next().is_some() {
            return Err(NoWatchedName);
        }
        Ok(Self { key })
    }
}

fn component(text: &str) -> Result<[u8; WATCHED_NAME_BYTES], NoWatchedName> {
    let mut component = ANY;
    if text == "*" {
        return Ok(component);
    }
    let whole = !text.is_empty() && !text.contains(['*', '\0']) && !matches!(text, "." | "..");
    if !whole || text.len() > LONGEST {
        return Err(NoWatchedName);
    }
    for (into, byte) in component.iter_mut().zip(text.bytes()) {
        *into = byte;
    }
    Ok(component)
}

impl fmt::Display for WatchedName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WatchedNameKey {
            above,
            directory,
            name,
        } = &self.key;
        if *above != ANY {
            write!(formatter, "{}/", text(above))?;
        }
        write!(formatter, "{}/{}", text(directory), text(name))
    }
}

fn text(component: &[u8; WATCHED_NAME_BYTES]) -> String {
    if *component == ANY {
        return String::from("*");
    }
    let bytes = component.split(|&byte| byte == 0).next();
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

/// [`WatchedNameKey`] under a name of this crate, which may implement aya's trait.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Key(WatchedNameKey);

// SAFETY: plain bytes, of which every pattern is valid.
unsafe impl aya::Pod for Key {}

/// Enters the names into the kernel's map.
pub(super) fn enter(map: Map, names: &[WatchedName]) -> Result<(), KernelError> {
    const MAP: &str = "WATCHED_NAME_KEYS";
    let map = HashMap::try_from(map);
    let mut map: HashMap<MapData, Key, u32> = map.map_err(|error| map_error(MAP, &error))?;
    for name in names {
        map.insert(Key(name.key), 1, 0)
            .map_err(|error| map_error(MAP, &error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<WatchedName, NoWatchedName> {
        text.parse()
    }

    #[test]
    fn what_is_written_is_what_is_watched() {
        for text in [
            "etc/shadow",
            ".ssh/*",
            "*/.netrc",
            ".config/gcloud/*",
            "serviceaccount/*/token",
            "<pid>/environ",
            "*/Login Data",
        ] {
            assert_eq!(parsed(text).unwrap().to_string(), text);
        }
        let longest = format!("d/{}", "x".repeat(LONGEST));
        assert_eq!(parsed(&longest).unwrap().to_string(), longest);
    }

    #[test]
    fn what_would_be_watched_by_nobody_is_refused() {
        let long = format!("d/{}", "x".repeat(LONGEST + 1));
        for text in [
            "",
            "shadow",
            "/shadow",
            "etc/",
            "/etc/shadow",
            "a/b/c/d",
            "*/*",
            "a/*/*",
            "*.key/x",
            "d/id_*",
            "../shadow",
            "<pid>/*",
            "x/<pid>/mem",
            &long,
        ] {
            assert_eq!(parsed(text), Err(NoWatchedName), "{text:?}");
        }
    }
}
