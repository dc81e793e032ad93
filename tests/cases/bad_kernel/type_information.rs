//! The running kernel's type information (BTF), with a mistake in it.
//!
//! The format: <https://docs.kernel.org/bpf/btf.html>.

use std::{fs, io::Write as _, ops::Range};

use tempfile::NamedTempFile;

/// Bytes of `struct btf_type`, of a member, and of the other entries that some
/// kinds are followed by.
const TYPE: usize = 12;
const MEMBER: usize = 12;

/// `BTF_KIND_STRUCT`.
const STRUCT: u32 = 4;
/// `BTF_KIND_FUNC`.
const FUNCTION: u32 = 12;

/// A file in which `member` of a structure lies where its member `place` does.
/// Both must be the structure's own, not those of one inside.
pub(crate) fn with_member_at(structure: &str, member: &str, place: &str) -> NamedTempFile {
    let mut types = Types(fs::read("/sys/kernel/btf/vmlinux").unwrap());
    let mut edited = 0;
    for members in types.members_of(structure) {
        let find = |name| {
            members
                .clone()
                .step_by(MEMBER)
                .find(|&at| types.name_at(at) == name)
        };
        // Another structure may have the same name.
        if let (Some(member), Some(place)) = (find(member), find(place)) {
            let offset = types.word(place + 8);
            assert_ne!(types.word(member + 8), offset);
            types.0[member + 8..member + 12].copy_from_slice(&offset.to_ne_bytes());
            edited += 1;
        }
    }
    assert!(edited > 0, "{structure} has no {member} and {place}");
    types.file()
}

/// A file in which a function has the name of another, and that one its own;
/// `None` when the running kernel does not have both.
pub(crate) fn with_functions_exchanged(one: &str, other: &str) -> Option<NamedTempFile> {
    let mut types = Types(fs::read("/sys/kernel/btf/vmlinux").unwrap());
    let one = types.all_of(FUNCTION, one).first()?.start;
    let other = types.all_of(FUNCTION, other).first()?.start;
    let names = [one, other].map(|at| types.word(at));
    for (at, name) in [(one, names[1]), (other, names[0])] {
        types.0[at..at + 4].copy_from_slice(&name.to_ne_bytes());
    }
    Some(types.file())
}

struct Types(Vec<u8>);

impl Types {
    fn file(&self) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(&self.0).unwrap();
        file
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_ne_bytes(self.0[at..at + 4].try_into().unwrap())
    }

    fn size(&self, at: usize) -> usize {
        usize::try_from(self.word(at)).unwrap()
    }

    /// The name of the type or the member here: both begin with its place among
    /// the strings.
    fn name_at(&self, at: usize) -> &str {
        let [header, strings] = [4, 16].map(|at| self.size(at));
        let name = &self.0[header + strings + self.size(at)..];
        let end = name.iter().position(|&byte| byte == 0).unwrap();
        str::from_utf8(&name[..end]).unwrap()
    }

    /// Where the members of the structures of this name are.
    fn members_of(&self, structure: &str) -> Vec<Range<usize>> {
        let all = self.all_of(STRUCT, structure).into_iter();
        all.map(|whole| whole.start + TYPE..whole.end).collect()
    }

    /// Where the types of this kind and name are.
    fn all_of(&self, wanted: u32, name: &str) -> Vec<Range<usize>> {
        assert_eq!(self.0[..2], 0xeb9f_u16.to_ne_bytes());
        let [header, types, length] = [4, 8, 12].map(|at| self.size(at));
        let mut at = header + types;
        let end = at + length;
        let mut found = Vec::new();
        while at < end {
            let information = self.word(at + 4);
            let kind = information >> 24 & 0x1f;
            let entries = usize::try_from(information & 0xffff).unwrap();
            let next = at + TYPE + bytes_after(kind, entries);
            if kind == wanted && self.name_at(at) == name {
                found.push(at..next);
            }
            at = next;
        }
        found
    }
}

/// Bytes that follow a `struct btf_type` of this kind.
fn bytes_after(kind: u32, entries: usize) -> usize {
    match kind {
        // Pointers, forwards, typedefs, qualifiers, functions, floats and type tags.
        2 | 7..=12 | 16 | 18 => 0,
        // Integers, variables and declaration tags.
        1 | 14 | 17 => 4,
        // Arrays.
        3 => 12,
        // Enumerations and prototypes.
        6 | 13 => 8 * entries,
        // Structures, unions, sections and enumerations of 64 bits.
        STRUCT | 5 | 15 | 19 => MEMBER * entries,
        other => panic!("{other}: not a kind of type"),
    }
}
