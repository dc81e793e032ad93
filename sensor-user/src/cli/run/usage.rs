use procfs::process::Process;

/// What the sensor itself used.
pub(super) struct Usage {
    /// Processor time in user and kernel mode, in seconds.
    pub(super) cpu_seconds: f64,
    /// Largest resident memory, in bytes.
    pub(super) peak_rss_bytes: u64,
}

impl Usage {
    /// Of this process; zeros when `/proc` does not tell.
    pub(super) fn own() -> Self {
        let process = Process::myself().ok();
        let ticks = process
            .as_ref()
            .and_then(|process| process.stat().ok())
            .map_or(0, |stat| stat.utime + stat.stime);
        let peak_kib = process
            .and_then(|process| process.status().ok())
            .and_then(|status| status.vmhwm)
            .unwrap_or_default();
        Self {
            cpu_seconds: ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
            peak_rss_bytes: peak_kib * 1_024,
        }
    }
}
