//! A Rust source file with what is no code taken out, so that plain text rules can be trusted.

mod mask;
mod test_items;

/// One Rust source file.
pub struct Source {
    /// Path from the root of the repository, with `/`.
    pub path: String,
    /// The code: comments and literals are blanks, lines are kept.
    pub code: String,
    /// The code without items under `#[cfg(test)]`; empty for files of tests.
    pub shipped: String,
    /// Lines of the whole file.
    pub lines: usize,
    /// Lines of items under `#[cfg(test)]`.
    pub test_lines: usize,
}

impl Source {
    /// Reads the text of a file.
    pub fn new(path: &str, text: &str) -> Self {
        let code = mask::mask(text);
        let (without_tests, test_lines) = test_items::blank(&code);
        let shipped = if is_test_path(path) || code.contains("#![cfg(test)]") {
            String::new()
        } else {
            without_tests
        };
        Self { path: path.to_owned(), lines: text.lines().count(), code, shipped, test_lines }
    }

    /// Says whether the file is compiled for tests only.
    pub fn is_test(&self) -> bool {
        self.shipped.is_empty()
    }

    /// Takes the whole file for tests: its `mod` stands under `#[cfg(test)]`.
    pub fn mark_as_test(&mut self) {
        self.shipped.clear();
    }

    /// Lists the files and folders, without `.rs`, of modules that stand under `#[cfg(test)]`.
    pub fn test_modules(&self) -> Vec<String> {
        let folder = match self.path.rsplit_once('/') {
            Some((folder, "mod.rs" | "lib.rs" | "main.rs")) => folder.to_owned(),
            _ => self.path.trim_end_matches(".rs").to_owned(),
        };
        let mut lines = self.code.lines().map(str::trim);
        let mut modules = Vec::new();
        while let Some(line) = lines.next() {
            if line != "#[cfg(test)]" {
                continue;
            }
            let item = lines.find(|line| !line.is_empty() && !line.starts_with("#["));
            let name = item
                .and_then(|item| item.strip_suffix(';'))
                .and_then(|item| item.rsplit_once("mod "))
                .map(|(_, name)| name);
            modules.extend(name.map(|name| format!("{folder}/{name}")));
        }
        modules
    }

    /// Counts the lines of shipped code: no blanks, no comments, no tests.
    pub fn code_lines(&self) -> usize {
        let shipped = self.shipped.lines();
        shipped.filter(|line| !line.trim().is_empty()).count()
    }
}

/// Files that no production target compiles.
fn is_test_path(path: &str) -> bool {
    path.starts_with("tests/")
        || path.ends_with("/tests.rs")
        || ["/tests/", "/benches/", "/examples/"].iter().any(|dir| path.contains(dir))
}

/// An identifier and where it stands.
#[derive(Clone, Copy)]
pub struct Word<'a> {
    /// The identifier.
    pub text: &'a str,
    /// Its first byte in the code.
    pub start: usize,
}

impl Word<'_> {
    /// The line of the word, from 1.
    pub fn line(&self, code: &str) -> usize {
        line_of(code, self.start)
    }
}

/// Returns the identifiers and keywords of the code in order.
pub fn words(code: &str) -> Vec<Word<'_>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in code.char_indices().chain([(code.len(), ' ')]) {
        match (start, is_word(c)) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                words.push(Word { text: &code[from..at], start: from });
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// The line of a byte, from 1.
pub fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_code_without_tests_and_comments() {
        let source = Source::new(
            "x509/src/a.rs",
            "//! doc\n\nfn f() {}\n// c\n#[cfg(test)]\nmod tests {\n    fn t() {}\n}\n",
        );
        assert_eq!((source.lines, source.test_lines, source.code_lines()), (8, 4, 1));
        assert!(!source.is_test());
    }

    #[test]
    fn files_of_tests_ship_nothing() {
        for path in ["tests/kit/src/lib.rs", "a/src/b/tests.rs", "a/tests/t.rs", "a/src/tests/x.rs"]
        {
            assert!(Source::new(path, "fn f() {}\n").is_test(), "{path}");
        }
        assert!(Source::new("a/src/x.rs", "#![cfg(test)]\nfn f() {}\n").is_test());
        assert!(!Source::new("a/src/latests.rs", "fn f() {}\n").is_test());
    }

    #[test]
    fn names_the_modules_that_only_tests_compile() {
        let text = "mod a;\n#[cfg(test)]\nmod b;\n#[cfg(test)]\n#[x]\npub(crate) mod c;\n#[cfg(test)]\nmod tests {\n}\n";
        let modules = |path| Source::new(path, text).test_modules();
        assert_eq!(modules("a/src/lib.rs"), ["a/src/b", "a/src/c"]);
        assert_eq!(modules("a/src/x.rs"), ["a/src/x/b", "a/src/x/c"]);
    }

    #[test]
    fn finds_words_with_their_lines() {
        let code = "use a::b;\nlet c_1=2;";
        let found: Vec<_> = words(code).iter().map(|w| (w.text, w.line(code))).collect();
        assert_eq!(found, [("use", 1), ("a", 1), ("b", 1), ("let", 2), ("c_1", 2), ("2", 2)]);
    }
}
