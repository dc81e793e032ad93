//! Ctrl-C ends the measurement in order: the sensor is stopped and the files are removed.
//!
//! A bench that is killed outright leaves no sensor and no setting behind either: the kernel
//! signals the sensor and drops the statistics with their descriptor. Only files remain then.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

extern "C" fn note(_signal: libc::c_int) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// From here on, signals that end a program are only noted.
pub(super) fn catch() -> Result<()> {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let handler = note as extern "C" fn(libc::c_int);
        // SAFETY: the handler does nothing but an atomic store.
        let before = unsafe { libc::signal(signal, handler as libc::sighandler_t) };
        ensure!(
            before != libc::SIG_ERR,
            "signal(2) refused a handler for signal {signal}"
        );
    }
    Ok(())
}

/// An error once a signal came.
pub(super) fn check() -> Result<()> {
    ensure!(
        !INTERRUPTED.load(Ordering::Relaxed),
        "interrupted by a signal; nothing was left behind"
    );
    Ok(())
}
