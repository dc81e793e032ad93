use std::fmt::Write as _;

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// As many bytes as asked for, from twice as many hexadecimal digits.
pub(super) fn bytes<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    // `from_str_radix` takes a sign, too.
    if text.len() != 2 * LENGTH || !text.bytes().all(|letter| letter.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_they_were_written() {
        assert_eq!(hexadecimal(&[0, 0xaf, 7]), "00af07");
        assert_eq!(bytes(&hexadecimal(&[1, 2, 255])), Some([1, 2, 255]));
        for wrong in ["0", "000", "+100", "zz00", "é00"] {
            assert_eq!(bytes::<2>(wrong), None, "{wrong}");
        }
    }
}
