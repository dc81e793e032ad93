//! One run of a case: names, places, sizes, parents and streams drawn anew, in
//! the same way for attacks and for ordinary work.

use super::{
    case::{Case, Interpreter},
    chance::Chance,
};

/// How the text of a case reaches its interpreter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// `interpreter FILE`
    File,
    /// `FILE`, with the interpreter in its first line
    Executable,
    /// `interpreter -c TEXT`
    Inline,
    /// `interpreter < FILE`
    Input,
    /// Line by line at a terminal, to a shell that asks for each
    Typed,
}

/// Everything that was drawn for one run.
pub(super) struct Variant {
    pub(super) interpreter: Interpreter,
    pub(super) delivery: Delivery,
    /// The text, padded with ordinary acts.
    pub(super) text: String,
    /// Where the text lies when it is a file.
    pub(super) script: String,
    /// Environment of every section.
    pub(super) environment: Vec<(String, String)>,
    /// Programs above the launcher.
    pub(super) wrappers: Vec<String>,
    /// The launcher, a file in `models/runner`, with its mode.
    pub(super) launcher: Vec<&'static str>,
    /// Numeric user.
    pub(super) user: u32,
}

/// The longest text that is handed over as an argument.
const INLINE_MAX: usize = 1_500;
/// `nobody` and `www-data`, which a server's programs run as.
const ORDINARY_USERS: &[u32] = &[65_534, 33];
/// The longest line that is typed; a terminal takes up to 4,095 bytes of one.
const TYPED_MAX: usize = 1_000;

const WRAPPERS: &[&str] = &[
    "sh -c '\"$@\"; exit $?' run",
    "bash -c '\"$@\"; exit $?' run",
    "env",
    "nice -n 1",
    "setsid --wait",
    "timeout 600",
];
/// How work starts on a server: a file of `models/runner` and its mode, as often as it stands here.
///
/// Attacks and ordinary work are drawn from this one list. Whatever a launcher is or leaves behind
/// (a parent that listens or has connected, a session, a terminal, a shell in between, the kind of
/// the standard streams) is a fact about ancestors that the model may see; it must tell nothing
/// about the label, so no case may choose its launcher.
const LAUNCHERS: &[(&str, &str)] = &[
    ("launch.sh", "plain"),
    ("launch.sh", "plain"),
    ("launch.pl", "plain"),
    ("launch.pl", "server"),
    ("launch.pl", "cron"),
    ("launch.py", "null"),
    ("launch.py", "pipe"),
    ("launch.py", "file"),
    ("launch.py", "terminal"),
    ("launch.py", "terminal"),
    ("launch.py", "socket"),
    ("launch.py", "daemon"),
    ("server.py", "pipe"),
    ("server.py", "socket"),
    ("server.py", "shell"),
    ("cron.py", "shell"),
    ("cron.py", "shell"),
    ("cron.py", "direct"),
    ("agent.py", "file"),
    ("agent.py", "argument"),
    ("service.py", "socket"),
    ("service.py", "pipe"),
    ("service.py", "file"),
    ("session.py", "command"),
    ("session.py", "terminal"),
];
/// Launchers that type.
const TYPISTS: &[(&str, &str)] = &[("keyboard.py", "plain"), ("session.py", "typed")];
/// Launchers that pass their own input on.
const FEEDERS: &[(&str, &str)] = &[("launch.sh", "plain"), ("launch.pl", "plain")];
/// Debian packages that the launchers need.
pub(super) const LAUNCHER_PACKAGES: &[&str] = &["openssh-client", "openssh-server"];
/// Ordinary acts that an author of either kind may have put in between.
const PADDING: &[&str] = &[
    "",
    "",
    "",
    ":",
    "sleep 0.1",
    "ls -la / > /dev/null",
    "date > /dev/null",
    "cat /proc/loadavg > /dev/null",
    "mkdir -p \"$WORK/$NAME_6\"",
    "echo started >> \"$WORK/$NAME_6.txt\"",
    "id > /dev/null",
    "uname -a > /dev/null",
    "test -d /srv && cd /srv",
    "for word in one two three; do printf '%s' \"$word\" > /dev/null; done",
    "find \"$WORK\" -name '*.none' | wc -l > /dev/null",
    "sed -n 1p /etc/hostname | tr a-z A-Z > /dev/null",
    "cp /etc/hostname \"$WORK/$NAME_6.copy\"",
    "head -c 64 /dev/urandom | od -An -tx1 > /dev/null",
];

impl Variant {
    pub(super) fn draw(case: &Case, seed: u64, number: usize) -> Self {
        let mut chance = Chance::new(seed, &case.id, number);
        let interpreter = case.interpreters[chance.below(case.interpreters.len())];
        let mut text = case.act.clone();
        while let Some(at) = text.find("@PAD@") {
            text.replace_range(at..at + "@PAD@".len(), chance.pick(PADDING));
        }
        let user = if case.any_user && chance.percent(35) {
            ORDINARY_USERS[chance.below(ORDINARY_USERS.len())]
        } else {
            0
        };
        let environment = environment(&mut chance, user);
        let wrappers = (0..chance.below(4))
            .map(|_| chance.pick(WRAPPERS).to_owned())
            .collect();
        let delivery = delivery(&mut chance, interpreter, &text);
        let launchers = match delivery {
            Delivery::Typed => TYPISTS,
            Delivery::Input => FEEDERS,
            Delivery::File | Delivery::Executable | Delivery::Inline => LAUNCHERS,
        };
        let (launcher, mode) = launchers[chance.below(launchers.len())];
        let directory = chance.pick(&[
            "/tmp",
            "/tmp",
            "/var/tmp",
            "$WORK",
            "$WORK",
            "/opt",
            "/usr/local/sbin",
        ]);
        let extension = if interpreter.is_shell() {
            chance.pick(&[".sh", ""])
        } else {
            ""
        };
        let script = format!("{directory}/{}{extension}", chance.name());
        if delivery == Delivery::Inline {
            text.truncate(text.trim_end().len());
        }
        Self {
            interpreter,
            delivery,
            text,
            script,
            environment,
            wrappers,
            launcher: vec![launcher, mode],
            user,
        }
    }
}

