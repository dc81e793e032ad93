//! Metrics: what the hooks saw and what became of it adds up, just as in the summary; no reader can harm
//! the sensor; and nobody but this machine reads them unless the policy says so.
#![allow(
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::Path,
    time::{Duration, Instant},
};

use sensor_tests::{
    Sensor,
    exposition::{Exposition, ask, fetch},
    refusal::{fails, run, says},
};
use sensor_user::outputs::metrics::{METRICS, Values};

/// How long a condition is waited for; no case asserts a time.
const PATIENCE: Duration = Duration::from_mins(2);
/// Files that are made and removed.
const FILES: u32 = 40;
/// Opens of one and the same file: more than are recorded a second on each of two processors.
const OPENS: u32 = 20_000;

const FATES: [&str; 4] = ["submitted", "counted", "excluded", "lost"];

fn seen(metrics: &Exposition, kind: &str) -> f64 {
    let labels = [("kind", kind)];
    metrics.value("sensor_acts_seen_total", &labels).unwrap()
}

fn fate(metrics: &Exposition, kind: &str, fate: &str) -> f64 {
    let labels = [("kind", kind), ("fate", fate)];
    metrics.value("sensor_acts_total", &labels).unwrap()
}

/// Kinds of which not everything became something.
fn torn(metrics: &Exposition) -> Vec<String> {
    let kinds = metrics.values_of("sensor_acts_seen", "kind").into_iter();
    kinds
        .filter_map(|kind| {
            let seen = seen(metrics, kind);
            let fates = FATES.map(|name| fate(metrics, kind, name));
            let same = (seen - fates.iter().sum::<f64>()).abs() < 0.5;
            (!same).then(|| format!("{kind}: {seen} seen, {fates:?}"))
        })
        .collect()
}

