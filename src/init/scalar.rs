//! Any text as one YAML scalar, and as a part of a comment. Knows no key of the file.

/// Words that YAML 1.1 or 1.2 takes for something else than text.
const WORDS: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// How long a key may be that needs no `?` before it, in bytes: YAML says 1024 characters.
pub(super) const PLAIN_KEY_LIMIT: usize = 1000;

/// `text` as a scalar: as it is where that is safe for every reader of YAML, else in double quotes.
pub(super) fn scalar(text: &str) -> String {
    if is_plain(text) {
        text.to_owned()
    } else {
        quoted(text)
    }
}

/// `text` as the value of a key: a scalar in which no variable is filled in.
pub(super) fn value(text: &str) -> String {
    scalar(&text.replace("${", "$${"))
}

fn is_plain(text: &str) -> bool {
    let starts_as_text = text.starts_with(|first: char| first.is_ascii_alphabetic())
        || text.starts_with("./")
        || text.starts_with('/');
    let is_harmless = |one: char| one.is_ascii_alphanumeric() || "_./-+".contains(one);
    let is_word = WORDS.iter().any(|word| text.eq_ignore_ascii_case(word));
    starts_as_text && text.chars().all(is_harmless) && !is_word
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for one in text.chars() {
        match one {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\t' => quoted.push_str("\\t"),
            '\n' => quoted.push_str("\\n"),
            one if is_plain_to_see(one) => quoted.push(one),
            one => quoted.push_str(&format!("\\U{:08x}", u32::from(one))),
        }
    }
    quoted.push('"');
    quoted
}

/// `text` so that it can stand in a comment: on one line, and with nothing that YAML forbids.
pub(super) fn in_comment(text: &str) -> String {
    let mut shown = String::new();
    for one in text.chars() {
        if is_plain_to_see(one) {
            shown.push(one);
        } else {
            shown.extend(one.escape_unicode());
        }
    }
    shown
}

/// Whether the character is what it looks like, and YAML allows it: no control character, no end of a
/// line, no mark that turns the direction of text.
fn is_plain_to_see(one: char) -> bool {
    let deceives = matches!(one,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let is_forbidden = u32::from(one) & 0xfffe == 0xfffe;
    !one.is_control() && !deceives && !is_forbidden
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_as_people_write_them_need_no_quotes() {
        for plain in ["data", "./media", "/var/backups", "a_b-c.d", "x86"] {
            assert_eq!(scalar(plain), plain);
        }
        for (text, expected) in [
            ("", r#""""#),
            (".", r#"".""#),
            ("*a", r#""*a""#),
            ("a: b", r#""a: b""#),
            ("a #b", r#""a #b""#),
            ("{a}", r#""{a}""#),
            ("No", r#""No""#),
            ("1e3", r#""1e3""#),
            ("say \"x\"\\", r#""say \"x\"\\""#),
            ("a\nb\0", r#""a\nb\U00000000""#),
        ] {
            assert_eq!(scalar(text), expected);
        }
        assert_eq!(value("a${B}"), r#""a$${B}""#);
        assert_eq!(in_comment("a\nb \u{202e}c é"), "a\\u{a}b \\u{202e}c é");
    }

    /// Texts of any characters, many of them with a meaning to YAML.
    fn texts() -> impl Strategy<Value = String> {
        let meaning = r#"[-?:,{}\[\]#&*!|>'"%@`~<=$. \t\n\r\\a0_]{0,12}"#;
        let words = proptest::sample::select(WORDS.map(str::to_uppercase).to_vec());
        prop_oneof![meaning, words, any::<String>(), "[\\x00-\\x{2fff}]{0,40}"]
    }

    proptest! {
        #[test]
        fn parsing_gives_the_text_back(key in texts(), text in texts()) {
            let yaml = format!("outer:\n  {}: {}  # {}\n", scalar(&key), scalar(&text), in_comment(&text));
            let read: BTreeMap<String, BTreeMap<String, String>> =
                serde_yaml::from_str(&yaml).unwrap();
            prop_assert_eq!(&read["outer"], &BTreeMap::from([(key, text)]), "{}", yaml);
        }
    }
}
