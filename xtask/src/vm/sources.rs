//! Entries of apt's sources for another release of Debian, made from the machine's own.
//!
//! Where a machine gets its packages from is its owner's choice: the entry is copied, mirror and
//! keys, and only the release is another.

use std::{fmt::Write as _, fs, path::Path};

/// Names that stand for a release, in place of its codename.
const RELEASE_NAMES: [&str; 6] = [
    "stable",
    "oldstable",
    "oldoldstable",
    "testing",
    "unstable",
    "sid",
];
const SECURITY: &str = "-security";
/// What Debian called the suite of security updates before.
const OLD_SECURITY: &str = "/updates";

/// What matters of an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    uris: String,
    suites: Vec<String>,
    components: Vec<String>,
    /// A file, or the lines of a key as they stand in the entry.
    signed_by: Option<String>,
    trusted: Option<String>,
}

/// The entries that apt is set up with.
pub(super) fn of_machine(folder: &Path) -> Vec<Entry> {
    let mut files = vec![folder.join("sources.list")];
    if let Ok(parts) = fs::read_dir(folder.join("sources.list.d")) {
        files.extend(parts.flatten().map(|part| part.path()));
    }
    files.sort();
    let mut entries = Vec::new();
    for file in files {
        // What cannot be read, apt complains about in its own words.
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("sources") => entries.extend(stanzas(&text)),
            Some("list") => entries.extend(text.lines().filter_map(line)),
            _ => {}
        }
    }
    entries
}

/// A file of sources for the release: its main suite and, if the machine has one of its own, its
/// suite of security updates. None if the machine has no entry of Debian's.
pub(super) fn for_release(
    entries: &[Entry],
    machine_codename: Option<&str>,
    codename: &str,
) -> Option<String> {
    let debian = |entry: &&Entry| entry.components.iter().any(|name| name == "main");
    let is_release = |suite: &str| {
        RELEASE_NAMES.contains(&suite) || Some(suite) == machine_codename || suite == codename
    };
    let main = entries
        .iter()
        .filter(debian)
        .find(|entry| entry.suites.iter().any(|suite| is_release(suite)))?;
    let mut text = main.with_suite(codename);
    let security = entries.iter().filter(debian).find(|entry| {
        entry.suites.iter().any(|suite| {
            suite
                .strip_suffix(SECURITY)
                .or_else(|| suite.strip_suffix(OLD_SECURITY))
                .is_some_and(is_release)
        })
    });
    // What is not released yet has no updates of its own.
    if let Some(security) = security
        && codename != "sid"
    {
        text.push('\n');
        text.push_str(&security.with_suite(&format!("{codename}{SECURITY}")));
    }
    Some(text)
}

impl Entry {
    fn with_suite(&self, suite: &str) -> String {
        let mut text = format!(
            "Types: deb\nURIs: {}\nSuites: {suite}\nComponents: main\nArchitectures: amd64\n",
            self.uris
        );
        for (field, value) in [("Signed-By", &self.signed_by), ("Trusted", &self.trusted)] {
            if let Some(value) = value {
                let _ = writeln!(text, "{field}: {value}");
            }
        }
        // Releases that are no longer looked after say that they have run out. Nothing of them is
        // installed here, and their signatures are checked all the same.
        text.push_str("Check-Valid-Until: no\n");
        text
    }
}

/// Entries in the form of fields and values.
fn stanzas(text: &str) -> Vec<Entry> {
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines
        .split(|line| line.trim().is_empty())
        .filter_map(stanza)
        .collect()
}

fn stanza(lines: &[&str]) -> Option<Entry> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in lines {
        if line.starts_with([' ', '\t']) {
            let (_, value) = fields.last_mut()?;
            value.push('\n');
            value.push_str(line);
        } else {
            let (field, value) = line.split_once(':')?;
            fields.push((field.trim().to_lowercase(), value.trim().to_owned()));
        }
    }
    let field = |name: &str| {
        fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.clone())
    };
    let words = |name: &str| -> Vec<String> {
        let value = field(name).unwrap_or_default();
        value.split_whitespace().map(str::to_owned).collect()
    };
    let off = field("enabled").is_some_and(|value| ["no", "false"].contains(&value.as_str()));
    if off || !words("types").iter().any(|kind| kind == "deb") {
        return None;
    }
    Some(Entry {
        uris: field("uris")?,
        suites: words("suites"),
        components: words("components"),
        signed_by: field("signed-by"),
        trusted: field("trusted"),
    })
}