/// Fetches until the condition holds: values are of the second before, and acts that are under way
/// just then have not become anything yet.
fn wait_for<S: Read + Write>(
    connect: impl Fn() -> S,
    holds: impl Fn(&Exposition) -> bool,
) -> Exposition {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let metrics = fetch(connect());
        if holds(&metrics) {
            return metrics;
        }
        assert!(
            Instant::now() < deadline,
            "not within {PATIENCE:?}; torn: {:?}",
            torn(&metrics)
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn make_and_remove(directory: &Path) {
    for number in 0..FILES {
        let path = directory.join(number.to_string());
        fs::write(&path, b"").unwrap();
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn what_was_done_is_there_and_adds_up() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("metrics.sock");
    let address = format!("unix:{}", socket.display());
    let mut sensor = Sensor::start(&["--metrics", &address]);
    let connect = || UnixStream::connect(&socket).unwrap();

    let before = fetch(connect());
    make_and_remove(directory.path());
    let same = directory.path().join("same");
    for _ in 0..OPENS {
        fs::write(&same, b"").unwrap();
    }
    sensor.catch_up();
    let decoded = |metrics: &Exposition| {
        let labels = [("kind", "file.unlink")];
        let value = metrics.value("sensor_events_decoded_total", &labels);
        value.unwrap()
    };
    let (opened, removed) = (f64::from(FILES + OPENS), f64::from(FILES));
    let after = wait_for(connect, |now| {
        seen(now, "file.open") >= seen(&before, "file.open") + opened
            && seen(now, "file.unlink") >= seen(&before, "file.unlink") + removed
            && decoded(now) >= decoded(&before) + removed
            && torn(now).is_empty()
    });
    assert!(fate(&after, "file.open", "counted") > 0.0);

    // Every metric of the table is there, as what it says it is.
    for metric in METRICS {
        let family = &after.families[metric.name];
        assert_eq!(family.kind, metric.kind(), "{}", metric.name);
        let skipped = metric.name == "sensor_programs_skipped";
        assert!(skipped || !family.samples.is_empty(), "{}", metric.name);
        if let Values::Histogram(_) = metric.values {
            after.histogram(metric.name).unwrap();
        }
    }
    assert_eq!(after.families.len(), METRICS.len());
    let value = |name: &str| after.value(name, &[]).unwrap();
    let scores = value("sensor_scores_total");
    assert!(scores > 0.0);
    assert!((value("sensor_inference_seconds_count") - scores).abs() < 0.5);
    assert!(value("sensor_processes") > 1.0);
    assert!(value("sensor_process_table_fill_ratio") < 1.0);
    assert!(value("sensor_resident_memory_bytes") > 1e6);
    let peak = value("sensor_resident_memory_peak_bytes");
    assert!(peak >= value("sensor_resident_memory_bytes"));

    let finished = sensor.stop();
    assert!(finished.status.success(), "{}", finished.stderr);
    assert!(!socket.exists(), "the socket is left over");
    let accounting = &finished.records.summary()["accounting"];
    for kind in ["file.open", "file.unlink", "process.exec"] {
        let at_the_end = accounting[kind]["seen"].as_f64().unwrap();
        assert!(seen(&after, kind) <= at_the_end, "{kind}: {accounting}");
    }
}

#[test]
fn no_request_harms_the_sensor() {
    let directory = tempfile::tempdir().unwrap();
    // Some free port: nobody else takes it in the moment until the sensor does.
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let policy = directory.path().join("policy.toml");
    fs::write(&policy, format!("[metrics]\nlisten = \"{address}\"\n")).unwrap();
    let mut sensor = Sensor::start(&["--config", policy.to_str().unwrap()]);
    let connect = || TcpStream::connect(address).unwrap();

    let long_head = format!(
        "GET /metrics HTTP/1.1\r\nHost: sensor\r\nX-Long: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    let long_path = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000));
    let body = format!(
        "POST /metrics HTTP/1.1\r\nHost: sensor\r\nContent-Length: 100000\r\n\r\n{}",
        "x".repeat(100_000)
    );
    for (request, allowed) in [
        (long_head.as_bytes(), &[431, 400][..]),
        (long_path.as_bytes(), &[414, 431, 400]),
        (body.as_bytes(), &[405]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", &[400]),
        (b"GET /metrics HTTP/9.9\r\n\r\n", &[400, 505]),
        (b"GET / HTTP/1.1\r\nHost: sensor\r\n\r\n", &[404]),
    ] {
        let answer = ask(connect(), request);
        assert!(allowed.contains(&answer.status), "{}", answer.head);
    }
    // Some say nothing, some leave in the middle: others are served.
    let mut leaving = connect();
    leaving.write_all(b"GET /met").unwrap();
    drop(leaving);
    let _silent = [connect(), connect(), connect()];

    make_and_remove(directory.path());
    sensor.catch_up();
    let done = f64::from(FILES);
    wait_for(connect, |now| {
        seen(now, "file.unlink") >= done && torn(now).is_empty()
    });
    let finished = sensor.stop();
    assert!(finished.status.success(), "{}", finished.stderr);
    assert_eq!(finished.records.summary()["lost"], 0);
}

#[test]
fn an_address_of_others_is_refused_with_its_key_and_what_is_right() {
    for (address, part) in [
        ("0.0.0.0:9464", "allow_remote = true"),
        ("[::]:9464", "allow_remote = true"),
        ("9464", "an IP address with a port"),
        ("unix:metrics.sock", "absolute path"),
    ] {
        let stderr = fails(&mut run(&["--metrics", address]), 2);
        says(&stderr, &["--metrics", address, part]);
    }
    let directory = tempfile::tempdir().unwrap();
    let policy = directory.path().join("policy.toml");
    fs::write(&policy, "[metrics]\nlisten = \"192.0.2.1:9464\"\n").unwrap();
    let stderr = fails(&mut run(&["--config", policy.to_str().unwrap()]), 2);
    says(
        &stderr,
        &[
            "policy.toml",
            "metrics.listen",
            "192.0.2.1:9464",
            "127.0.0.1:9464",
            "allow_remote = true",
        ],
    );
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let stderr = fails(&mut run(&["--metrics", &address]), 1);
    says(&stderr, &["cannot serve metrics at", &address, "in use"]);
    // Before anything is loaded into the kernel.
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}
