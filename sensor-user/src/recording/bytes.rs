//! Numbers and strings of items: numbers in as few bytes as they need (LEB128),
//! strings behind their length.

/// Bytes that are no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Appends a number.
pub(super) fn put_number(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let bits = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            out.push(bits);
            return;
        }
        out.push(bits | 0x80);
    }
}

/// Appends a string.
pub(super) fn put_string(out: &mut Vec<u8>, string: &[u8]) {
    put_number(out, string.len() as u64);
    out.extend_from_slice(string);
}

/// Appends a number that may be negative: small ones of either sign are short.
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_number(out, (value << 1 ^ value >> 63).cast_unsigned());
}

/// Appends a number or nothing.
pub(super) fn put_optional(out: &mut Vec<u8>, value: Option<u32>) {
    put_number(out, value.map_or(0, |value| u64::from(value) + 1));
}

/// Takes numbers and strings off bytes, front to back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taker<'a>(pub(super) &'a [u8]);

impl<'a> Taker<'a> {
    pub(super) fn byte(&mut self) -> Result<u8, Malformed> {
        let (&first, rest) = self.0.split_first().ok_or(Malformed)?;
        self.0 = rest;
        Ok(first)
    }

    pub(super) fn number(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit more.
            if shift == 63 && bits > 1 {
                return Err(Malformed);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    /// A number of a narrower type.
    pub(super) fn narrow<T: TryFrom<u64>>(&mut self) -> Result<T, Malformed> {
        T::try_from(self.number()?).map_err(|_| Malformed)
    }

    pub(super) fn signed(&mut self) -> Result<i64, Malformed> {
        let value = self.number()?;
        Ok((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    pub(super) fn optional(&mut self) -> Result<Option<u32>, Malformed> {
        match self.number()?.checked_sub(1) {
            None => Ok(None),
            Some(value) => u32::try_from(value).map(Some).map_err(|_| Malformed),
        }
    }

    pub(super) fn flag(&mut self) -> Result<bool, Malformed> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    pub(super) fn string(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.narrow::<usize>()?;
        let (string, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(string)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_put_is_taken(number: u64, signed: i64, optional: Option<u32>, string: Vec<u8>) {
            let mut out = Vec::new();
            put_number(&mut out, number);
            put_signed(&mut out, signed);
            put_optional(&mut out, optional);
            put_string(&mut out, &string);
            let mut taker = Taker(&out);
            prop_assert_eq!(taker.number(), Ok(number));
            prop_assert_eq!(taker.signed(), Ok(signed));
            prop_assert_eq!(taker.optional(), Ok(optional));
            prop_assert_eq!(taker.string(), Ok(&string[..]));
            prop_assert!(taker.0.is_empty());
        }
    }

    #[test]
    fn the_ends_of_the_range_are_taken_and_nothing_beyond() {
        for value in [0, 127, 128, u64::MAX] {
            let mut out = Vec::new();
            put_number(&mut out, value);
            assert_eq!(Taker(&out).number(), Ok(value));
            out.pop();
            assert_eq!(Taker(&out).number(), Err(Malformed));
        }
        for beyond in [[0xff; 11], [0x80; 11]] {
            assert_eq!(Taker(&beyond).number(), Err(Malformed));
        }
        let mut two_to_the_64 = [0x80; 10];
        two_to_the_64[9] = 2;
        assert_eq!(Taker(&two_to_the_64).number(), Err(Malformed));
        assert_eq!(Taker(&[5, 1, 2]).string(), Err(Malformed));
        assert_eq!(Taker(&[2]).flag(), Err(Malformed));
    }
}
