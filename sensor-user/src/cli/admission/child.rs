//! The agent's side of the child that tries a model.

use std::{
    io::{self, Read, Write as _},
    os::unix::process::ExitStatusExt as _,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::process::Signal;
use sha2::{Digest, Sha256};

use super::inside::{Answer, COMMAND};
use crate::model::{Source, bundle::hexadecimal};

/// How long the child may take, in all.
const PATIENCE: Duration = Duration::from_mins(1);

/// Bytes that are read of what the child says.
const WORDS_MAX: u64 = 16 << 10;

/// This program, also after its file was replaced.
const OWN: &str = "/proc/self/exe";

/// Has a child without rights try an ONNX file. An error when that refuses it,
/// crashes, or does not end.
pub(super) fn validate(source: &Source, onnx: &[u8]) -> Result<()> {
    let refused = || format!("the model {source} was refused");
    let (status, words, complaint) = ask(source, onnx)
        .with_context(|| format!("the model {source} was refused: no child could try it"))?;
    let Ok(answer) = serde_json::from_slice(&words) else {
        let complaint = String::from_utf8_lossy(&complaint);
        let last = complaint.trim_end().lines().last().unwrap_or_default();
        let separator = if last.is_empty() { "" } else { ": " };
        return Err(anyhow!("{}{separator}{last}", ended(status))).with_context(refused);
    };
    match answer {
        Answer::Usable { sha256 } if sha256 == hexadecimal(&Sha256::digest(onnx)) => Ok(()),
        Answer::Usable { .. } => bail!("{}: the child read something else", refused()),
        Answer::Refused(words) => Err(anyhow!(words)),
    }
}

/// How a child ended that did not answer.
fn ended(status: ExitStatus) -> String {
    const TRIES: &str = "the child that tried it";
    match status.signal() {
        Some(signal) if signal == Signal::KILL.as_raw() => {
            format!("{TRIES} took too long or was killed")
        }
        Some(signal) if signal == Signal::XCPU.as_raw() => {
            format!("{TRIES} used up its processor time")
        }
        Some(signal) => format!("{TRIES} was ended by signal {signal}"),
        None => format!("{TRIES} gave no answer ({status})"),
    }
}

/// Runs the child: how it ended, what it said, what it complained.
fn ask(source: &Source, onnx: &[u8]) -> io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    let mut child = Command::new(OWN)
        .args([COMMAND, "--"])
        .arg(source.to_string())
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            // One that does not read to the end has its reasons, and gives them.
            let _ = input.map(|mut input| input.write_all(onnx));
        });
        let complaint = scope.spawn(|| read(errors));
        scope.spawn(move || {
            // The other end is there until this was read.
            let _ = sender.send(read(output));
        });
        let words = receiver.recv_timeout(PATIENCE).unwrap_or_default();
        let status = end(&mut child)?;
        Ok((status, words, complaint.join().unwrap_or_default()))
    })
}

/// Ends a child that has said all that it will.
fn end(child: &mut Child) -> io::Result<ExitStatus> {
    // It closes its output when it ends; one that closed it otherwise does not hold
    // anybody up.
    for _ in 0..50 {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(2));
    }
    child.kill()?;
    child.wait()
}

/// What is said, up to a bound; what follows that is thrown away, so that the
/// child is not held up.
fn read(stream: Option<impl Read>) -> Vec<u8> {
    let mut words = Vec::new();
    if let Some(mut stream) = stream {
        // A stream that fails has said what it has said.
        let _ = stream.by_ref().take(WORDS_MAX).read_to_end(&mut words);
        let _ = io::copy(&mut stream, &mut io::sink());
    }
    words
}
