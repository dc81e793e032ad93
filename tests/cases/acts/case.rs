use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::stage::Stage;

/// How the sensor is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tier {
    Lsm,
    Fentry,
    Tracepoint,
}

impl Tier {
    pub(crate) const ALL: [Self; 3] = [Self::Lsm, Self::Fentry, Self::Tracepoint];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Lsm => "lsm",
            Self::Fentry => "fentry",
            Self::Tracepoint => "tracepoint",
        }
    }
}

/// Why a case did not go as it should.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The act left no record at all.
    Missing(String),
    /// What the records say is not what happened.
    Wrong(String),
    /// The act cannot be performed here.
    Impossible(String),
}

/// What comes of playing a case.
pub(crate) type Played = Result<(), Trouble>;

/// What goes into the matrix.
pub(crate) enum Outcome {
    Seen,
    /// Rightly so, with the reason in words.
    Unseen(String),
    Failed(String),
}

/// One act, in one variation.
pub(crate) struct Case {
    /// Its row of the matrix.
    pub(crate) act: String,
    /// Its name among the tests.
    pub(crate) name: String,
    /// The kind of record that it asks for.
    kind: &'static str,
    /// Tiers that do not see it, and whose report says so.
    unseen_in: &'static [Tier],
    /// A word by which the report is known to speak of this.
    term: &'static str,
    play: Box<dyn Fn(&Stage) -> Played + Send>,
}

impl Case {
    /// An act in a variation.
    pub(crate) fn act(
        kind: &'static str,
        variation: &str,
        play: impl Fn(&Stage) -> Played + Send + 'static,
    ) -> Self {
        Self {
            act: kind.to_owned(),
            name: format!("{kind}::{variation}"),
            kind,
            unseen_in: &[],
            term: "",
            play: Box::new(play),
        }
    }

    /// Something in a row of its own, under a heading.
    fn under(
        heading: &str,
        name: &str,
        kind: &'static str,
        play: impl Fn(&Stage) -> Played + Send + 'static,
    ) -> Self {
        Self {
            act: format!("{heading}: {name}"),
            name: format!("{heading}::{}", name.replace(' ', "_")),
            ..Self::act(kind, "", play)
        }
    }

    /// A way around being seen.
    pub(crate) fn evasion(
        name: &str,
        kind: &'static str,
        play: impl Fn(&Stage) -> Played + Send + 'static,
    ) -> Self {
        Self::under("evasion", name, kind, play)
    }

    /// An act in a container.
    pub(crate) fn container(
        name: &str,
        kind: &'static str,
        play: impl Fn(&Stage) -> Played + Send + 'static,
    ) -> Self {
        Self::under("container", name, kind, play)
    }

    /// What a policy keeps from being recorded.
    pub(crate) fn exclusion(
        name: &str,
        kind: &'static str,
        play: impl Fn(&Stage) -> Played + Send + 'static,
    ) -> Self {
        Self::under("excluded", name, kind, play)
    }

    /// The order of acts.
    pub(crate) fn order(
        name: &str,
        kind: &'static str,
        play: impl Fn(&Stage) -> Played + Send + 'static,
    ) -> Self {
        Self::under("order", name, kind, play)
    }

    /// The same, where some tiers do not see it: their report must say so, with
    /// this term.
    pub(crate) fn unseen_in(self, tiers: &'static [Tier], term: &'static str) -> Self {
        Self {
            unseen_in: tiers,
            term,
            ..self
        }
    }

    /// Plays it, and judges.
    pub(crate) fn outcome(&self, stage: &Stage) -> Outcome {
        let played = catch_unwind(AssertUnwindSafe(|| (self.play)(stage)));
        match played {
            Ok(Ok(())) => Outcome::Seen,
            Ok(Err(Trouble::Impossible(why))) => {
                Outcome::Unseen(format!("cannot happen here: {why}"))
            }
            Ok(Err(Trouble::Wrong(text))) => Outcome::Failed(text),
            Ok(Err(Trouble::Missing(text))) => self.missing(stage, &text),
            Err(panic) => Outcome::Failed(words_of(panic.as_ref())),
        }
    }

    /// No record: right where the sensor's own report says so.
    fn missing(&self, stage: &Stage, text: &str) -> Outcome {
        let words = stage.unseen_words(self.kind).unwrap_or_default();
        let said = !words.is_empty() && words.contains(self.term);
        if said && self.unseen_in.contains(&stage.tier) {
            return Outcome::Unseen(words);
        }
        Outcome::Failed(format!("{text}; of this its report says {words:?}"))
    }
}

/// What a panic said.
pub(crate) fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("panicked")
        .to_owned()
}
