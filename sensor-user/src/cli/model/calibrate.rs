use std::path::PathBuf;

use anyhow::Context as _;
use serde::Serialize;
use serde_json::json;

use super::{
    Failure,
    eval::Scored,
    figures::{Share, threshold_for},
    print_json,
    rows::{Rows, Truth},
};
use crate::{
    cli::admission,
    model::{OnnxFile, Score, Source, bundle::Sealed, write_whole},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// ONNX file, or `shipped`; a bundle is signed, and stays as it is
    file: String,
    /// Rows of this host's ordinary work, and of attacks where there are some: a table or
    /// JSON lines as for `eval`; `-` for standard input
    #[arg(long, value_name = "FILE|-")]
    rows: PathBuf,
    /// What rows without a label are: `benign` for a recording of ordinary work
    #[arg(long, value_name = "LABEL")]
    unlabelled: Option<Truth>,
    /// Share of ordinary rows that may alert
    #[arg(long, value_name = "SHARE", default_value = "0.001", value_parser = share)]
    alert_fpr: f64,
    /// How far above the highest score of ordinary work a kill begins, in the logit
    #[arg(long, value_name = "DISTANCE", default_value = "0.5", value_parser = margin)]
    kill_margin: f64,
    /// Where to write the model with these thresholds; without it they are only proposed
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..1.0).contains(share));
    share.ok_or_else(|| String::from("expected a share from 0 to below 1, such as 0.001"))
}

fn margin(text: &str) -> Result<f64, String> {
    let margin = text
        .parse()
        .ok()
        .filter(|margin| (0.0..=20.0).contains(margin));
    margin.ok_or_else(|| String::from("expected a distance from 0 to 20, such as 0.5"))
}

#[derive(Debug, Serialize)]
struct Proposal {
    alert: f32,
    kill: f32,
    alert_before: f32,
    kill_before: f32,
    benign_rows: usize,
    highest_benign: f32,
    benign_that_alert: Share,
    attacks_that_alert: Share,
    attacks_over_kill: Share,
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let source = super::source(&arguments.file);
    let bytes = source.read().map_err(Failure::usage)?;
    if Sealed::begins(&bytes) {
        return Err(Failure::usage(anyhow::anyhow!(
            "{source} is a bundle: calibrate the ONNX file, then sign that"
        )));
    }
    let mut model = match source {
        Source::Shipped => super::loaded(&arguments.file)?,
        Source::File(_) => admission::load(&source, &bytes, None).map_err(Failure::usage)?,
    };
    let mut rows = Rows::open(&arguments.rows, arguments.unlabelled).map_err(Failure::usage)?;
    let mut scored = Scored::take(&mut rows, &mut model)?;
    if scored.benign.is_empty() {
        return Err(Failure::usage(anyhow::anyhow!(
            "none of the rows is of ordinary work, which is what thresholds are chosen by; \
             `--unlabelled benign` says that rows without a label are"
        )));
    }
    let (alert, kill) = thresholds(&mut scored.benign, arguments)
        .context("the scores of ordinary work leave no room for a threshold")
        .map_err(Failure::failed)?;
    let reached = |scores: &[f32], threshold: Score| {
        let found = scores.iter().filter(|score| **score >= threshold.get());
        Share::new(found.count() as u64, scores.len() as u64)
    };
    let proposal = Proposal {
        alert: alert.get(),
        kill: kill.get(),
        alert_before: model.card.alert.get(),
        kill_before: model.card.kill.get(),
        benign_rows: scored.benign.len(),
        highest_benign: scored.benign.first().copied().unwrap_or_default(),
        benign_that_alert: reached(&scored.benign, alert),
        attacks_that_alert: reached(&scored.attacks, alert),
        attacks_over_kill: reached(&scored.attacks, kill),
        written: arguments.output.clone(),
    };
    if let Some(output) = &arguments.output {
        let written = write(&bytes, &model.sha256, alert, kill, &proposal, arguments);
        written
            .with_context(|| format!("write {}", output.display()))
            .map_err(Failure::failed)?;
    }
    if arguments.json {
        return print_json(&proposal);
    }
    print!("{}", render(&proposal));
    Ok(())
}

/// From which score on to alert and to kill; sorts the scores, the highest first.
fn thresholds(benign: &mut [f32], arguments: &Arguments) -> Option<(Score, Score)> {
    let alert = Score::new(threshold_for(benign, arguments.alert_fpr).min(1.0))?;
    let highest = f64::from(*benign.first()?);
    // A score of exactly 0 or 1 has no logit.
    let logit = (highest / (1.0 - highest)).ln().clamp(-40.0, 40.0);
    let kill = 1.0 / (1.0 + (-(logit + arguments.kill_margin)).exp());
    #[expect(
        clippy::cast_possible_truncation,
        reason = "scores are single precision"
    )]
    let kill = Score::new((kill as f32).max(alert.get()))?;
    // Rounded down to a score that ordinary work has, it would kill that.
    let kill = if f64::from(kill.get()) > highest {
        kill
    } else {
        Score::new(benign.first()?.next_up())?
    };
    Some((alert, kill))
}

fn write(
    bytes: &[u8],
    sha256: &str,
    alert: Score,
    kill: Score,
    proposal: &Proposal,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    let Some(output) = &arguments.output else {
        return Ok(());
    };
    let mut file = OnnxFile::read(bytes)?;
    file.set_thresholds(alert, kill);
    file.set_note(
        "calibration",
        &json!({
            "of": sha256,
            "benign_rows": proposal.benign_rows,
            "alert_fpr": arguments.alert_fpr,
            "kill_margin": arguments.kill_margin,
        }),
    );
    Ok(write_whole(output, &file.bytes(), 0o644)?)
}

fn render(proposal: &Proposal) -> String {
    let written = proposal.written.as_ref().map_or_else(
        || String::from("nothing; `--output FILE` writes the model with them"),
        |path| path.display().to_string(),
    );
    format!(
        "alert       from {:.6} on, before {:.6}\nkill        from {:.6} on, before {:.6}\n\
         ordinary    {} alert; the highest score is {:.6}\nattacks     {} alert\n            \
         {} reach the kill threshold\nwritten     {written}\n",
        proposal.alert,
        proposal.alert_before,
        proposal.kill,
        proposal.kill_before,
        proposal.benign_that_alert,
        proposal.highest_benign,
        proposal.attacks_that_alert,
        proposal.attacks_over_kill,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ordinary_reaches_the_kill_threshold() {
        for (scores, rate, margin) in [
            (vec![0.1, 0.2, 0.3, 0.4], 0.25, 0.5),
            (vec![0.0; 10], 0.0, 0.0),
            (vec![0.999_999_9, 0.1], 0.5, 0.0),
            (vec![0.5; 4], 0.0, 20.0),
        ] {
            let arguments = Arguments {
                file: String::new(),
                rows: PathBuf::new(),
                unlabelled: None,
                alert_fpr: rate,
                kill_margin: margin,
                output: None,
                json: false,
            };
            let mut benign = scores.clone();
            let (alert, kill) = thresholds(&mut benign, &arguments).unwrap();
            let reach = |score: Score| scores.iter().filter(|s| **s >= score.get()).count() as f64;
            assert!(reach(alert) <= rate * scores.len() as f64, "{scores:?}");
            assert!(reach(kill) == 0.0 && kill >= alert, "{scores:?}: {kill:?}");
        }
    }
}
