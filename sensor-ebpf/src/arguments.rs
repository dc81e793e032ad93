//! The arguments of a hook, whatever it is attached to.

use aya_ebpf::programs::{BtfTracePointContext, FEntryContext, FExitContext, LsmContext};

use crate::{object::Object, read::Address};

/// What one handler body needs of the four contexts it can run in.
pub(crate) trait Arguments {
    /// Argument `index` as a number.
    fn number(&self, index: usize) -> u64;

    /// Argument `index` as an address, null included.
    fn address(&self, index: usize) -> Address;

    /// Argument `index` as an object of the type that the kernel's prototype
    /// says.
    #[inline(always)]
    fn object(&self, index: usize) -> Option<Object> {
        let address = self.address(index);
        (!address.is_null()).then_some(Object::typed(address))
    }
}

macro_rules! arguments {
    ($($context:ty),+) => {$(
        impl Arguments for $context {
            #[inline(always)]
            fn number(&self, index: usize) -> u64 {
                self.arg(index)
            }

            #[inline(always)]
            fn address(&self, index: usize) -> Address {
                self.arg(index)
            }
        }
    )+};
}

arguments!(
    BtfTracePointContext,
    FEntryContext,
    FExitContext,
    LsmContext
);

/// Makes the two programs of a `security_*` function from one body: one for the
/// BPF LSM, one for a kernel where only trampolines are allowed.
///
/// The LSM program answers 0 always: it sees, and decides nothing.
macro_rules! security_hook {
    ($lsm:ident, $fentry:ident, $body:path) => {
        #[aya_ebpf::macros::lsm]
        pub(crate) fn $lsm(context: aya_ebpf::programs::LsmContext) -> i32 {
            $body(&context);
            0
        }

        #[aya_ebpf::macros::fentry]
        pub(crate) fn $fentry(context: aya_ebpf::programs::FEntryContext) -> i32 {
            $body(&context);
            0
        }
    };
}
pub(crate) use security_hook;
