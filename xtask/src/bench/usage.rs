//! What a process uses: processor time and memory.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result};

/// What a process uses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// Processor time of all its threads, so far.
    pub(super) processor: Duration,
    /// Resident memory now, in bytes.
    pub(super) resident: u64,
}

impl Usage {
    /// Of the process whose folder below `/proc` this is.
    pub(super) fn of(process: &Path) -> Result<Self> {
        let status = process.join("status");
        let text =
            fs::read_to_string(&status).with_context(|| format!("read {}", status.display()))?;
        let resident = field(&text, "VmRSS")
            .and_then(|text| text.strip_suffix(" kB")?.parse::<u64>().ok())
            .with_context(|| format!("{} has no line `VmRSS:`", status.display()))?;
        Ok(Self {
            processor: processor_time(&process.join("task"))?,
            resident: resident * 1024,
        })
    }

    /// Resident memory now, in MiB.
    pub(super) fn mebibytes(self) -> f64 {
        self.resident as f64 / f64::from(1 << 20)
    }
}

/// Of the threads in this folder together.
fn processor_time(tasks: &Path) -> Result<Duration> {
    let mut processor = Duration::ZERO;
    for thread in fs::read_dir(tasks).with_context(|| format!("list {}", tasks.display()))? {
        let path = thread?.path().join("schedstat");
        // A thread may end between the two calls.
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        let nanoseconds = text.split(' ').next().and_then(|first| first.parse().ok());
        processor += Duration::from_nanos(nanoseconds.with_context(|| {
            format!("{} does not begin with nanoseconds: {text}", path.display())
        })?);
    }
    Ok(processor)
}

/// The value of the line `key:`.
pub(super) fn field<'a>(status: &'a str, key: &str) -> Option<&'a str> {
    status
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use super::{Usage, field};

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let status = "VmHWM:\t   9 kB\nVmRSS:\t   7 kB\nSigCgt:\t0000000000000002\n";
        assert_eq!(field(status, "VmRSS"), Some("7 kB"));
        assert_eq!(field(status, "SigCgt"), Some("0000000000000002"));
        assert_eq!(field(status, "Vm"), None);
    }

    #[test]
    fn this_process_uses_something() {
        let usage = Usage::of(Path::new("/proc/self")).expect("read");
        assert!(usage.processor > Duration::ZERO, "{usage:?}");
        assert!(usage.mebibytes() > 0.1, "{usage:?}");
    }

    #[test]
    fn a_process_that_is_not_there_is_named() {
        let error = Usage::of(Path::new("/proc/0")).expect_err("no process");
        assert!(error.to_string().contains("/proc/0/status"), "{error}");
    }
}
