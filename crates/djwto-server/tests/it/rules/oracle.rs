//! A second opinion on rules: slow, in another way of thinking, and used by the fuzz target too.
//!
//! Nothing here is shared with the crate. A path is a list of segments; readings are a set that
//! grows until no step brings a new one.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;

/// A rule: its pattern, its methods (empty: all), and what it asks for.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) pattern: String,
    pub(super) methods: Vec<String>,
    pub(super) needs: String,
}

/// What a request needs, or the code of its refusal.
pub(super) fn decide(rules: &[Rule], method: &str, uri: &[u8]) -> String {
    let Some(readings) = readings(uri) else { return "path_invalid".to_owned() };
    let mut needs = BTreeSet::new();
    for path in &readings {
        for is_folded in [false, true] {
            let form = |text: &str| if is_folded { fold(text) } else { text.to_owned() };
            let rule = rules.iter().find(|rule| {
                let has = |name: &str| rule.methods.iter().any(|method| method == name);
                let is_for =
                    rule.methods.is_empty() || has(method) || method == "HEAD" && has("GET");
                is_for && matches(&form(&rule.pattern), &form(path))
            });
            needs.insert(rule.map(|rule| rule.needs.clone()));
        }
    }
    let needs: Vec<_> = needs.into_iter().collect();
    match needs.as_slice() {
        [Some(needs)] => needs.clone(),
        [None] => "rule_missing".to_owned(),
        _ => "path_ambiguous".to_owned(),
    }
}

/// All readings with the case as it is; `None` for a path that is refused.
pub(super) fn readings(uri: &[u8]) -> Option<BTreeSet<String>> {
    let query = uri.iter().position(|byte| *byte == b'?').unwrap_or(uri.len());
    let path = &uri[..query];
    let is_bad = |byte: &u8| *byte <= b' ' || *byte == 0x7f || *byte == b'#' || *byte == b'\\';
    if path.first() != Some(&b'/') || path.iter().any(is_bad) {
        return None;
    }
    let mut todo: Vec<String> = bases(path)?.into_iter().collect();
    for at in 0..todo.len() {
        // "//name/rest" is split into "", "", "name", "rest".
        let segments: Vec<_> = todo[at].split('/').collect();
        if segments[1].is_empty() && segments.len() > 2 {
            let rest = format!("/{}", segments.get(3..).unwrap_or_default().join("/"));
            todo.push(rest);
        }
    }
    let mut found = BTreeSet::new();
    while let Some(path) = todo.pop() {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        todo.extend(steps(&path, &segments)?.into_iter().filter(|next| !found.contains(next)));
        found.insert(path);
    }
    (found.len() <= 64).then_some(found)
}

fn steps(path: &str, segments: &[&str]) -> Option<Vec<String>> {
    let whole = |segments: Vec<&str>| format!("/{}", segments.join("/"));
    let last = segments.len() - 1;
    // Slashes merged: no empty segment but the last.
    let named = (0..).zip(segments).filter(|(at, segment)| *at == last || !segment.is_empty());
    let merged = whole(named.map(|(_, segment)| *segment).collect());
    // Dots resolved, from the left.
    let mut resolved = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        if *segment == ".." {
            resolved.pop()?;
        } else if *segment != "." {
            resolved.push(*segment);
        }
        if at == last && matches!(*segment, "." | "..") {
            resolved.push("");
        }
    }
    let before = |letter: char| path.split(letter).next().unwrap_or_default().to_owned();
    let bare = segments.iter().map(|segment| segment.split(';').next().unwrap_or_default());
    let mut trimmed = path.to_owned();
    while trimmed.len() > 1 && trimmed.ends_with('/') {
        trimmed.pop();
    }
    let tail = before('?').split('#').next().unwrap_or_default().to_owned();
    Some(vec![merged, whole(resolved), whole(bare.collect()), before(';'), tail, trimmed])
}

