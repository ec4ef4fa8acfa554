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
pub(super) fn format_time(mtime: Mtime) -> String {
    let total = i128::from(mtime.secs) * 1_000_000_000 + i128::from(mtime.nanos);
    let sign = if total < 0 { "-" } else { "" };
    let (secs, nanos) = (total.abs() / 1_000_000_000, total.abs() % 1_000_000_000);
    if nanos == 0 {
        return format!("{sign}{secs}");
    }
    let fraction = format!("{nanos:09}");
    format!("{sign}{secs}.{}", fraction.trim_end_matches('0'))
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

fn decimal_digits(number: usize) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn xattr_names_with_signs_of_the_syntax_are_escaped() {
        assert_eq!(xattr_keyword(b"user.a=b%c"), b"SCHILY.xattr.user.a%3Db%25c");
    }
}
