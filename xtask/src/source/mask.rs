//! Blanks comments and literals: a rule about code must not find words in prose.

/// Returns the text with the inside of comments and literals as blanks; lines are kept.
pub fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_word = false;
    while let Some(first) = rest.chars().next() {
        let length = if after_word { None } else { raw_string(rest) }
            .or_else(|| comment(rest))
            .or_else(|| quoted(rest))
            .or_else(|| character(rest));
        match length {
            Some(length) => {
                let (literal, tail) = rest.split_at(length.min(rest.len()));
                let keep = |c| if c == '\n' { '\n' } else { ' ' };
                out.extend(literal.chars().map(keep));
                rest = tail;
                after_word = false;
            }
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
                after_word = first.is_alphanumeric() || first == '_';
            }
        }
    }
    out
}

fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if !rest.starts_with("/*") {
        return None;
    }
    // Block comments nest.
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += 1;
        }
    }
    Some(rest.len())
}

/// `r"..."`, `r#"..."#` and the same after `b` and `c`; not `r#word`.
fn raw_string(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix(['b', 'c']).unwrap_or(rest).strip_prefix('r')?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let inside = body[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let before = rest.len() - inside.len();
    Some(before + inside.find(&end).map_or(inside.len(), |at| at + end.len()))
}

fn quoted(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('"')?;
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 2),
            _ => {}
        }
    }
    Some(rest.len())
}

/// `'x'` and `'\n'`, but no lifetime.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    let first = inside.chars().next()?;
    if first == '\\' {
        // The escaped character itself may be a quote.
        let skip = 1 + inside[1..].chars().next()?.len_utf8();
        return Some(1 + skip + inside[skip..].find('\'')? + 1);
    }
    let end = first.len_utf8();
    (first != '\'' && inside[end..].starts_with('\'')).then_some(end + 2)
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn blanks_what_is_no_code() {
        for (text, expected) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            ("f(\"a\\\"b\")", "f(      )"),
            ("r#\"a\"b\"# c", "         c"),
            ("br\"x\\\" c", "       c"),
            ("r#type x", "r#type x"),
            ("for\"a\" b", "for    b"),
            ("'a' 'b", "    'b"),
            ("'\\'' x '\\u{1F}' y", "     x          y"),
            ("<'a>(x: &'a str)", "<'a>(x: &'a str)"),
            ("'\"' unsafe '\"'", "    unsafe    "),
            ("\"a\nb\" c", "  \n   c"),
        ] {
            assert_eq!(mask(text), expected, "{text}");
        }
    }

    #[test]
    fn an_open_literal_ends_with_the_file() {
        assert_eq!(mask("\"a"), "  ");
        assert_eq!(mask("/* a"), "    ");
    }
}
