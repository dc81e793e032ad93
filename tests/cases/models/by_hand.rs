//! The worked example of editing a model by hand, and what the sensor makes of the
//! models that it writes.

use std::{fs, process::Command};

use sensor_tests::{
    model_files::shipped,
    refusal::{fails, says},
};
use sensor_user::features::{COUNT, FEATURES};
use serde_json::{Value, json};

use super::commands::{json_of, model, rows};

/// Debian's, whose packages `cargo xtask test` installs: another may come first in PATH.
const PYTHON: &str = "/usr/bin/python3";

/// A row in which nothing is but these.
fn row(facts: &[(&str, f32)]) -> String {
    let mut row = [0.0; COUNT];
    for (name, value) in facts {
        let place = FEATURES.iter().position(|feature| feature.name == *name);
        row[place.unwrap()] = *value;
    }
    json!({"row": row.as_slice(), "label": "attack"}).to_string()
}

#[test]
fn what_the_worked_example_writes_is_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("process.onnx"), shipped()).unwrap();
    let edited = Command::new(PYTHON)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../models/examples/by_hand.py"
        ))
        .args([at("process.onnx"), at("")])
        .output()
        .unwrap_or_else(|error| panic!("{PYTHON}: {error}"));
    assert!(
        edited.status.success(),
        "{PYTHON} needs its package onnx (Debian: python3-onnx): {}",
        String::from_utf8_lossy(&edited.stderr)
    );
    let rows_file = at("rows.jsonl");
    let _ = rows(rows_file.as_ref());
    let compare = |new: &str| {
        json_of(&mut model(&[
            "compare", "shipped", new, "--rows", &rows_file,
        ]))
    };

    // Another threshold changes no score.
    let threshold = at("threshold.onnx");
    let card = json_of(&mut model(&["inspect", &threshold]))["card"].clone();
    let alert = card["alert"].as_f64().unwrap();
    assert!((alert - 0.8).abs() < 1e-6, "{card}");
    assert_eq!(card["version"], "by-hand");
    assert_eq!(compare(&threshold)["largest_difference"], 0.0);

    // Another weight raises each score, and leaves their order as it is.
    let weight = compare(&at("weight.onnx"));
    let (mean, absolute) = (
        weight["mean_difference"].as_f64().unwrap(),
        weight["mean_absolute_difference"].as_f64().unwrap(),
    );
    assert!(mean > 0.0 && (mean - absolute).abs() < 1e-9, "{weight}");
    // All but: two scores may be the same number after it, or before.
    assert!(
        weight["rank_correlation"].as_f64().unwrap() > 0.999,
        "{weight}"
    );

    // Another graph computes what the example says.
    let graph = at("graph.onnx");
    let lines = [
        json_of_first(&rows_file),
        row(&[]),
        row(&[("exe.memfd", 1.0), ("stdin.socket", 1.0)]),
    ];
    fs::write(at("facts.jsonl"), lines.join("\n")).unwrap();
    for (number, logit) in [("1", -4.0_f64), ("2", -4.0 + 3.0 + 2.0)] {
        let facts = at("facts.jsonl");
        let explain = ["explain", &graph, "--rows", &facts, "--row", number];
        let score = json_of(&mut model(&explain))["score"].as_f64().unwrap();
        assert!(
            (score - 1.0 / (1.0 + (-logit).exp())).abs() < 1e-6,
            "{score}"
        );
    }

    // Whoever forgets the golden vectors is told so.
    let forgotten = fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../models/examples/by_hand.py"
    ));
    let forgotten = forgotten.unwrap().replace("{**golden(model, score), ", "{");
    fs::write(at("forgotten.py"), forgotten).unwrap();
    let written = Command::new(PYTHON)
        .args([at("forgotten.py"), at("process.onnx"), at("")])
        .status();
    assert!(written.unwrap().success());
    let stderr = fails(
        &mut model(&["compare", "shipped", &at("weight.onnx"), "--rows", "-"]),
        2,
    );
    says(&stderr, &["weight.onnx", "golden vector"]);
}

/// The line with the schema.
fn json_of_first(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap();
    let first = text.lines().next().unwrap();
    let header: Value = serde_json::from_str(first).unwrap();
    assert!(header["schema"].is_object());
    first.to_owned()
}