/// Raw, decoded in two ways, decoded twice; each with plain letters too.
fn bases(path: &[u8]) -> Option<BTreeSet<String>> {
    let mut escapes = Vec::new();
    for at in (0..path.len()).filter(|at| path[*at] == b'%') {
        escapes.push(byte_of(path.get(at + 1..at + 3)?)?);
    }
    let is_control = |byte: &u8| *byte < b' ' || *byte == 0x7f || *byte == b'\\';
    if escapes.iter().any(is_control) {
        return None;
    }
    let must_escape = |byte: u8| byte > 0x7f || b" \"<>^`{|}[]".contains(&byte);
    let raw = unescape(path, must_escape)?;
    let kept = unescape(path, |byte| byte != b'/')?;
    let separated = unescape(path, |_| true)?;
    let mut bases = BTreeSet::from([raw, kept.clone(), separated.clone()]);
    if hidden(&separated).count() > 0 {
        let is_hiding = |byte: u8| is_control(&byte) || b"./".contains(&byte);
        if hidden(&separated).any(is_hiding) {
            return None;
        }
        let twice = unescape(separated.as_bytes(), |_| true)?;
        if hidden(&twice).count() > 0 {
            return None;
        }
        // Every "%2F" that is left is a slash that was kept.
        let kept = unescape(kept.as_bytes(), |byte| byte != b'/')?;
        if hidden(&kept).any(|byte| byte != b'/') {
            return None;
        }
        bases.extend([twice, kept]);
    }
    for base in bases.clone() {
        let plain: String = base.replace(['\u{2044}', '\u{2215}'], "/").nfkc().collect();
        if plain.contains('\\') || base.contains('\u{2216}') {
            return None;
        }
        bases.insert(plain);
    }
    // Plain letters that make an escape where there was none.
    let separated = bases_without_marker(path)?;
    for text in separated {
        let plain: String = text.replace(['\u{2044}', '\u{2215}'], "/").nfkc().collect();
        if hidden(&plain).count() > hidden(&text).count() {
            return None;
        }
    }
    Some(bases)
}

fn bases_without_marker(path: &[u8]) -> Option<[String; 2]> {
    let once = unescape(path, |_| true)?;
    let twice = unescape(once.as_bytes(), |_| true)?;
    Some([once, twice])
}

/// The bytes whose escapes stand in a text; NUL for each of the form `%u002e`.
fn hidden(text: &str) -> impl Iterator<Item = u8> {
    let text = text.as_bytes();
    let wide = text.windows(6).filter(|six| {
        six[..2].eq_ignore_ascii_case(b"%u") && six[2..].iter().all(u8::is_ascii_hexdigit)
    });
    let usual = text.windows(3).filter(|three| three[0] == b'%');
    usual.filter_map(|three| byte_of(&three[1..])).chain(wide.map(|_| 0))
}

/// Decodes those escapes whose byte is chosen. Others stay, with upper-case digits.
fn unescape(path: &[u8], is_chosen: impl Fn(u8) -> bool) -> Option<String> {
    let mut text = Vec::new();
    let mut at = 0;
    while at < path.len() {
        let escape = path.get(at + 1..at + 3).and_then(byte_of).filter(|_| path[at] == b'%');
        match escape {
            Some(byte) if is_chosen(byte) => text.push(byte),
            Some(byte) => text.extend(format!("%{byte:02X}").bytes()),
            None => text.push(path[at]),
        }
        at += if escape.is_some() { 3 } else { 1 };
    }
    let text = String::from_utf8(text).ok()?;
    (!text.contains(char::is_control)).then_some(text)
}

fn byte_of(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok()?;
    let is_hex = digits.len() == 2 && digits.chars().all(|digit| digit.is_ascii_hexdigit());
    if is_hex { u8::from_str_radix(digits, 16).ok() } else { None }
}

fn fold(text: &str) -> String {
    text.to_lowercase().to_uppercase().to_lowercase()
}

fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), path.split('/').collect());
    match pattern.split_last() {
        Some((&"*", stem)) => path.starts_with(stem),
        Some((&"", stem)) if stem.len() > 1 => path == stem || path == pattern,
        _ => path == pattern,
    }
}