fn delivery(chance: &mut Chance, interpreter: Interpreter, text: &str) -> Delivery {
    // A tab completes words at a terminal.
    let can_be_typed = interpreter.is_shell()
        && text
            .lines()
            .all(|line| line.len() <= TYPED_MAX && !line.contains('\t'));
    match chance.below(12) {
        0..=1 if can_be_typed => Delivery::Typed,
        2..=3 => Delivery::Executable,
        4..=6 if text.len() <= INLINE_MAX => Delivery::Inline,
        7 => Delivery::Input,
        _ => Delivery::File,
    }
}

fn environment(chance: &mut Chance, user: u32) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut set = |key: &str, value: String| pairs.push((key.to_owned(), value));
    let place = chance.pick(&[
        "/srv", "/opt", "/var/lib", "/home", "/root", "/tmp", "/var/www", "/tmp",
    ]);
    let place = if user != 0 && place == "/root" {
        "/home"
    } else {
        place
    };
    let folder = if chance.percent(8) { ".cache-" } else { "" };
    set("WORK", format!("{place}/{folder}{}", chance.name()));
    set(
        "HOME",
        if user == 0 {
            String::from("/root")
        } else {
            format!("/home/{}", chance.name())
        },
    );
    for number in 1..=6 {
        set(&format!("NAME_{number}"), chance.name());
        set(
            &format!("NUMBER_{number}"),
            chance.below(10_000).to_string(),
        );
    }
    let port = chance.between(1_025, 60_000);
    set("PORT", port.to_string());
    set("OTHER_PORT", (port + chance.between(1, 900)).to_string());
    let address = format!(
        "10.{}.{}.{}",
        chance.below(255),
        chance.below(255),
        chance.between(1, 254)
    );
    set(
        "HOST",
        if chance.percent(50) {
            String::from("127.0.0.1")
        } else {
            address.clone()
        },
    );
    set("ADDRESS", address);
    set("COUNT", chance.between(12, 150).to_string());
    set("FEW", chance.between(3, 12).to_string());
    set(
        "SUFFIX",
        chance
            .pick(&["locked", "enc", "crypt", "bak", "x", "dat1"])
            .to_owned(),
    );
    set("PAUSE", format!("0.{}", chance.below(5)));
    pairs
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Delivery, FEEDERS, LAUNCHERS, TYPISTS, Variant};
    use crate::{
        dataset::case::{Case, Interpreter, Label},
        workspace,
    };

    fn case(label: Label, interpreter: Interpreter, act: &str) -> Case {
        Case {
            id: String::from("a"),
            label,
            technique: String::new(),
            tactic: String::new(),
            group: String::new(),
            packages: Vec::new(),
            interpreters: vec![interpreter],
            layers: Vec::new(),
            any_user: true,
            seconds: 1,
            at_most: 1,
            prepare: String::new(),
            act: act.to_owned(),
            verify: String::new(),
        }
    }

    #[test]
    fn the_label_changes_nothing_that_is_drawn() {
        let draw = |label, number| {
            let variant = Variant::draw(&case(label, Interpreter::Bash, "ls\n"), 3, number);
            (
                variant.launcher,
                variant.wrappers,
                variant.delivery,
                variant.user,
                variant.environment,
            )
        };
        for number in 0..50 {
            assert_eq!(draw(Label::Attack, number), draw(Label::Benign, number));
        }
    }

    #[test]
    fn only_short_lines_of_shells_are_typed_and_only_at_a_terminal() {
        let deliveries = |interpreter, act: &str| -> Vec<Delivery> {
            (0..200)
                .map(|number| {
                    let variant = Variant::draw(&case(Label::Benign, interpreter, act), 1, number);
                    let is_typed = variant.delivery == Delivery::Typed;
                    let has_typist = TYPISTS
                        .iter()
                        .any(|&(file, mode)| variant.launcher == [file, mode]);
                    assert_eq!(is_typed, has_typist, "{:?}", variant.launcher);
                    variant.delivery
                })
                .collect()
        };
        assert!(deliveries(Interpreter::Sh, "ls\n").contains(&Delivery::Typed));
        let long = "x".repeat(2_000);
        for (interpreter, act) in [
            (Interpreter::Python, "print()\n"),
            (Interpreter::Bash, "\tls\n"),
            (Interpreter::Bash, long.as_str()),
        ] {
            assert!(!deliveries(interpreter, act).contains(&Delivery::Typed));
        }
    }

    #[test]
    fn every_launcher_is_a_file() {
        let runner = workspace::root()
            .expect("the workspace")
            .join("models/runner");
        let files: BTreeSet<_> = [LAUNCHERS, TYPISTS, FEEDERS]
            .concat()
            .iter()
            .map(|&(file, _)| file)
            .collect();
        for file in files {
            assert!(runner.join(file).is_file(), "{file}");
        }
    }
}
