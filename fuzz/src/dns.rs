//! The question of a DNS message.

use sensor_user::capture::dns_question;

/// Longest name, its lengths and ending zero included (RFC 1035, section 2.3.4).
const NAME_MAX: usize = 255;
/// A byte is written as at most this many letters: `\255`.
const ESCAPE: usize = 4;

/// Messages with a question of one kind and another.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let questions: [&[u8]; 6] = [
        b"\x07example\x03org\0\0\x01\0\x01",
        b"\x03www\x07example\x03org\0\0\x1c\0\x01",
        // The root.
        b"\0\0\x02\0\x01",
        // Letters that are escaped.
        b"\x04a.b\\\x02\x00\xff\0\0\x10\0\x01",
        // A pointer, which a question has no use for.
        b"\x03www\xc0\x0c\0\x01\0\x01",
        // A long label.
        &[&[63][..], &[b'a'; 63], b"\0\0\x01\0\x01"].concat(),
    ];
    questions
        .iter()
        .map(|question| {
            let header = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
            [&header, *question].concat()
        })
        .collect()
}

/// A name is printable and of bounded length.
pub fn check(bytes: &[u8]) {
    let Some(question) = dns_question(bytes) else {
        return;
    };
    let name = &question.name;
    assert!(!name.is_empty(), "a question without a name");
    assert!(
        name.len() <= ESCAPE * NAME_MAX,
        "a name of {} letters",
        name.len()
    );
    assert!(
        name.bytes().all(|byte| byte.is_ascii_graphic()),
        "a name that cannot be printed: {name:?}"
    );
}
