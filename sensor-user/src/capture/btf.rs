//! The kernel's type information (BTF), read where it lies.
//!
//! The kernel has more than a hundred thousand types, of which some dozens are
//! asked for: nothing is copied, and only where each type begins is kept. The
//! format: <https://docs.kernel.org/bpf/btf.html>.

use std::ops::Range;

/// `BTF_KIND_*` (`include/uapi/linux/btf.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Pointer,
    Structure,
    Union,
    Enumeration,
    Typedef,
    /// `const`, `volatile`, `restrict` and type tags.
    Modifier,
    Function,
    Prototype,
    /// One that nobody asks for.
    Other,
}

/// Types, and the names in them.
pub(super) struct TypeInformation<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// Where each type begins in `types`. The first has the number 1.
    starts: Vec<u32>,
}

/// One type's head, `struct btf_type`.
#[derive(Clone, Copy)]
struct Head {
    name: u32,
    info: u32,
    /// A size, or another type's number.
    target: u32,
}

/// Bytes of `struct btf_type`.
const HEAD: usize = 12;
/// Bytes of the file's own header, and of its fields that are read.
const FILE_HEADER: usize = 24;
/// Modifiers and typedefs that are followed one after another.
const ALIASES_MAX: usize = 32;
/// Unnamed structures inside of each other.
const NESTING_MAX: usize = 16;
/// Members that are looked at for one name; a structure has some hundreds.
const MEMBERS_MAX: u32 = 1 << 20;

impl Head {
    const fn entries(self) -> usize {
        (self.info & 0xffff) as usize
    }

    /// Whether the offsets of members have the sizes of bit fields in them.
    const fn has_bit_fields(self) -> bool {
        self.info >> 31 == 1
    }

    /// The kind, and how many bytes follow the head; `None` for one that is not
    /// known, whose length is not known either.
    const fn kind(self) -> Option<(Kind, usize)> {
        let entries = self.entries();
        Some(match (self.info >> 24) & 0x1f {
            2 => (Kind::Pointer, 0),
            4 => (Kind::Structure, entries * MEMBER),
            5 => (Kind::Union, entries * MEMBER),
            6 => (Kind::Enumeration, entries * 8),
            8 => (Kind::Typedef, 0),
            9..=11 | 18 => (Kind::Modifier, 0),
            12 => (Kind::Function, 0),
            13 => (Kind::Prototype, entries * 8),
            // A forward declaration, a floating-point number.
            7 | 16 => (Kind::Other, 0),
            // An integer, a variable, a declaration's tag.
            1 | 14 | 17 => (Kind::Other, 4),
            // An array.
            3 => (Kind::Other, 12),
            // A section of data, an enumeration of 64 bits.
            15 | 19 => (Kind::Other, entries * 12),
            _ => return None,
        })
    }
}

/// Bytes of `struct btf_member`.
const MEMBER: usize = 12;

