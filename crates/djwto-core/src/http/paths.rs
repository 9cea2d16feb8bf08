//! Paths as a browser sees them, which decide where it sends a cookie (RFC 6265 §5.1.4).

/// Checks a path of the settings and gives it one slash before and none after; "" for none.
///
/// None where a segment is empty, or one that browsers resolve ("." and ".."), or where a letter
/// is not `allowed`.
pub(super) fn checked(path: &str, allowed: impl Fn(u8) -> bool) -> Option<String> {
    let trimmed = path.trim_matches('/');
    if trimmed.is_empty() {
        return Some(String::new());
    }
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..");
    let is_good = trimmed.split('/').all(is_segment) && trimmed.bytes().all(allowed);
    is_good.then(|| format!("/{trimmed}"))
}

/// Whether a script name is a path of a browser's, from the root of the host: "/", or segments that
/// are neither empty nor "." or "..", and no semicolon. A face puts it before the path of the refresh
/// cookie (RFC 6265 §5.2.4), and no browser would send the cookie to any other.
pub fn is_script_name(name: &str) -> bool {
    let is_named = |path: String| !path.is_empty();
    name == "/" || name.starts_with('/') && checked(name, |byte| byte != b';').is_some_and(is_named)
}

/// Letters of a path that need no `%`, in URLs as in a cookie's `Path`.
pub(super) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte)
}

/// Letters of a path as a browser shows it: `%` too, and no semicolon, which ends an attribute.
pub(super) fn is_visible(byte: u8) -> bool {
    is_unreserved(byte) || b"!$&'()*+,:@=%".contains(&byte)
}

/// Writes a decoded path as a browser sends it: what is no letter of a path becomes `%XX`.
pub(super) fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if is_visible(byte) && byte != b'%' {
            text.push(char::from(byte));
        } else {
            text.push('%');
            for half in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(half), 16).unwrap_or_default();
                text.push(digit.to_ascii_uppercase());
            }
        }
    }
    text
}

/// Every `Path` whose cookies a browser sends to this path, the shortest first.
pub(super) fn prefixes(path: &str) -> Vec<&str> {
    let slashes = path.bytes().enumerate().filter(|(_, byte)| *byte == b'/').map(|(at, _)| at);
    let ends = slashes.flat_map(|at| [at, at + 1]).chain(std::iter::once(path.len()));
    let mut found: Vec<_> = ends.filter_map(|end| path.get(..end)).collect();
    found.retain(|prefix| !prefix.is_empty());
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::{checked, encoded, is_script_name, is_unreserved, prefixes};

    #[test]
    fn a_path_has_one_slash_before_it_and_none_after() {
        for path in ["x/y", "/x/y", "x/y/", "//x/y//"] {
            assert_eq!(checked(path, is_unreserved).as_deref(), Some("/x/y"));
        }
        for path in ["", "/", "//"] {
            assert_eq!(checked(path, is_unreserved).as_deref(), Some(""));
        }
        for path in ["x//y", "x/./y", "..", "x y", "é", "x;y"] {
            assert_eq!(checked(path, is_unreserved), None, "{path}");
        }
    }

    #[test]
    fn a_script_name_is_a_path_from_the_root() {
        for name in ["/", "/app", "/app/", "//app", "/a/b", "/b\u{fc}ro", "/a b", "/a%2Fb"] {
            assert!(is_script_name(name), "{name}");
        }
        for name in ["", "//", "app", "https://example.com/app", "/a//b", "/a/../b", "/.", "/a;b"] {
            assert!(!is_script_name(name), "{name}");
        }
    }

    #[test]
    fn what_no_url_holds_becomes_a_percent_sign_and_two_digits() {
        assert_eq!(encoded("/b\u{fc}ro/a b;c%\n"), "/b%C3%BCro/a%20b%3Bc%25%0A");
        assert_eq!(encoded("/~user/v1.0/x@y:z"), "/~user/v1.0/x@y:z");
    }

    #[test]
    fn prefixes_are_those_that_match_the_path() {
        assert_eq!(prefixes("/"), ["/"]);
        assert_eq!(prefixes("/a"), ["/", "/a"]);
        assert_eq!(prefixes("/a/b/"), ["/", "/a", "/a/", "/a/b", "/a/b/"]);
        assert_eq!(prefixes("//a"), ["/", "//", "//a"]);
        assert_eq!(prefixes(""), [""; 0]);
    }
}
