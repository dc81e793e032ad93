//! Kernel objects, and whether the verifier knows their type.

use core::ptr;

use crate::{
    global,
    read::{Address, direct, probe},
};

/// A kernel object.
///
/// One whose type the verifier knows is read by plain loads (about 1 ns each),
/// any other as [`probe`] does. Pointers found in a typed object are typed as
/// well, on kernels where that matters.
#[derive(Clone, Copy)]
pub(crate) struct Object {
    address: Address,
    typed: bool,
}

impl Object {
    /// A hook's argument, which the verifier knows the type of.
    #[inline(always)]
    pub(crate) const fn typed(address: Address) -> Self {
        Self {
            address,
            typed: true,
        }
    }

    /// An object at an address that came from elsewhere.
    #[inline(always)]
    pub(crate) const fn untyped(address: Address) -> Self {
        Self {
            address,
            typed: false,
        }
    }

    /// No object, in places where an `Option` would leave its address undefined:
    /// the verifier refuses to see that copied.
    pub(crate) const NONE: Self = Self::untyped(ptr::null());

    #[inline(always)]
    pub(crate) fn is_none(self) -> bool {
        self.address.is_null()
    }

    #[inline(always)]
    pub(crate) const fn address(self) -> Address {
        self.address
    }

    /// A structure inside this one. The verifier does not follow it there.
    #[inline(always)]
    pub(crate) const fn inside(self, offset: usize) -> Address {
        self.address.wrapping_add(offset)
    }

    /// A member; zero when it cannot be read.
    #[inline(always)]
    pub(crate) fn member<T: Copy + Default>(self, offset: usize) -> T {
        if self.typed {
            // SAFETY: `typed` says that the verifier knows the pointer.
            unsafe { direct(self.address, offset) }
        } else {
            probe(self.address, offset).unwrap_or_default()
        }
    }

    /// A pointer member; null when it cannot be read.
    #[inline(always)]
    pub(crate) fn pointer(self, offset: usize) -> Address {
        if self.leads_to_typed() {
            // SAFETY: as in `member`.
            unsafe { direct(self.address, offset) }
        } else {
            probe(self.address, offset).unwrap_or(ptr::null())
        }
    }

    /// The object that a pointer member leads to; `None` when it is null.
    #[inline(always)]
    pub(crate) fn follow(self, offset: usize) -> Option<Self> {
        let address = self.pointer(offset);
        // Kernels from 6.2 on take a pointer under RCU for null until it is
        // compared.
        (!address.is_null()).then_some(Self {
            address,
            typed: self.leads_to_typed(),
        })
    }

    /// Whether pointers found in it are typed. Not where every address may be
    /// read anyhow: for each of them the verifier looks through all types of the
    /// kernel (`btf_nested_type_is_trusted`, `kernel/bpf/btf.c`), which was most of
    /// the time of a start.
    #[inline(always)]
    fn leads_to_typed(self) -> bool {
        self.typed && global::readable_type() == 0
    }

    /// Like [`Object::follow`] through a pointer that BTF knows as `void *`, or
    /// to an object that is read at computed offsets.
    #[inline(always)]
    pub(crate) fn follow_untyped(self, offset: usize) -> Option<Self> {
        let address = self.pointer(offset);
        (!address.is_null()).then_some(Self::untyped(address))
    }
}
