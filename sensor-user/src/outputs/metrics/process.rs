/// What the sensor's process uses.
#[derive(Clone, Copy, Debug, Default)]
pub struct Process {
    /// Processor time in user and kernel mode, in seconds.
    pub cpu_seconds: f64,
    /// Resident memory now, in bytes.
    pub resident_bytes: u64,
    /// Resident memory at most, in bytes.
    pub peak_bytes: u64,
}

impl Process {
    /// Of this process; zeros when `/proc` does not tell.
    #[must_use]
    pub fn own() -> Self {
        let process = procfs::process::Process::myself().ok();
        let ticks = process
            .as_ref()
            .and_then(|process| process.stat().ok())
            .map_or(0, |stat| stat.utime + stat.stime);
        let status = process.and_then(|process| process.status().ok());
        let bytes = |kib: Option<u64>| kib.unwrap_or_default() * 1_024;
        Self {
            cpu_seconds: ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
            resident_bytes: bytes(status.as_ref().and_then(|status| status.vmrss)),
            peak_bytes: bytes(status.as_ref().and_then(|status| status.vmhwm)),
        }
    }
}
