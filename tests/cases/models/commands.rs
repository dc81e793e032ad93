//! The commands that make, look at, measure and install models.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use sensor_tests::{
    model_files::{Signing, shipped, with_thresholds},
    refusal::{fails, says},
    sensor_command,
};
use sensor_user::{
    features::Schema,
    model::{Model, Source, made_up},
};
use serde_json::{Value, json};

pub(super) fn model(arguments: &[&str]) -> Command {
    let mut command = sensor_command();
    command.arg("model").args(arguments);
    command
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

pub(super) fn json_of(command: &mut Command) -> Value {
    serde_json::from_str(&said(command.arg("--json"))).unwrap()
}

/// Golden rows of the shipped model, and made-up ones: those that score above half of
/// all are attacks.
pub(super) fn rows(path: &Path) -> (Vec<f32>, usize) {
    let mut model = Model::load(&Source::Shipped).unwrap();
    let mut rows = model.card.golden_rows();
    rows.extend(made_up(300));
    let scores: Vec<f32> = rows
        .iter()
        .map(|row| model.score(row).unwrap().get())
        .collect();
    let mut sorted = scores.clone();
    sorted.sort_by(f32::total_cmp);
    let middle = sorted[sorted.len() / 2];
    let mut text = json!({"schema": Schema::own()}).to_string();
    for (row, score) in rows.iter().zip(&scores) {
        let attack = *score > middle;
        let label = if attack { "attack" } else { "benign" };
        let technique = attack.then_some("T1059");
        let line = json!({"row": &row[..], "label": label, "technique": technique, "case": "c"});
        text.push('\n');
        text.push_str(&line.to_string());
    }
    fs::write(path, text).unwrap();
    let attacks = scores.iter().filter(|score| **score > middle).count();
    (scores, attacks)
}

#[test]
fn a_bundle_is_made_looked_at_verified_and_installed() {
    let signing = Signing::new();
    let mode = |name: &str| {
        let metadata = fs::metadata(signing.path(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(mode("own.key"), 0o600);
    let bundle = signing.path("m.bundle");
    let file = bundle.to_str().unwrap();
    fs::write(&bundle, signing.sign(&shipped(), "own", 8, "alert")).unwrap();
    let live = signing.path("live.bundle");
    let policy = signing.policy(&live, "");
    let option = policy.to_str().unwrap();

    let text = said(&mut model(&["verify", file, "--config", option]));
    says(
        &text,
        &["version 8", "Ed25519 and ML-DSA-65 hold", "alert at most"],
    );
    let stderr = fails(&mut model(&["verify", file]), 2);
    says(&stderr, &["m.bundle", "not among the 0 that are trusted"]);
    let shown = json_of(&mut model(&["inspect", file, "--config", option]));
    assert_eq!(shown["bundle"]["trusted"], true);
    assert_eq!(shown["bundle"]["manifest"]["version"], 8);
    assert_eq!(shown["bundle"]["card"]["model_sha256"], shown["sha256"]);
    assert_eq!(shown["bundle"]["data_sheet"]["name"], shown["card"]["name"]);
    let shown = json_of(&mut model(&["inspect", file]));
    assert_eq!(shown["bundle"]["trusted"], false);
    says(&said(&mut model(&["inspect", file])), &["NOT trusted"]);

    let installed = json_of(&mut model(&["set", file, "--config", option]));
    assert_eq!(installed["installed"], live.to_str().unwrap());
    assert_eq!(fs::read(&live).unwrap(), fs::read(&bundle).unwrap());
    let plain = signing.path("plain.onnx");
    fs::write(&plain, shipped()).unwrap();
    let stderr = fails(
        &mut model(&["set", plain.to_str().unwrap(), "--config", option]),
        2,
    );
    says(&stderr, &["plain.onnx is no bundle"]);
    says(
        &fails(
            &mut model(&[
                "set",
                file,
                "--trusted-keys",
                signing.path("keys").to_str().unwrap(),
            ]),
            2,
        ),
        &["--to"],
    );
}

#[test]
fn an_older_version_is_installed_only_on_purpose() {
    let signing = Signing::new();
    let live = signing.path("live.bundle");
    let policy = signing.policy(&live, "");
    let option = policy.to_str().unwrap();
    let new = signing.sign(&shipped(), "own", 5, "alert");
    let old = signing.sign(&with_thresholds("1", 0.9, 0.95), "own", 4, "alert");
    fs::write(&live, &new).unwrap();
    let ran = sensor_command()
        .args(["run", "--duration", "1s", "--config", option])
        .output()
        .unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let file = signing.path("old.bundle");
    fs::write(&file, &old).unwrap();
    let set = ["set", file.to_str().unwrap(), "--config", option];
    let stderr = fails(&mut model(&set), 2);
    says(
        &stderr,
        &[
            "old.bundle",
            "version 4",
            "version 5 was accepted",
            "--allow-rollback",
        ],
    );
    assert_eq!(fs::read(&live).unwrap(), new);
    said(model(&set).arg("--allow-rollback"));
    assert_eq!(fs::read(&live).unwrap(), old);
    said(&mut model(&[
        "verify",
        live.to_str().unwrap(),
        "--config",
        option,
    ]));
}

#[test]
fn a_model_is_measured_on_rows() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rows.jsonl");
    let (scores, attacks) = rows(&path);
    let file = path.to_str().unwrap();
    let evaluation = json_of(&mut model(&["eval", "shipped", "--rows", file]));
    assert_eq!(evaluation["attack_rows"], attacks);
    assert_eq!(evaluation["benign_rows"], scores.len() - attacks);
    // Whatever scores higher is an attack here.
    assert_eq!(evaluation["auroc"], 1.0);
    assert_eq!(evaluation["at_rates"][0]["found"]["ratio"], 1.0);
    assert_eq!(evaluation["techniques"]["T1059"]["rows"]["of"], attacks);
    says(
        &said(&mut model(&["eval", "shipped", "--rows", file])),
        &["auroc", "T1059", "95 %"],
    );

    let explained = json_of(&mut model(&[
        "explain", "shipped", "--rows", file, "--row", "2",
    ]));
    let score = explained["score"].as_f64().unwrap();
    assert!((score - f64::from(scores[1])).abs() < 1e-6, "{score}");
    assert!(explained["reasons"].is_array());
    let stderr = fails(
        &mut model(&["explain", "shipped", "--rows", file, "--row", "9999"]),
        2,
    );
    says(
        &stderr,
        &["no row 9999", &format!("the last is {}", scores.len())],
    );

    let times = json_of(&mut model(&[
        "bench", "shipped", "--rows", file, "--scores", "200",
    ]));
    assert!(times["one_us"][0].as_f64().unwrap() > 0.0);
    let stderr = fails(
        &mut model(&["eval", "shipped", "--rows", "/nonexistent"]),
        2,
    );
    says(&stderr, &["/nonexistent"]);
}

#[test]
fn thresholds_are_proposed_written_and_compared() {
    let directory = tempfile::tempdir().unwrap();
    let (path, output) = (
        directory.path().join("rows.jsonl"),
        directory.path().join("mine.onnx"),
    );
    let (scores, attacks) = rows(&path);
    let (file, mine) = (path.to_str().unwrap(), output.to_str().unwrap());
    let calibrate = ["calibrate", "shipped", "--rows", file, "--alert-fpr", "0"];
    let proposal = json_of(&mut model(&calibrate));
    assert_eq!(proposal["written"], Value::Null);
    let written = json_of(model(&calibrate).args(["--output", mine]));
    assert_eq!(written["alert"], proposal["alert"]);
    let shown = json_of(&mut model(&["inspect", mine]));
    assert_eq!(shown["card"]["alert"], proposal["alert"]);
    assert_eq!(shown["card"]["kill"], proposal["kill"]);
    assert_eq!(shown["card"]["notes"]["calibration"]["alert_fpr"], 0.0);

    // No ordinary row alerts with them, and every attack does: nothing else scores
    // higher here.
    let evaluation = json_of(&mut model(&["eval", mine, "--rows", file]));
    assert_eq!(evaluation["at_alert"]["benign_rows"]["count"], 0);
    assert_eq!(evaluation["at_alert"]["attack_rows"]["count"], attacks);
    assert_eq!(evaluation["at_kill"]["benign_rows"]["count"], 0);

    let comparison = json_of(&mut model(&["compare", "shipped", mine, "--rows", file]));
    assert_eq!(comparison["rows"], scores.len());
    assert_eq!(comparison["largest_difference"], 0.0);
    assert_eq!(comparison["rank_correlation"], 1.0);
    assert_eq!(comparison["benign_rose"], 0);
    says(
        &said(&mut model(&["compare", "shipped", mine, "--rows", file])),
        &["correlate by 1.0000"],
    );
}
