//! Blanks items under `#[cfg(test)]`: most laws are about the code that ships.

const MARKS: [&str; 2] = ["#[cfg(test)]", "#[cfg(all(test,"];

/// Returns the masked code without test items, and the number of lines that they take.
pub fn blank(code: &str) -> (String, usize) {
    let mut out = String::with_capacity(code.len());
    let mut test_lines = 0;
    let mut rest = code;
    while let Some(at) = MARKS.iter().filter_map(|mark| rest.find(mark)).min() {
        let (before, item_on) = rest.split_at(at);
        let (item, tail) = item_on.split_at(item_length(item_on));
        out.push_str(before);
        out.extend(item.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        test_lines += item.matches('\n').count() + 1;
        rest = tail;
    }
    out.push_str(rest);
    (out, test_lines)
}

/// The length of the attributes and the item, field or arm at the start of the code.
fn item_length(code: &str) -> usize {
    let start = after_attributes(code);
    let is_item = starts_an_item(&code[start..]);
    let mut depth = 0_usize;
    for (at, c) in code[start..].char_indices() {
        let end = start + at;
        match c {
            '(' | '[' | '{' => depth += 1,
            // The end of what encloses a last field or arm.
            ')' | ']' | '}' if depth == 0 => return end,
            ')' | ']' | '}' => {
                depth -= 1;
                if c == '}' && depth == 0 {
                    return end + 1;
                }
            }
            ';' if depth == 0 => return end + 1,
            ',' if depth == 0 && !is_item => return end + 1,
            _ => {}
        }
    }
    code.len()
}

fn after_attributes(code: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = code[at..].trim_start();
        let skipped = code.len() - rest.len();
        if !rest.starts_with("#[") {
            return skipped;
        }
        let mut depth = 0_usize;
        let end = rest.char_indices().find_map(|(i, c)| {
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => return None,
            }
            (depth == 0).then_some(i + 1)
        });
        match end {
            Some(end) => at = skipped + end,
            None => return code.len(),
        }
    }
}

fn starts_an_item(code: &str) -> bool {
    const KEYWORDS: [&str; 16] = [
        "pub",
        "mod",
        "fn",
        "use",
        "const",
        "static",
        "struct",
        "enum",
        "impl",
        "trait",
        "type",
        "async",
        "unsafe",
        "extern",
        "macro_rules",
        "let",
    ];
    let word = code.split(|c: char| !c.is_alphanumeric() && c != '_').next();
    word.is_some_and(|word| KEYWORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::blank;

    fn left(code: &str) -> String {
        blank(code).0.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn blanks_the_item_and_nothing_after_it() {
        for (code, expected) in [
            ("a(); #[cfg(test)] mod tests { x { y } } b();", "a(); b();"),
            ("#[cfg(test)] mod tests; b();", "b();"),
            ("#[cfg(test)]\n#[allow(x[1])]\nuse a::b; c();", "c();"),
            ("#[cfg(test)] fn f<A, B>(a: A) -> B { } c();", "c();"),
            ("#[cfg(test)] const A: [u8; 2] = [1, 2]; c();", "c();"),
            ("S { a: 1, #[cfg(test)] b: f(1, 2), c: 3 }", "S { a: 1, c: 3 }"),
            ("S { a, #[cfg(test)] b }", "S { a, }"),
            ("#[cfg(all(test, unix))] mod t { } c();", "c();"),
            ("#[cfg(not(test))] fn f() {}", "#[cfg(not(test))] fn f() {}"),
        ] {
            assert_eq!(left(code), expected, "{code}");
        }
    }

    #[test]
    fn counts_the_lines_taken() {
        let (code, lines) = blank("a\n#[cfg(test)]\nmod t {\n}\nb\n");
        assert_eq!(lines, 3);
        assert_eq!(code.lines().count(), 5);
    }
}
