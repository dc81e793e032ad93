use std::fmt::Write as _;

/// The question of a DNS message (RFC 1035, section 4.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsQuestion {
    /// Name asked for, without the ending dot; `.` for the root. A byte that is
    /// no printable ASCII, a dot inside a label and a backslash are escaped as
    /// in zone files (section 5.1).
    pub name: String,
    /// `TYPE`: 1 for A, 28 for AAAA, 16 for TXT.
    pub record_type: u16,
}

/// Longest name, its lengths and ending zero included (RFC 1035, section 2.3.4).
const NAME_MAX: usize = 255;
/// Longest label; the two bits above mark a compression pointer.
const LABEL_MAX: usize = 63;
/// Bytes of a message's header.
const HEADER: usize = 12;

/// Reads the first question of a DNS message that starts at its header.
///
/// `None` when there is no whole question, and for a compressed name: a
/// question has nothing before it that a pointer could lead to.
#[must_use]
pub fn dns_question(message: &[u8]) -> Option<DnsQuestion> {
    let (labels, rest) = first_question(message)?;
    let mut name = String::new();
    let mut labels = labels;
    while let Some((&length, after)) = labels.split_first()
        && let Some((label, after)) = after.split_at_checked(usize::from(length))
        && length > 0
    {
        if !name.is_empty() {
            name.push('.');
        }
        push_label(&mut name, label);
        labels = after;
    }
    if name.is_empty() {
        name.push('.');
    }
    let record_type = u16::from_be_bytes(*rest.first_chunk()?);
    Some(DnsQuestion { name, record_type })
}

/// The name of the first question as it travels: labels, each behind its length,
/// and the ending zero; at most 255 bytes. `None` as with [`dns_question`].
#[must_use]
pub fn dns_name(message: &[u8]) -> Option<&[u8]> {
    first_question(message).map(|(name, _)| name)
}

/// The first question's name, and what follows it.
fn first_question(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, body) = message.split_at_checked(HEADER)?;
    if header[4..6] == [0, 0] {
        return None;
    }
    let mut taken = 0;
    loop {
        let length = usize::from(*body.get(taken)?);
        taken += 1 + length;
        if length > LABEL_MAX || taken > NAME_MAX {
            return None;
        }
        if length == 0 {
            let (name, rest) = body.split_at_checked(taken)?;
            return (rest.len() >= size_of::<u16>()).then_some((name, rest));
        }
    }
}

fn push_label(name: &mut String, label: &[u8]) {
    for &byte in label {
        match byte {
            b'.' | b'\\' => {
                name.push('\\');
                name.push(char::from(byte));
            }
            b'!'..=b'~' => name.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => drop(write!(name, "\\{byte:03}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(question: &[u8]) -> Vec<u8> {
        let header = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        [&header, question].concat()
    }

    fn name(question: &[u8]) -> Option<String> {
        dns_question(&message(question)).map(|question| question.name)
    }

    #[test]
    fn a_question_is_read() {
        assert_eq!(
            dns_question(&message(b"\x07example\x03org\0\0\x1c\0\x01")),
            Some(DnsQuestion {
                name: String::from("example.org"),
                record_type: 28
            })
        );
        assert_eq!(name(b"\0\0\x02\0\x01").as_deref(), Some("."));
    }

    #[test]
    fn odd_bytes_are_escaped() {
        assert_eq!(
            name(b"\x04a.b\\\x02\x00\xff\0\0\x01").as_deref(),
            Some("a\\.b\\\\.\\000\\255")
        );
    }

    #[test]
    fn what_is_no_question_is_refused() {
        for question in [
            &b""[..],
            b"\x07exam",
            b"\x07example",
            b"\x07example\0",
            b"\x07example\0\0",
            b"\xc0\x0c\0\x01",
            b"\x03www\xc0\x0c\0\x01",
            b"\x40aa",
        ] {
            assert_eq!(name(question), None, "{question:?}");
        }
        let mut none_counted = message(b"\x01a\0\0\x01");
        none_counted[5] = 0;
        assert_eq!(dns_question(&none_counted), None);
        assert_eq!(dns_question(&[0; 11]), None);
    }

    #[test]
    fn the_longest_name_is_read_and_a_longer_one_refused() {
        let label = [&[49][..], &[b'a'; 49]].concat();
        let mut longest = label.repeat(5);
        longest.extend([&[3][..], b"aaa", &[0, 0, 1]].concat());
        assert_eq!(longest.len(), NAME_MAX + 2);
        assert_eq!(name(&longest).map(|name| name.len()), Some(5 * 50 + 3));
        let mut longer = label.repeat(5);
        longer.extend([&[4][..], b"aaaa", &[0, 0, 1]].concat());
        assert_eq!(name(&longer), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            small in proptest::collection::vec(0u8..4, 0..400),
        ) {
            let questions = [dns_question(&bytes), dns_question(&message(&small))];
            for question in questions.into_iter().flatten() {
                prop_assert!(question.name.len() <= 4 * NAME_MAX);
                prop_assert!(question.name.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
