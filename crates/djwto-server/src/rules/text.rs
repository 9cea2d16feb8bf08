//! Steps from one reading of a path to another. Each takes a path that begins with a slash, and
//! gives another such path, or `None` where the step changes nothing.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::PathError;

/// `a//b` as `a/b`.
pub(super) fn merge_slashes(path: &str) -> Option<String> {
    if !path.contains("//") {
        return None;
    }
    let mut merged = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter != '/' || !merged.ends_with('/') {
            merged.push(letter);
        }
    }
    Some(merged)
}

/// Without `.` and `..`, as RFC 3986 §5.2.4 says, with an error in place of what it ignores: a `..`
/// above the root.
pub(super) fn remove_dots(path: &str) -> Result<Option<String>, PathError> {
    let segments = || path.split('/').skip(1);
    if !segments().any(|segment| matches!(segment, "." | "..")) {
        return Ok(None);
    }
    let mut kept = Vec::new();
    for segment in segments() {
        match segment {
            "." => {}
            ".." => {
                kept.pop().ok_or(PathError::AboveRoot)?;
            }
            _ => kept.push(segment),
        }
    }
    let mut removed = String::with_capacity(path.len());
    for segment in &kept {
        removed.push('/');
        removed.push_str(segment);
    }
    if kept.is_empty() || path.ends_with("/.") || path.ends_with("/..") {
        removed.push('/');
    }
    Ok(Some(removed))
}

/// `a;x=1/b;y` as `a/b`: each segment's parameters are cut.
pub(super) fn cut_parameters(path: &str) -> Option<String> {
    if !path.contains(';') {
        return None;
    }
    let mut cut = String::with_capacity(path.len());
    for segment in path.split('/').skip(1) {
        cut.push('/');
        cut.push_str(segment.split(';').next().unwrap_or_default());
    }
    Some(cut)
}

/// Up to the first of these letters.
pub(super) fn cut_from<'a>(path: &Cow<'a, str>, letters: &[char]) -> Option<Cow<'a, str>> {
    path.find(letters).map(|end| prefix(path, end))
}

/// Without slashes at the end.
pub(super) fn trim_slashes<'a>(path: &Cow<'a, str>) -> Option<Cow<'a, str>> {
    let end = path.trim_end_matches('/').len().max(1);
    (end < path.len()).then(|| prefix(path, end))
}

/// `//name/a` as `/a`: some programs take a name after two slashes for a host.
pub(super) fn cut_authority<'a>(path: &Cow<'a, str>) -> Option<Cow<'a, str>> {
    let rest = path.strip_prefix("//")?;
    let Some(start) = rest.find('/') else { return Some(Cow::Borrowed("/")) };
    Some(match path {
        Cow::Borrowed(path) => Cow::Borrowed(path.get(start + 2..)?),
        Cow::Owned(path) => Cow::Owned(path.get(start + 2..)?.to_owned()),
    })
}

/// The path without regard to case, or `None` where it is that already.
///
/// Upper case comes in between because some letters have no partner otherwise: both `ı` and `i` are
/// `I` in upper case.
pub(super) fn fold(path: &str) -> Option<String> {
    if path.is_ascii() {
        let has_upper = path.bytes().any(|byte| byte.is_ascii_uppercase());
        return has_upper.then(|| path.to_ascii_lowercase());
    }
    let folded = path.to_lowercase().to_uppercase().to_lowercase();
    (folded != path).then_some(folded)
}

/// Compatibility letters as plain ones: a fullwidth dot is a dot (NFKC). Some programs also take
/// other slashes for slashes.
pub(super) fn plain(path: &str) -> String {
    let slashes = |letter| match letter {
        '\u{2044}' | '\u{2215}' => '/',
        '\u{2216}' => '\\',
        _ => letter,
    };
    path.chars().map(slashes).nfkc().collect()
}

fn prefix<'a>(path: &Cow<'a, str>, end: usize) -> Cow<'a, str> {
    match path {
        Cow::Borrowed(path) => Cow::Borrowed(path.get(..end).unwrap_or_default()),
        Cow::Owned(path) => Cow::Owned(path.get(..end).unwrap_or_default().to_owned()),
    }
}