impl<'a> TypeInformation<'a> {
    /// Finds where each type begins; else what is wrong with the bytes.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, String> {
        const MAGIC: [u8; 2] = 0xeb9f_u16.to_le_bytes();
        if bytes.len() < FILE_HEADER {
            return Err(format!("{} bytes are too few", bytes.len()));
        }
        if !bytes.starts_with(&MAGIC) {
            return Err(String::from("it does not begin with BTF's magic number"));
        }
        let section = |name: &str, at: usize| {
            let field = |at| word(bytes, at).map(|value| value as usize);
            let range = || -> Option<Range<usize>> {
                let start = field(4)?.checked_add(field(at)?)?;
                Some(start..start.checked_add(field(at + 4)?)?)
            };
            range()
                .and_then(|range| bytes.get(range))
                .ok_or_else(|| format!("its {name} reach beyond its end"))
        };
        let types = section("types", 8)?;
        let strings = section("names", 16)?;
        if strings.last() != Some(&0) {
            return Err(String::from("its last name has no end"));
        }
        let mut starts = Vec::new();
        let mut at = 0;
        while at < types.len() {
            let number = starts.len() + 1;
            let head = head(types, at).ok_or_else(|| format!("type {number} is cut off"))?;
            if head.name as usize >= strings.len() {
                return Err(format!("type {number} has its name beyond the names"));
            }
            let (_, follows) = head
                .kind()
                .ok_or_else(|| format!("type {number} is of a kind that is not known"))?;
            starts.push(u32::try_from(at).map_err(|_| String::from("it is too large"))?);
            at += HEAD + follows;
        }
        if at > types.len() {
            return Err(format!("type {} is cut off", starts.len()));
        }
        Ok(Self {
            types,
            strings,
            starts,
        })
    }

    /// The last type of a kind and a name.
    pub(super) fn find(&self, kind: Kind, name: &str) -> Option<u32> {
        let of_name = |&start: &u32| {
            head(self.types, start as usize).is_some_and(|head| {
                head.kind().is_some_and(|(found, _)| found == kind)
                    && self.is_named(head.name, name)
            })
        };
        let index = self.starts.iter().rposition(of_name)?;
        u32::try_from(index + 1).ok()
    }

    /// Every type of a kind that has a name, with it.
    pub(super) fn named(&self, kind: Kind) -> impl Iterator<Item = (&'a [u8], u32)> {
        (1..).zip(&self.starts).filter_map(move |(number, &start)| {
            let head = head(self.types, start as usize)?;
            let wanted = head.name != 0 && head.kind()?.0 == kind;
            wanted
                .then(|| Some((self.name(head.name)?, number)))
                .flatten()
        })
    }

    /// Byte at which a member lies; `path` may lead through members of members.
    /// `None` for bit fields, too.
    pub(super) fn offset_of(&self, structure: u32, path: &str) -> Option<u32> {
        let mut place = (structure, 0);
        for name in path.split('.') {
            let mut budget = MEMBERS_MAX;
            place = self.member(place, name, NESTING_MAX, &mut budget)?;
        }
        Some(place.1)
    }

    /// What a pointer points to, through any names that it has.
    pub(super) fn pointee(&self, number: u32) -> Option<u32> {
        let (_, head, kind) = self.unaliased(number)?;
        (kind == Kind::Pointer).then_some(head.target)
    }

    /// The type of a function.
    pub(super) fn prototype(&self, function: u32) -> Option<u32> {
        let (_, head, kind) = self.at(function)?;
        (kind == Kind::Function).then_some(head.target)
    }

    /// Number of parameters of a function's type.
    pub(super) fn parameters(&self, prototype: u32) -> Option<usize> {
        let (_, head, kind) = self.at(prototype)?;
        (kind == Kind::Prototype).then(|| head.entries())
    }

    /// Names of an enumeration's values.
    pub(super) fn values(&self, enumeration: u32) -> Vec<&'a [u8]> {
        let Some((start, head, Kind::Enumeration)) = self.at(enumeration) else {
            return Vec::new();
        };
        (0..head.entries())
            .filter_map(|entry| self.name(word(self.types, start + HEAD + entry * 8)?))
            .collect()
    }

    /// The member of that name, below unnamed ones, too: its type, and the byte
    /// where it lies, counted from where `structure` does.
    fn member(
        &self,
        (structure, base): (u32, u32),
        name: &str,
        nesting: usize,
        budget: &mut u32,
    ) -> Option<(u32, u32)> {
        let (start, head, kind) = self.unaliased(structure)?;
        if nesting == 0 || !matches!(kind, Kind::Structure | Kind::Union) {
            return None;
        }
        for entry in 0..head.entries() {
            *budget = budget.checked_sub(1)?;
            let at = start + HEAD + entry * MEMBER;
            let member_name = word(self.types, at)?;
            let target = word(self.types, at + 4)?;
            let place = || {
                let place = word(self.types, at + 8)?;
                Some((target, base.checked_add(byte_offset(head, place)?)?))
            };
            if member_name != 0 {
                if self.is_named(member_name, name) {
                    return place();
                }
            } else if let Some(inner) = place()
                && let Some(found) = self.member(inner, name, nesting - 1, budget)
            {
                return Some(found);
            }
        }
        None
    }

    /// The type behind typedefs and modifiers.
    fn unaliased(&self, mut number: u32) -> Option<(usize, Head, Kind)> {
        for _ in 0..ALIASES_MAX {
            let found = self.at(number)?;
            match found {
                (_, head, Kind::Typedef | Kind::Modifier) => number = head.target,
                other => return Some(other),
            }
        }
        None
    }

    /// Where a type begins, its head, and its kind.
    fn at(&self, number: u32) -> Option<(usize, Head, Kind)> {
        let index = (number as usize).checked_sub(1)?;
        let start = *self.starts.get(index)? as usize;
        let head = head(self.types, start)?;
        Some((start, head, head.kind()?.0))
    }

    fn is_named(&self, at: u32, name: &str) -> bool {
        self.strings
            .get(at as usize..)
            .and_then(|from| from.strip_prefix(name.as_bytes()))
            .is_some_and(|rest| rest.first() == Some(&0))
    }

    fn name(&self, at: u32) -> Option<&'a [u8]> {
        self.strings
            .get(at as usize..)?
            .split(|&byte| byte == 0)
            .next()
    }
}

/// The byte of a member, from what stands in its structure; `None` for a bit
/// field.
fn byte_offset(head: Head, place: u32) -> Option<u32> {
    let (bits, size) = if head.has_bit_fields() {
        (place & 0xff_ffff, place >> 24)
    } else {
        (place, 0)
    };
    (size == 0 && bits % 8 == 0).then_some(bits / 8)
}

fn head(types: &[u8], at: usize) -> Option<Head> {
    Some(Head {
        name: word(types, at)?,
        info: word(types, at + 4)?,
        target: word(types, at + 8)?,
    })
}

