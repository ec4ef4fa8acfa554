//! POSIX ACLs in the form that GNU tar `--acls` and bsdtar read. Both pass over the attributes that the kernel
//! keeps ACLs in, and GNU tar even takes a file without such a record for one without an ACL.

use crate::archive::entry::Xattr;

/// Attributes that hold an ACL (`posix_acl_xattr.h`), and the keywords of star for it.
const KEYWORDS: [(&[u8], &[u8]); 2] = [
    (b"system.posix_acl_access", b"SCHILY.acl.access"),
    (b"system.posix_acl_default", b"SCHILY.acl.default"),
];
/// The only version that there is.
const VERSION: [u8; 4] = 2_u32.to_le_bytes();
/// Bytes of an entry: tag, permissions, id.
const ENTRY_LEN: usize = 8;

/// Keyword and value of the record that goes with an attribute, if it is an ACL as the kernel makes them.
pub(super) fn record(xattr: &Xattr) -> Option<(&'static [u8], String)> {
    let keyword = KEYWORDS.iter().find(|(name, _)| *name == xattr.name);
    let (_, keyword) = keyword?;
    Some((keyword, text(xattr.value.strip_prefix(&VERSION)?)?))
}

/// The long text form of acl(5) with numbers for names.
fn text(entries: &[u8]) -> Option<String> {
    let (entries, []) = entries.as_chunks::<ENTRY_LEN>() else {
        return None;
    };
    let texts: Option<Vec<String>> = entries.iter().map(entry).collect();
    texts
        .map(|texts| texts.join(","))
        .filter(|text| !text.is_empty())
}

fn entry([tag, _, permissions, _, id @ ..]: &[u8; ENTRY_LEN]) -> Option<String> {
    let id = u32::from_le_bytes(*id);
    let who = match tag {
        0x01 => "user:".to_owned(),
        0x02 => format!("user:{id}"),
        0x04 => "group:".to_owned(),
        0x08 => format!("group:{id}"),
        0x10 => "mask:".to_owned(),
        0x20 => "other:".to_owned(),
        _ => return None,
    };
    let may = |bit, letter| if permissions & bit != 0 { letter } else { '-' };
    Some(format!(
        "{who}:{}{}{}",
        may(4, 'r'),
        may(2, 'w'),
        may(1, 'x')
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn xattr(name: &str, entries: &[(u16, u16, u32)]) -> Xattr {
        let mut value = VERSION.to_vec();
        for (tag, permissions, id) in entries {
            value.extend(tag.to_le_bytes());
            value.extend(permissions.to_le_bytes());
            value.extend(id.to_le_bytes());
        }
        Xattr {
            name: name.into(),
            value,
        }
    }

    #[test]
    fn each_entry_is_written_with_its_number() {
        let nobody = u32::MAX;
        let full = [
            (1, 7, nobody),
            (2, 6, 4_000_000_000),
            (4, 5, nobody),
            (8, 1, 77),
            (16, 7, nobody),
            (32, 0, nobody),
        ];
        let expected =
            "user::rwx,user:4000000000:rw-,group::r-x,group:77:--x,mask::rwx,other::---".to_owned();
        for (name, keyword) in [
            ("system.posix_acl_access", "SCHILY.acl.access"),
            ("system.posix_acl_default", "SCHILY.acl.default"),
        ] {
            let made = record(&xattr(name, &full));
            assert_eq!(made, Some((keyword.as_bytes(), expected.clone())));
        }
    }

    #[test]
    fn what_is_no_acl_has_no_record() {
        let name = "system.posix_acl_access";
        let mut cut = xattr(name, &[(1, 7, 0)]);
        cut.value.pop();
        let mut other_version = xattr(name, &[(1, 7, 0)]);
        other_version.value[0] = 3;
        for xattr in [
            xattr("user.note", &[(1, 7, 0)]),
            xattr(name, &[]),
            xattr(name, &[(3, 7, 0)]),
            cut,
            other_version,
        ] {
            assert_eq!(record(&xattr), None, "{xattr:?}");
        }
    }
}
