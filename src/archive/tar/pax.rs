//! Records of PAX extended headers, and the values in them.
//!
//! A record is `<length> <keyword>=<value>\n`, its length counting itself in decimal (POSIX.1-2001,
//! pax, "Extended Header"). Values are bytes: nothing here assumes UTF-8.

use crate::archive::entry::Mtime;

/// Keyword prefix of extended attributes, as star, GNU tar, libarchive and Go write them.
pub(super) const XATTR: &[u8] = b"SCHILY.xattr.";

/// Appends one record.
pub(super) fn push_record(records: &mut Vec<u8>, keyword: &[u8], value: &[u8]) {
    let rest = keyword.len() + value.len() + 3;
    let mut total = rest + decimal_digits(rest);
    // The length's own digits may add one more digit to it.
    total = rest + decimal_digits(total);
    records.extend_from_slice(total.to_string().as_bytes());
    records.push(b' ');
    records.extend_from_slice(keyword);
    records.push(b'=');
    records.extend_from_slice(value);
    records.push(b'\n');
}

/// The time as decimal seconds, a fraction only where there is one: `-1.5` is half a second before
/// the second before the epoch.
pub(in crate::archive) fn format_time(mtime: Mtime) -> String {
    const NANOS: u32 = 1_000_000_000;
    // A fraction counts away from zero, nanoseconds always forward.
    let (secs, nanos) = match mtime {
        Mtime { secs, nanos } if secs < 0 && nanos > 0 => (secs + 1, NANOS - nanos),
        Mtime { secs, nanos } => (secs, nanos),
    };
    let mut text = String::with_capacity(32);
    if mtime.secs < 0 {
        text.push('-');
    }
    // Every entry has two or three of these: `to_string` of a number is several times as fast as `format!`.
    text.push_str(&secs.unsigned_abs().to_string());
    if nanos > 0 {
        let digits = (NANOS + nanos).to_string();
        text.push('.');
        text.push_str(digits[1..].trim_end_matches('0'));
    }
    text
}

/// The keyword of an extended attribute. A keyword cannot hold `=`, so it is percent-encoded, and
/// `%` with it, as GNU tar does since 1.27.
pub(super) fn xattr_keyword(name: &[u8]) -> Vec<u8> {
    let mut keyword = XATTR.to_vec();
    for &byte in name {
        match byte {
            b'=' => keyword.extend_from_slice(b"%3D"),
            b'%' => keyword.extend_from_slice(b"%25"),
            _ => keyword.push(byte),
        }
    }
    keyword
}

/// The records of an extended header as keyword and value; the last item is an error if the header
/// is not made of records.
pub(super) fn records(
    mut header: &[u8],
) -> impl Iterator<Item = Result<(&[u8], &[u8]), BadRecord>> {
    std::iter::from_fn(move || {
        if header.is_empty() {
            return None;
        }
        let record = split_record(header);
        header = record.as_ref().map_or(&[], |&(_, rest)| rest);
        Some(record.map(|(record, _)| record).ok_or(BadRecord))
    })
}

/// Something that is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadRecord;

type Record<'a> = (&'a [u8], &'a [u8]);

fn split_record(header: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let space = header.iter().take(20).position(|&byte| byte == b' ')?;
    let length = usize::try_from(parse_u64(&header[..space])?).ok()?;
    let (record, rest) = header.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&byte| byte == b'=')?;
    (equals > 0).then_some(((&record[..equals], &record[equals + 1..]), rest))
}

/// A decimal number without a sign.
pub(super) fn parse_u64(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// Decimal seconds, with a fraction or without, before the epoch with a minus. Digits behind the
/// ninth of a fraction are dropped.
pub(in crate::archive) fn parse_time(text: &[u8]) -> Option<Mtime> {
    let (negative, text) = match text.strip_prefix(b"-") {
        Some(text) => (true, text),
        None => (false, text),
    };
    let mut parts = text.splitn(2, |&byte| byte == b'.');
    let secs = i64::try_from(parse_u64(parts.next()?)?).ok()?;
    let nanos = parts.next().map_or(Some(0), parse_fraction)?;
    Some(match (negative, nanos) {
        (false, nanos) => Mtime { secs, nanos },
        (true, 0) => Mtime {
            secs: -secs,
            nanos: 0,
        },
        (true, nanos) => Mtime {
            secs: -secs - 1,
            nanos: 1_000_000_000 - nanos,
        },
    })
}

/// Nanoseconds of the digits behind the point.
fn parse_fraction(digits: &[u8]) -> Option<u32> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let padded = digits
        .iter()
        .copied()
        .chain(std::iter::repeat(b'0'))
        .take(9);
    Some(padded.fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0')))
}

/// The name of the extended attribute that a keyword without [`XATTR`] stands for.
pub(super) fn xattr_name(keyword: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(keyword.len());
    let mut rest = keyword;
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = [(b"%3D", b'='), (b"%25", b'%')].into_iter();
        let escaped = escaped
            .filter_map(|(code, byte)| Some((byte, rest.strip_prefix(code)?)))
            .next();
        let (byte, after) = escaped.unwrap_or((byte, after));
        name.push(byte);
        rest = after;
    }
    name
}

