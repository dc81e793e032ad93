use std::num::NonZeroUsize;

/// A bound as the caches take it: one at least.
pub(crate) const fn non_zero(bound: usize) -> NonZeroUsize {
    match NonZeroUsize::new(bound) {
        Some(bound) => bound,
        None => NonZeroUsize::MIN,
    }
}
