use std::fmt::Write as _;

use crate::outputs::{ModelChangePart, ModelPart, ModelStep};

/// A step from one model to the next for people.
pub(super) fn render(part: &ModelChangePart) -> String {
    let running = name(&part.running);
    let new = part
        .new
        .as_ref()
        .map_or_else(|| String::from("a new file"), name);
    let mut line = match part.step {
        ModelStep::Refused => format!("model: {new} is refused, {running} goes on"),
        ModelStep::Shadow => format!("model: {new} scores beside {running}"),
        ModelStep::Swapped => format!("model: {new} runs, on trial"),
        ModelStep::Confirmed => format!("model: {new} stays"),
        ModelStep::Reverted => format!("model: {new} is taken back, {running} runs again"),
    };
    // Writing to a string cannot fail.
    if let Some(reason) = &part.reason {
        let _ = write!(line, ": {reason}");
    }
    if let Some(comparison) = &part.comparison {
        let _ = write!(
            line,
            " ({} rows: {} against {} alerts, {} against {} kills, {} labelled otherwise)",
            comparison.rows,
            comparison.new_alerts,
            comparison.old_alerts,
            comparison.new_kills,
            comparison.old_kills,
            comparison.relabelled,
        );
    }
    line
}

fn name(model: &ModelPart) -> String {
    format!("{} {}", model.name, model.version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outputs::ModelComparisonPart;

    #[test]
    fn a_step_is_one_line_with_its_reason() {
        let model = |version: &str| ModelPart {
            name: String::from("m"),
            version: version.to_owned(),
            sha256: String::new(),
        };
        let part = ModelChangePart {
            step: ModelStep::Reverted,
            running: model("1"),
            new: Some(model("2")),
            reason: Some(String::from("too many")),
            comparison: Some(ModelComparisonPart {
                rows: 9,
                relabelled: 5,
                new_alerts: 4,
                old_alerts: 3,
                new_kills: 2,
                old_kills: 1,
                shift: None,
            }),
        };
        assert_eq!(
            render(&part),
            "model: m 2 is taken back, m 1 runs again: too many \
             (9 rows: 4 against 3 alerts, 2 against 1 kills, 5 labelled otherwise)"
        );
        let part = ModelChangePart {
            step: ModelStep::Refused,
            new: None,
            comparison: None,
            ..part
        };
        assert_eq!(
            render(&part),
            "model: a new file is refused, m 1 goes on: too many"
        );
    }
}