fn decimal_digits(number: usize) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_record_counts_its_own_digits() {
        for value_len in [
            0, 1, 85, 86, 87, 88, 984, 985, 986, 987, 988, 9980, 9981, 9982,
        ] {
            let mut records = Vec::new();
            push_record(&mut records, b"path", &vec![b'x'; value_len]);
            let text = String::from_utf8(records.clone()).unwrap();
            let length: usize = text.split(' ').next().unwrap().parse().unwrap();
            assert_eq!(length, records.len(), "value of {value_len} bytes");
        }
    }

    #[test]
    fn times_are_decimal_seconds() {
        let time = |secs, nanos| format_time(Mtime { secs, nanos });
        assert_eq!(time(0, 0), "0");
        assert_eq!(time(12, 5), "12.000000005");
        assert_eq!(time(12, 500_000_000), "12.5");
        assert_eq!(time(-2, 500_000_000), "-1.5");
        assert_eq!(time(-1, 999_999_999), "-0.000000001");
        assert_eq!(time(-3, 0), "-3");
        assert_eq!(time(i64::MIN, 0), i64::MIN.to_string());
    }

    #[test]
    fn times_of_other_writers_are_read() {
        let time = |secs, nanos| Some(Mtime { secs, nanos });
        assert_eq!(parse_time(b"12.5"), time(12, 500_000_000));
        assert_eq!(parse_time(b"12.0000000019"), time(12, 1));
        assert_eq!(parse_time(b"12."), time(12, 0));
        assert_eq!(parse_time(b"-1.5"), time(-2, 500_000_000));
        for bad in [
            &b""[..],
            b"-",
            b".5",
            b"1e9",
            b"+1",
            b"1.-5",
            b"99999999999999999999",
        ] {
            assert_eq!(parse_time(bad), None, "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn broken_records_are_refused() {
        for bad in [
            &b"5 a=b\n"[..],
            b"7 a=b\n",
            b"6 a=bc",
            b"6 =bc\n",
            b"x a=b\n",
            b"6 abc\n",
            b"99 a=b\n",
            b"6  a=b\n",
        ] {
            assert!(
                records(bad).any(|record| record.is_err()),
                "{}",
                bad.escape_ascii()
            );
        }
    }

    proptest! {
        #[test]
        fn records_come_back(list in prop::collection::vec(("[a-zA-Z.]{1,20}", any::<Vec<u8>>()), 0..5)) {
            let mut header = Vec::new();
            list.iter().for_each(|(keyword, value)| push_record(&mut header, keyword.as_bytes(), value));
            let found: Vec<_> = records(&header).map(|record| record.unwrap()).collect();
            let expected: Vec<_> = list.iter().map(|(k, v)| (k.as_bytes(), v.as_slice())).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn times_come_back(secs in -(1_i64 << 62)..1 << 62, nanos in 0..1_000_000_000_u32) {
            let time = Mtime { secs, nanos };
            prop_assert_eq!(parse_time(format_time(time).as_bytes()), Some(time));
        }

        #[test]
        fn xattr_names_come_back(name: Vec<u8>) {
            let keyword = xattr_keyword(&name);
            prop_assert_eq!(xattr_name(keyword.strip_prefix(XATTR).unwrap()), name);
        }
    }

    #[test]
    fn xattr_names_with_signs_of_the_syntax_are_escaped() {
        assert_eq!(xattr_keyword(b"user.a=b%c"), b"SCHILY.xattr.user.a%3Db%25c");
    }
}