/// An entry in the form of one line: `deb [option=value …] URI SUITE COMPONENT…`.
fn line(line: &str) -> Option<Entry> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb")?;
    if !rest.starts_with([' ', '\t', '[']) {
        return None;
    }
    let rest = rest.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let option = |name: &str| {
        options
            .split_whitespace()
            .filter_map(|option| option.split_once('='))
            .find(|(option, _)| *option == name)
            .map(|(_, value)| value.replace(',', " "))
    };
    let mut words = rest.split_whitespace().map(str::to_owned);
    Some(Entry {
        uris: words.next()?,
        suites: vec![words.next()?],
        components: words.collect(),
        signed_by: option("signed-by"),
        trusted: option("trusted"),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Entry, for_release, line, of_machine, stanzas};

    const FIELDS: &str = "\
Types: deb
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
URIs: https://other.example/tool
Suites: nodistro
Components: main
";

    #[test]
    fn both_suites_are_derived_from_the_machines_own() {
        let text = for_release(&stanzas(FIELDS), Some("bookworm"), "bullseye").expect("an entry");
        assert_eq!(
            text,
            "Types: deb\nURIs: http://mirror.example/debian\nSuites: bullseye\nComponents: main\n\
             Architectures: amd64\nSigned-By: /usr/share/keyrings/archive.gpg\n\
             Check-Valid-Until: no\n\
             \n\
             Types: deb\nURIs: http://mirror.example/debian-security\nSuites: bullseye-security\n\
             Components: main\nArchitectures: amd64\nSigned-By: /usr/share/keyrings/archive.gpg\n\
             Check-Valid-Until: no\n"
        );
    }

    #[test]
    fn sid_has_no_security_updates() {
        let text = for_release(&stanzas(FIELDS), Some("bookworm"), "sid").expect("an entry");
        assert!(text.contains("Suites: sid\n"));
        assert!(!text.contains("security"));
    }

    #[test]
    fn lines_give_the_same_entries_as_fields() {
        let entry = line(
            "deb [arch=amd64 signed-by=/usr/share/keyrings/archive.gpg] \
             http://mirror.example/debian bookworm main contrib # the first",
        );
        assert_eq!(
            entry,
            Some(Entry {
                uris: "http://mirror.example/debian".to_owned(),
                suites: vec!["bookworm".to_owned()],
                components: vec!["main".to_owned(), "contrib".to_owned()],
                signed_by: Some("/usr/share/keyrings/archive.gpg".to_owned()),
                trusted: None,
            })
        );
        assert_eq!(
            line("deb-src http://mirror.example/debian bookworm main"),
            None
        );
        assert_eq!(
            line("# deb http://mirror.example/debian bookworm main"),
            None
        );
    }

    #[test]
    fn a_key_that_stands_in_the_entry_is_kept_whole() {
        let text = "Types: deb\nURIs: http://mirror.example/debian\nSuites: stable\n\
                    Components: main\nSigned-By:\n -----BEGIN-----\n .\n abc\n";
        let derived = for_release(&stanzas(text), None, "bullseye").expect("an entry");
        assert!(derived.contains("Signed-By: \n -----BEGIN-----\n .\n abc\nCheck"));
    }

    #[test]
    fn entries_of_others_and_entries_switched_off_do_not_count() {
        let text = "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\n\
                    Components: main\nEnabled: no\n\n\
                    Types: deb\nURIs: https://other.example/tool\nSuites: nodistro\n\
                    Components: main\n";
        assert_eq!(for_release(&stanzas(text), Some("bookworm"), "sid"), None);
    }

    #[test]
    fn both_forms_are_read_from_a_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let parts = folder.path().join("sources.list.d");
        fs::create_dir(&parts).expect("create the folder");
        fs::write(parts.join("debian.sources"), FIELDS).expect("write fields");
        fs::write(
            folder.path().join("sources.list"),
            "deb http://one.example/debian stable main\n",
        )
        .expect("write lines");
        fs::write(parts.join("debian.sources.save"), FIELDS).expect("write what is no source");
        assert_eq!(of_machine(folder.path()).len(), 4);
    }
}
