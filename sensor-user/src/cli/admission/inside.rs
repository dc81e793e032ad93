//! The child: it reads an ONNX file from its standard input, tries it, and answers
//! with one line.

use std::io::{Read as _, Write as _};

use serde::{Deserialize, Serialize};

use super::sandbox;
use crate::{
    cli::Failure,
    model::{Model, Source},
};

/// The command's name; it is for the sensor itself.
pub(super) const COMMAND: &str = "try-model";

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// What the file is called in messages
    name: String,
}

/// The child's answer.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Answer {
    /// It loads, fits this sensor's schema, and gives its golden scores.
    Usable {
        /// SHA-256 of what was read, in hexadecimal.
        sha256: String,
    },
    /// It does not, for this reason.
    Refused(String),
}

pub(in crate::cli) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let answer = answer(&arguments.name);
    let mut line = serde_json::to_vec(&answer).map_err(Failure::failed)?;
    line.push(b'\n');
    let mut output = std::io::stdout();
    output
        .write_all(&line)
        .and_then(|()| output.flush())
        .map_err(Failure::failed)
}

fn answer(name: &str) -> Answer {
    if let Err(error) = sandbox::enter() {
        return Answer::Refused(format!(
            "the model {name} was not tried: the child could not give up its rights: {error:#}"
        ));
    }
    let mut bytes = Vec::new();
    if let Err(error) = std::io::stdin().lock().read_to_end(&mut bytes) {
        return Answer::Refused(format!("the model {name} could not be read: {error}"));
    }
    match Model::from_bytes(&Source::File(name.into()), &bytes) {
        Ok(model) => Answer::Usable {
            sha256: model.sha256,
        },
        Err(error) => Answer::Refused(format!("{:#}", anyhow::Error::new(error))),
    }
}
