//! Files that are no model to use: refused with a clear word, at the start and while
//! the sensor runs, which goes on with the model that it has.

use std::{fs, path::Path};

use sensor_tests::{
    Sensor,
    model_files::{
        Signing, shipped, signatures, with_another_schema, with_giant_constant, with_nan_weights,
        with_thresholds, with_unknown_operator,
    },
    refusal::{fails, run, says},
    sensor_command,
};
use sensor_user::model::bundle::{PublicKey, Sealed, TrustedKeys};

use super::steps::Watched;

/// Mutants of a file.
const MUTANTS: usize = 1_000;

/// Hostile files that a running sensor is given once its memory is measured.
const ROUNDS: usize = 40;

/// What memory may grow by meanwhile, in KiB, beyond that of a sensor whose model stays:
/// the heap's fragments, no model.
const GROWTH_KIB: u64 = 4 << 10;

/// Files that nobody signed, each with a part of what is said of it.
fn unsigned() -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    let shipped = shipped();
    vec![
        ("nothing", Vec::new(), &[""]),
        ("a text", b"this is no model".to_vec(), &["cannot be used"]),
        (
            "a third",
            shipped[..shipped.len() / 3].to_vec(),
            &["cannot be used"],
        ),
        (
            "an unknown operator",
            with_unknown_operator(),
            &["NoSuchOperator"],
        ),
        (
            "weights that are no number",
            with_nan_weights(),
            &["NaN", "golden vector"],
        ),
        (
            "another schema",
            with_another_schema(),
            &["no.such_feature: not known to the sensor"],
        ),
        ("a giant", with_giant_constant(), &[""]),
    ]
}

/// Bundles, likewise; the one of version 5 is accepted before.
fn bundles(signing: &Signing) -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    let right = signing.sign(&shipped(), "own", 6, "kill");
    let [ed25519, ml_dsa] = signatures(&right);
    let broken = |at: usize| {
        let mut bytes = right.clone();
        bytes[at] ^= 1;
        bytes
    };
    vec![
        (
            "a broken Ed25519 signature",
            broken(ed25519.start),
            &["Ed25519 signature", "is wrong"],
        ),
        (
            "a broken ML-DSA-65 signature",
            broken(ml_dsa.start),
            &["ML-DSA-65 signature", "is wrong"],
        ),
        (
            "another manifest",
            broken(40),
            &["Ed25519 signature", "is wrong"],
        ),
        ("another model", broken(right.len() - 1), &["SHA-256"]),
        (
            "half a bundle",
            right[..right.len() / 2].to_vec(),
            &["it is damaged"],
        ),
        (
            "another's signature",
            signing.sign(&shipped(), "other", 6, "kill"),
            &["not among the 1 that are trusted"],
        ),
        (
            "an older version",
            signing.sign(&shipped(), "own", 4, "kill"),
            &["version 4", "version 5 was accepted"],
        ),
    ]
}

fn says_one_of(text: &str, parts: &[&str]) {
    assert!(
        parts.iter().any(|part| text.contains(part)),
        "none of {parts:?} is in {text:?}"
    );
}

#[test]
fn the_sensor_does_not_start_with_them() {
    let signing = Signing::new();
    let path = signing.path("hostile.model");
    let policy = signing.policy(&path, "");
    let option = policy.to_str().unwrap();
    for (name, bytes, parts) in unsigned() {
        fs::write(&path, bytes).unwrap();
        let stderr = fails(&mut run(&["--config", option]), 2);
        says(&stderr, &["hostile.model"]);
        println!("{name}: {stderr}");
        says_one_of(&stderr, parts);
    }
    fs::File::create(&path)
        .unwrap()
        .set_len((64 << 20) + 1)
        .unwrap();
    let stderr = fails(&mut run(&["--config", option]), 2);
    says(
        &stderr,
        &["hostile.model", "67108865 bytes", "at most 67108864"],
    );
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let stderr = fails(&mut run(&["--config", option]), 2);
    says(&stderr, &["hostile.model", "no ordinary file"]);
    fs::remove_dir(&path).unwrap();

    let accepted = signing.sign(&shipped(), "own", 5, "kill");
    fs::write(&path, accepted).unwrap();
    let ran = run(&["--config", option]).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    for (name, bytes, parts) in bundles(&signing) {
        fs::write(&path, bytes).unwrap();
        let stderr = fails(&mut run(&["--config", option]), 2);
        println!("{name}: {stderr}");
        says(&stderr, &["hostile.model"]);
        says(&stderr, parts);
    }
}

#[test]
fn an_unsigned_file_is_refused_where_a_signature_is_required() {
    let signing = Signing::new();
    let path = signing.path("plain.onnx");
    fs::write(&path, shipped()).unwrap();
    let unsigned = ["plain.onnx", "no signature", "--allow-unsigned-model"];
    let policy = signing.policy(&path, "");
    let option = policy.to_str().unwrap();
    let enforce = ["--config", option, "--mode", "enforce"];
    says(&fails(&mut run(&enforce), 2), &unsigned);
    let allowed = run(&enforce)
        .arg("--allow-unsigned-model")
        .output()
        .unwrap();
    assert!(allowed.status.success(), "{allowed:?}");
    let policy = signing.policy(&path, "require_signature = true\n");
    let option = policy.to_str().unwrap();
    says(&fails(&mut run(&["--config", option]), 2), &unsigned);
}