/// Four bytes as a number: the sensor runs on little-endian machines only.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let found = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*found))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The strings of [`sample`], each with its place.
    const STRINGS: &[u8] = b"\0outer\0first\0deep\0bits\0alias\0call\0cpu_id\0";
    const OUTER: u32 = 1;
    const FIRST: u32 = 7;
    const DEEP: u32 = 13;
    const BITS: u32 = 18;
    const ALIAS: u32 = 23;
    const CALL: u32 = 29;
    const VALUE: u32 = 34;

    fn file(types: &[u32]) -> Vec<u8> {
        let length = u32::try_from(types.len() * 4).unwrap();
        let strings = u32::try_from(STRINGS.len()).unwrap();
        let header = [0x0001_eb9f, 24, 0, length, length, strings];
        let mut bytes: Vec<u8> = header
            .iter()
            .chain(types)
            .flat_map(|word| word.to_le_bytes())
            .collect();
        bytes.extend(STRINGS);
        bytes
    }

    const fn info(kind: u32, entries: u32, flag: u32) -> u32 {
        flag << 31 | kind << 24 | entries
    }

    /// 1 an integer, 2 a structure with an unnamed one (3) and a bit field, 4 a
    /// name for a constant (5) 2, 6 a function of the type 7, 8 an enumeration,
    /// 9 a pointer to 7.
    fn sample() -> Vec<u32> {
        #[rustfmt::skip]
        let types = vec![
            0, info(1, 0, 0), 4, 32,
            OUTER, info(4, 3, 1), 16, FIRST, 1, 0, 0, 3, 64, BITS, 1, 0x0300_0060,
            0, info(5, 1, 0), 4, DEEP, 1, 0,
            ALIAS, info(8, 0, 0), 5,
            0, info(10, 0, 0), 2,
            CALL, info(12, 0, 0), 7,
            0, info(13, 2, 0), 0, FIRST, 1, DEEP, 1,
            ALIAS, info(6, 1, 0), 4, VALUE, 0,
            0, info(2, 0, 0), 7,
        ];
        types
    }

    #[test]
    fn members_functions_and_values_are_found() {
        let bytes = file(&sample());
        let types = TypeInformation::new(&bytes).unwrap();
        assert_eq!(types.find(Kind::Structure, "outer"), Some(2));
        assert_eq!(types.find(Kind::Structure, "oute"), None);
        assert_eq!(types.find(Kind::Union, "outer"), None);
        assert_eq!(types.offset_of(2, "first"), Some(0));
        assert_eq!(types.offset_of(2, "deep"), Some(8));
        assert_eq!(types.offset_of(4, "deep"), Some(8));
        assert_eq!(types.offset_of(2, "first.deep"), None);
        assert_eq!(types.offset_of(2, "bits"), None);
        let named: Vec<_> = types.named(Kind::Structure).collect();
        assert_eq!(named, [(&b"outer"[..], 2)]);

        let function = types.find(Kind::Function, "call").unwrap();
        let prototype = types.prototype(function).unwrap();
        assert_eq!(types.parameters(prototype), Some(2));
        assert_eq!(types.pointee(9), Some(prototype));
        assert_eq!(types.pointee(function), None);
        assert_eq!(types.values(8), [b"cpu_id"]);
        assert!(types.values(2).is_empty());
    }

    #[test]
    fn types_without_end_end() {
        // A name for itself, and a structure that holds itself without a name.
        let mut types = vec![ALIAS, info(8, 0, 0), 1];
        types.extend([OUTER, info(4, 2, 0), 0, 0, 2, 0, 0, 2, 0]);
        let bytes = file(&types);
        let types = TypeInformation::new(&bytes).unwrap();
        assert_eq!(types.offset_of(1, "first"), None);
        assert_eq!(types.pointee(1), None);
        assert_eq!(types.offset_of(2, "first"), None);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let refusal = |bytes: &[u8]| TypeInformation::new(bytes).err().unwrap();
        let good = file(&sample());
        assert!(refusal(&good[..8]).contains("too few"));
        assert!(refusal(&[0x5a; 64]).contains("magic"));
        assert!(refusal(&good[..good.len() - 1]).contains("names reach beyond"));
        assert!(refusal(&file(&[OUTER, info(4, 1, 0), 0])).contains("type 1 is cut off"));
        assert!(refusal(&file(&[0, info(2, 0, 0)])).contains("type 1 is cut off"));
        assert!(refusal(&file(&[0, info(31, 0, 0), 0])).contains("not known"));
        assert!(refusal(&file(&[99, info(2, 0, 0), 0])).contains("beyond the names"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            at in 0_usize..100,
            value: u8,
            path in "(outer|first|deep|bits)(\\.deep)?",
        ) {
            let mut bytes = file(&sample());
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            if let Ok(types) = TypeInformation::new(&bytes) {
                for number in 0..12 {
                    types.offset_of(number, &path);
                    types.pointee(number);
                    types.values(number);
                    types.parameters(number);
                }
                types.named(Kind::Structure).for_each(drop);
            }
        }
    }
}
