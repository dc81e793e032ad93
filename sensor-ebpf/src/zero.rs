//! Clearing memory a word at a time.

use core::ptr;

/// Sets a number of words to zero that the compiler knows, each by an instruction of
/// its own.
///
/// The compiler makes anything that it takes for `memset` a call of a loop over
/// bytes: for a record's head it would take longer than all that is read for it.
///
/// # Safety
/// `at` must point to so many words that may be written.
#[inline(always)]
pub(crate) unsafe fn words(at: *mut u64, count: usize) {
    let mut word = 0;
    while word < count {
        // SAFETY: the caller's promise. Volatile, so that it stays what it is.
        unsafe { ptr::write_volatile(at.add(word), 0) };
        word += 1;
    }
}
