//! A certificate's names: joined in its row, reversed in the table for search.

/// Characters of a name, counted from its end, that search looks at; index entries are bounded.
const SEARCHED: usize = 255;
/// Stands for no names at all, where an empty text stands for one empty name.
const NONE: &str = "\\-";

/// Gives the key under which a name is found: lower case, last character first.
pub(crate) fn search_key(name: &str) -> String {
    // U+0000 cannot be stored; no name that is searched for has it.
    let visible = |c: char| {
        if c == '\0' { char::REPLACEMENT_CHARACTER } else { c }
    };
    name.chars().rev().flat_map(char::to_lowercase).map(visible).take(SEARCHED).collect()
}

/// Joins names into one text, a line each.
pub(crate) fn join(names: &[String]) -> String {
    if names.is_empty() {
        return NONE.to_owned();
    }
    let mut text = String::with_capacity(names.iter().map(|name| name.len() + 1).sum());
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            text.push('\n');
        }
        for c in name.chars() {
            match c {
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\0' => text.push_str("\\0"),
                c => text.push(c),
            }
        }
    }
    text
}

/// Undoes [`join`].
pub(super) fn split(text: &str) -> Vec<String> {
    if text == NONE {
        return Vec::new();
    }
    text.split('\n').map(unescape).collect()
}

fn unescape(line: &str) -> String {
    let mut name = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => name.push('\n'),
                Some('0') => name.push('\0'),
                Some(other) => name.push(other),
                None => {}
            },
            c => name.push(c),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn join_and_split_are_inverse() {
        let cases: [&[&str]; 8] = [
            &[],
            &[""],
            &["", ""],
            &["a.example"],
            &["a.example", "10.0.0.1", "user@corp.example"],
            &["line\nbreak", "back\\slash", "nul\0"],
            &["\\-"],
            &["\\n", "\n"],
        ];
        for names in cases {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            let joined = join(&names);
            assert!(!joined.contains('\0'));
            assert_eq!(split(&joined), names);
        }
    }

    #[test]
    fn search_key_turns_suffixes_into_prefixes() {
        assert_eq!(search_key("WWW.Corp.example"), "elpmaxe.proc.www");
        assert!(search_key("www.corp.example").starts_with(&search_key(".CORP.example")));
        assert_eq!(search_key(&"a".repeat(300)).len(), 255);
        assert_eq!(search_key("a\0"), "\u{fffd}a");
    }
}
