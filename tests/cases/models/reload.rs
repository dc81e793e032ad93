//! A new model takes over while the sensor runs.

use std::{
    fs,
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use sensor_tests::{
    exposition::{Exposition, fetch},
    model_files::{Signing, shipped, with_thresholds},
};

use super::steps::{Watched, attack};

/// How long a condition is waited for; no case asserts a time.
const PATIENCE: Duration = Duration::from_mins(2);

/// Both phases as short as they can be; a factor that no pair of equal models reaches.
const SHORT: &str = "[reload]\nshadow_seconds = 1\ntrial_seconds = 1\nalert_factor = 10\n\
                     largest_shift = 1000\n";

#[test]
fn a_signed_file_that_changed_takes_over_step_by_step_and_is_remembered() {
    let signing = Signing::new();
    let first = signing.sign(&shipped(), "own", 3, "kill");
    let second = signing.sign(&shipped(), "own", 7, "kill");
    let third = signing.sign(&shipped(), "own", 6, "kill");
    let socket = signing.path("metrics.sock");
    let metrics = format!("unix:{}", socket.display());
    let mut watched = Watched::start(signing, &first, SHORT, &["--metrics", &metrics]);
    let remembered = watched.signing.path("state.json");
    let state = || fs::read_to_string(&remembered).unwrap();
    assert!(state().contains("\"version\": 3"), "{}", state());
    // Nobody asks: the change is enough.
    watched.replace(&second);
    let shadow = watched.expect("shadow");
    assert_eq!(shadow["running"]["version"], "3");
    assert_eq!(shadow["new"]["version"], "7");
    let swapped = watched.expect("swapped");
    assert_eq!(swapped["running"]["version"], "7");
    assert!(swapped["comparison"]["rows"].is_u64(), "{swapped}");
    let confirmed = watched.expect("confirmed");
    assert_eq!(confirmed["running"]["version"], "7");
    assert_eq!(watched.verdict_on_attack()["model"]["version"], "7");
    // From now on nothing older: the thread that remembers also looks.
    watched.replace(&third);
    let refused = watched.expect("refused");
    let reason = refused["reason"].as_str().unwrap();
    assert!(
        reason.contains("version 6") && reason.contains("version 7 was accepted"),
        "{reason}"
    );
    assert!(state().contains("\"version\": 7"), "{}", state());
    let steps = |exposition: &Exposition, step: &str| {
        exposition.value("sensor_model_steps_total", &[("step", step)])
    };
    let deadline = Instant::now() + PATIENCE;
    // Values are of the second before.
    let exposition = loop {
        let exposition = fetch(UnixStream::connect(&socket).unwrap());
        if steps(&exposition, "refused") == Some(1.0) {
            break exposition;
        }
        assert!(Instant::now() < deadline, "the refusal is not counted");
        std::thread::yield_now();
    };
    for step in ["shadow", "swapped", "confirmed"] {
        assert_eq!(steps(&exposition, step), Some(1.0), "{step}");
    }
    let versions = exposition.values_of("sensor_model", "version");
    assert!(
        versions.iter().any(|version| *version == "7"),
        "{versions:?}"
    );
}

#[test]
fn a_model_that_calls_everything_suspicious_never_runs() {
    let signing = Signing::new();
    let long = "[reload]\nshadow_seconds = 3600\nshadow_scores = 1000000\non_change = false\n";
    let mut watched = Watched::start(signing, &shipped(), long, &[]);
    watched.replace(&with_thresholds("loud", 0.0, 1.0));
    watched.hang_up();
    watched.expect("shadow");
    let refused = loop {
        // Some rows to compare on.
        let mut child = attack();
        child.kill().unwrap();
        child.wait().unwrap();
        if watched.has_told() {
            break watched.expect("refused");
        }
    };
    assert_eq!(refused["new"]["version"], "loud");
    assert_ne!(refused["running"]["version"], "loud");
    let reason = refused["reason"].as_str().unwrap();
    assert!(reason.contains("alert threshold"), "{reason}");
    assert!(
        refused["comparison"]["new_alerts"].as_u64() > refused["comparison"]["old_alerts"].as_u64()
    );
}

#[test]
fn a_model_that_turns_loud_once_it_runs_is_taken_back() {
    let signing = Signing::new();
    // The old one never speaks; the new one speaks of what only then happens.
    let policy = "[reload]\nshadow_scores = 1\ntrial_seconds = 3600\ntrial_scores = 1000000\n\
                  on_change = false\nlargest_shift = 1000\n";
    let silent = with_thresholds("silent", 1.0, 1.0);
    let mut watched = Watched::start(signing, &silent, policy, &[]);
    watched.replace(&with_thresholds("loud", 0.6, 1.0));
    loop {
        watched.hang_up();
        watched.expect("shadow");
        let step = watched.next_step();
        if step["step"] == "swapped" {
            break;
        }
        // Others at work on this machine were loud just then.
        assert_eq!(step["step"], "refused", "{step}");
    }
    let reverted = loop {
        let mut attacks: Vec<_> = (0..8).map(|_| attack()).collect();
        watched.sensor.catch_up();
        for attack in &mut attacks {
            attack.kill().unwrap();
            attack.wait().unwrap();
        }
        if watched.has_told() {
            break watched.expect("reverted");
        }
    };
    assert_eq!(reverted["running"]["version"], "silent");
    assert!(
        reverted["reason"].as_str().unwrap().contains("threshold"),
        "{reverted}"
    );
    // It stays so: the file is looked at when somebody asks, not again and again.
    watched.sensor.catch_up();
    assert!(!watched.has_told());
}

#[test]
fn a_model_for_alerts_kills_nobody() {
    let signing = Signing::new();
    let bundle = signing.sign(&with_thresholds("deadly", 0.8, 0.8), "own", 1, "alert");
    let mut watched = Watched::start(signing, &bundle, SHORT, &["--mode", "enforce"]);
    let mut attack = attack();
    let verdict = watched
        .sensor
        .wait_for_act("verdict", attack.id(), |record| {
            record["verdict"]["label"] == "malicious"
        });
    assert_eq!(verdict["verdict"]["action"], "flag");
    watched.sensor.catch_up();
    assert!(attack.try_wait().unwrap().is_none(), "it was killed");
    attack.kill().unwrap();
    attack.wait().unwrap();
    let finished = watched.sensor.stop();
    assert_eq!(finished.records.summary()["kills"], 0);
}
