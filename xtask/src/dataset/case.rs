//! A case: one file under `models/cases`.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context as _, Result, bail, ensure};

/// Which side a case stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Attack,
    Benign,
}

impl Label {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Attack => "attack",
            Self::Benign => "benign",
        }
    }
}

/// The program that runs the text of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interpreter {
    Sh,
    Bash,
    Python,
    Perl,
}

impl Interpreter {
    fn parse(name: &str) -> Result<Self> {
        Ok(match name {
            "sh" => Self::Sh,
            "bash" => Self::Bash,
            "python3" => Self::Python,
            "perl" => Self::Perl,
            _ => bail!("found interpreter {name:?}, expected sh, bash, python3 or perl"),
        })
    }

    pub(super) const fn program(self) -> &'static str {
        match self {
            Self::Sh => "/bin/sh",
            Self::Bash => "/bin/bash",
            Self::Python => "/usr/bin/python3",
            Self::Perl => "/usr/bin/perl",
        }
    }

    /// The option that takes a program as an argument.
    pub(super) const fn inline_option(self) -> &'static str {
        match self {
            Self::Perl => "-e",
            Self::Sh | Self::Bash | Self::Python => "-c",
        }
    }

    pub(super) const fn is_shell(self) -> bool {
        matches!(self, Self::Sh | Self::Bash)
    }
}

/// One behaviour or one kind of ordinary work.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) label: Label,
    pub(super) technique: String,
    pub(super) tactic: String,
    /// Cases of one group never lie on both sides of a split.
    pub(super) group: String,
    pub(super) packages: Vec<String>,
    pub(super) interpreters: Vec<Interpreter>,
    /// System folders that it writes to beside the usual ones.
    pub(super) layers: Vec<String>,
    /// It may also be run by an ordinary user.
    pub(super) any_user: bool,
    pub(super) seconds: u64,
    /// Runs at most, however many repeats are asked for.
    pub(super) at_most: usize,
    pub(super) prepare: String,
    pub(super) act: String,
    pub(super) verify: String,
}

/// Reads every case of a folder, in the order of their names.
pub(super) fn read_all(folder: &Path) -> Result<Vec<Case>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "case")
        {
            paths.push(path);
        }
    }
    paths.sort();
    ensure!(
        !paths.is_empty(),
        "{} holds no file *.case",
        folder.display()
    );
    paths
        .iter()
        .map(|path| {
            let text =
                fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
            parse(&text).with_context(|| format!("{} is no case", path.display()))
        })
        .collect()
}

/// Reads a header of `# key: value` lines and the sections `#= prepare`,
/// `#= act` and `#= verify`.
fn parse(text: &str) -> Result<Case> {
    let mut header = BTreeMap::new();
    let mut sections: BTreeMap<&str, String> = BTreeMap::new();
    let mut section = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("#= ") {
            ensure!(
                ["prepare", "act", "verify"].contains(&name.trim()),
                "found section {name:?}, expected prepare, act or verify"
            );
            section = Some(name.trim());
        } else if let Some(section) = section {
            let body = sections.entry(section).or_default();
            body.push_str(line);
            body.push('\n');
        } else if let Some((key, value)) = line
            .strip_prefix("# ")
            .and_then(|line| line.split_once(": "))
        {
            header.insert(key.trim(), value.trim());
        }
    }
    let field = |key: &str| {
        header
            .get(key)
            .map(|value| (*value).to_owned())
            .with_context(|| format!("its header has no line `# {key}: …`"))
    };
    let words = |key: &str| -> Vec<String> {
        let value = header.get(key).copied().unwrap_or_default();
        value.split_whitespace().map(str::to_owned).collect()
    };
    let number = |key: &str, otherwise: u64| -> Result<u64> {
        header.get(key).map_or(Ok(otherwise), |value| {
            value
                .parse()
                .with_context(|| format!("{key} is {value:?}, expected a number"))
        })
    };
    let label = match field("label")?.as_str() {
        "attack" => Label::Attack,
        "benign" => Label::Benign,
        other => bail!("its label is {other:?}, expected attack or benign"),
    };
    field("about")?;
    Ok(Case {
        id: field("id")?,
        label,
        technique: field("technique")?,
        tactic: field("tactic")?,
        group: field("group")?,
        packages: words("needs"),
        interpreters: field("run")?
            .split_whitespace()
            .map(Interpreter::parse)
            .collect::<Result<_>>()?,
        layers: words("layers"),
        any_user: header.get("user") == Some(&"any"),
        seconds: number("seconds", 20)?,
        at_most: usize::try_from(number("at-most", u64::from(u16::MAX))?)?,
        prepare: sections.remove("prepare").unwrap_or_default(),
        act: sections
            .remove("act")
            .context("it has no section `#= act`")?,
        verify: sections.remove("verify").unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::{Interpreter, Label, parse};

    const TEXT: &str = "# id: a\n# label: attack\n# technique: T1\n# tactic: impact\n# group: g\n\
        # about: does it\n# run: sh bash\n#= prepare\ntouch x\n#= act\nrm x\n#= verify\n[ ! -e x ]\n";

    #[test]
    fn header_and_sections_are_read() {
        let case = parse(TEXT).expect("a case");
        assert_eq!((case.label, case.id.as_str()), (Label::Attack, "a"));
        assert_eq!(case.interpreters, [Interpreter::Sh, Interpreter::Bash]);
        assert_eq!(
            (case.prepare.as_str(), case.act.as_str()),
            ("touch x\n", "rm x\n")
        );
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (from, to, part) in [
            ("# group: g\n", "", "# group"),
            ("attack", "odd", "expected attack or benign"),
            ("#= act", "#= acts", "expected prepare, act or verify"),
            ("sh bash", "fish", "expected sh, bash"),
        ] {
            let error = parse(&TEXT.replace(from, to))
                .expect_err("wrong case")
                .to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