#[test]
fn no_mutant_of_a_bundle_is_trusted() {
    let signing = Signing::new();
    let bundle = signing.sign(&shipped(), "own", 1, "kill");
    let key = PublicKey::read(&signing.path("own.pub")).unwrap();
    let trusted = TrustedKeys::new([key]);
    let open =
        |bytes: &[u8]| Sealed::read(bytes).and_then(|sealed| sealed.open(&trusted).map(|_| ()));
    open(&bundle).unwrap();
    let mut chance = Chance(1);
    for number in 0..MUTANTS {
        let mutant = chance.mutant(&bundle);
        if mutant != bundle {
            assert!(open(&mutant).is_err(), "mutant {number} is trusted");
        }
    }
}

#[test]
fn mutants_of_a_model_are_tried_in_the_child_and_end_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mutant.onnx");
    let shipped = shipped();
    let mut chance = Chance(2);
    let mut refused = 0;
    for number in 0..MUTANTS {
        fs::write(&path, chance.mutant(&shipped)).unwrap();
        let output = sensor_command()
            .args(["model", "bench", "--scores", "100"])
            .arg(&path)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            // What was changed is neither a weight nor the card's: it gives its golden
            // scores.
            Some(0) => {}
            Some(2) => {
                refused += 1;
                assert!(stderr.contains("mutant.onnx"), "{number}: {stderr}");
            }
            _ => panic!("mutant {number} ended the agent: {output:?}"),
        }
        assert!(!stderr.contains("panicked"), "{number}: {stderr}");
    }
    println!("{refused} of {MUTANTS} mutants were refused");
    assert!(refused > MUTANTS / 4, "{refused}");
}

#[test]
fn a_running_sensor_goes_on_with_its_model() {
    let signing = Signing::new();
    let first = signing.sign(&shipped(), "own", 5, "kill");
    let mut hostile = unsigned();
    hostile.extend(bundles(&signing));
    let policy = "[reload]\non_change = false\nshadow_seconds = 3600\nshadow_scores = 10000000\n";
    let mut watched = Watched::start(signing, &first, policy, &[]);
    let running = watched.verdict_on_attack()["model"].clone();
    // One that is no worse than the other only scores beside it, for an hour.
    let shadow = with_thresholds("shadow", 1.0, 1.0);
    // Both grow by what they see on this machine.
    let other = Sensor::start(&[]);
    let resident = |watched: &Watched| {
        let pids = [watched.sensor.pid(), other.pid()];
        pids.map(resident_kib)
    };
    let mut before = [0, 0];
    for round in 0..ROUNDS + hostile.len() {
        watched.replace(&shadow);
        watched.hang_up();
        assert_eq!(watched.expect("shadow")["running"], running);
        let (name, bytes, parts) = &hostile[round % hostile.len()];
        watched.replace(bytes);
        watched.hang_up();
        let refused = watched.expect("refused");
        let reason = refused["reason"].as_str().unwrap();
        println!("{name}: {reason}");
        says(reason, &["live.model"]);
        says_one_of(reason, parts);
        assert_eq!(refused["running"], running, "{name}");
        if round + 1 == hostile.len() {
            before = resident(&watched);
        }
    }
    let after = resident(&watched);
    println!("{before:?} KiB before, {after:?} KiB after {ROUNDS} models and hostile files");
    let [grown, usual] = [0, 1].map(|sensor| after[sensor].saturating_sub(before[sensor]));
    assert!(
        grown < usual + GROWTH_KIB,
        "it grew by {grown} KiB, the other sensor by {usual}"
    );
    fs::File::create(watched.model())
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    watched.hang_up();
    let refused = watched.expect("refused");
    says(refused["reason"].as_str().unwrap(), &["at most 67108864"]);
    assert_eq!(watched.verdict_on_attack()["model"], running);
    let finished = watched.sensor.stop();
    assert!(finished.status.success(), "{}", finished.stderr);
    assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
}

fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(Path::new(&format!("/proc/{pid}/status"))).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

/// The same numbers in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    /// Bytes turned, cut out, doubled or overwritten, at one to eight places.
    fn mutant(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut mutant = bytes.to_vec();
        for _ in 0..=self.below(8) {
            let at = self.below(mutant.len());
            let until = (at + 1 + self.below(64)).min(mutant.len());
            match self.below(5) {
                0 => mutant[at] ^= 1 << self.below(8),
                1 => mutant[at..until].fill(0xff),
                2 => drop(mutant.drain(at..until)),
                3 => {
                    let again = mutant[at..until].to_vec();
                    mutant.splice(at..at, again);
                }
                _ => mutant.truncate(at.max(1)),
            }
        }
        mutant
    }
}
