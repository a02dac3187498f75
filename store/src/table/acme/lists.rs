//! Lists in one column: texts without line feeds, one a line.

/// Joins texts; none of them has a line feed.
pub(super) fn join<T: ToString>(texts: impl IntoIterator<Item = T>) -> String {
    let texts: Vec<String> = texts.into_iter().map(|text| text.to_string()).collect();
    texts.join("\n")
}

/// Takes what [`join`] gave apart.
pub(super) fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n').filter(|line| !line.is_empty())
}
