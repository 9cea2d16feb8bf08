//! Django's check of the CSRF token, as `CsrfViewMiddleware` of Django 5.2 and later makes it.
//!
//! `vectors/csrf.json` holds both to the same answers.

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::{Csrf, CsrfError, Request, TokenFault, TokenNames, joined, joined_text, shown};
use crate::http::Lines;
use crate::http::origin::{TrustedOrigins, is_same_domain};

/// The letters of a secret. A token is a secret, or a mask of this length before the masked secret.
const SECRET_LETTERS: usize = 32;

impl Csrf {
    pub(super) fn check_token(
        &self,
        names: &TokenNames,
        request: &Request<'_>,
    ) -> Result<(), CsrfError> {
        if let Some(origin) = joined_text(request.origin) {
            self.check_origin(request, &origin)?;
        } else if request.scheme == "https" {
            check_referer(&self.trusted, names, request)?;
        }
        let cookie = last_cookie(request.cookie, names.cookie.as_bytes());
        let secret = secret_of(cookie.ok_or(CsrfError::NoCookie)?).map_err(CsrfError::Cookie)?;
        let posted =
            request.form_token.filter(|token| request.method == "POST" && !token.is_empty());
        let refused = |fault| match posted {
            Some(_) => CsrfError::FormToken(fault),
            None => CsrfError::Token(title(&names.header), fault),
        };
        let token = match posted {
            // A letter for each byte, as in a header: a token has no other letters than ASCII's.
            Some(token) => {
                token.chars().map(|letter| u8::try_from(letter).unwrap_or(b'?')).collect()
            }
            None => joined(request.token).ok_or(CsrfError::NoToken)?,
        };
        let token = secret_of(&token).map_err(refused)?;
        verify_slices_are_equal(&token, &secret).map_err(|_| refused(TokenFault::Incorrect))
    }
}

/// By https, a page of plain http must not count: an attacker on the network can write it.
fn check_referer(
    trusted: &TrustedOrigins,
    names: &TokenNames,
    request: &Request<'_>,
) -> Result<(), CsrfError> {
    let referer = joined_text(request.referer).ok_or(CsrfError::NoReferer)?;
    let (scheme, host) = split_url(&referer).ok_or(CsrfError::MalformedReferer)?;
    if scheme.is_empty() || host.is_empty() {
        return Err(CsrfError::MalformedReferer);
    }
    if scheme != "https" {
        return Err(CsrfError::InsecureReferer);
    }
    let is_own = match &names.domain {
        None => is_same_domain(&host, request.host),
        Some(domain) => match port(request.host) {
            Some(port) => is_same_domain(&host, &format!("{domain}:{port}")),
            None => is_same_domain(&host, domain),
        },
    };
    if is_own || trusted.has_host(&host) {
        return Ok(());
    }
    Err(CsrfError::Referer(shown(&referer)))
}

/// The port of a host, where it is not that of http or https.
fn port(host: &str) -> Option<&str> {
    let (_, port) = host.rsplit_once(':')?;
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    (is_port && port != "443" && port != "80").then_some(port)
}

/// Scheme and host of a URL, with user and port. `None` where brackets do not pair.
fn split_url(url: &str) -> Option<(String, String)> {
    let url = url.trim_start_matches(|letter: char| letter <= ' ');
    let url: String = url.chars().filter(|letter| !matches!(letter, '\t' | '\r' | '\n')).collect();
    let is_scheme = |word: &str| {
        word.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    let (scheme, rest) = match url.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme.to_ascii_lowercase(), rest),
        _ => (String::new(), url.as_str()),
    };
    let Some(rest) = rest.strip_prefix("//") else { return Some((scheme, String::new())) };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    (host.contains('[') == host.contains(']')).then(|| (scheme, host.to_owned()))
}

/// The value of the last cookie of that name: Django reads that one.
fn last_cookie<'h>(header: Lines<'h>, name: &[u8]) -> Option<&'h [u8]> {
    let pairs = header.iter().flat_map(|line| line.split(|byte| *byte == b';'));
    let values = pairs.filter_map(|pair| {
        let equals = memchr::memchr(b'=', pair)?;
        let (found, value) = pair.split_at_checked(equals)?;
        (strip(found) == name).then(|| unquoted(strip(value.get(1..).unwrap_or_default())))
    });
    values.last()
}

/// Without the white space that Python strips from text.
fn strip(text: &[u8]) -> &[u8] {
    crate::http::credentials::trim_while(
        text,
        |byte| matches!(byte, b' ' | 0x09..=0x0d | 0x1c..=0x1f),
    )
}

/// Without the quotes around a value. An escape inside stays, so that no token has one.
fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value)
}

/// The secret of a token. A masked one is unmasked.
fn secret_of(token: &[u8]) -> Result<[u8; SECRET_LETTERS], TokenFault> {
    let is_masked = match token.len() {
        SECRET_LETTERS => false,
        length if length == 2 * SECRET_LETTERS => true,
        _ => return Err(TokenFault::Length),
    };
    let mut numbers = [0; 2 * SECRET_LETTERS];
    for (number, letter) in numbers.iter_mut().zip(token) {
        *number = number_of(*letter).ok_or(TokenFault::Characters)?;
    }
    let (first, second) = numbers.split_at(SECRET_LETTERS);
    let mut secret = [0; SECRET_LETTERS];
    for (place, (mask, masked)) in secret.iter_mut().zip(first.iter().zip(second)) {
        *place = if is_masked { (masked + ALPHABET - mask) % ALPHABET } else { *mask };
    }
    Ok(secret)
}

/// The letters of Django's alphabet: `a` to `z`, `A` to `Z`, `0` to `9`.
const ALPHABET: u8 = 62;

fn number_of(letter: u8) -> Option<u8> {
    match letter {
        b'a'..=b'z' => Some(letter - b'a'),
        b'A'..=b'Z' => Some(letter - b'A' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        _ => None,
    }
}

/// The name of a header as Django writes it in its sentence: `X-Csrftoken`.
fn title(header: &str) -> String {
    let mut is_inside = false;
    let letters = header.chars().map(|letter| {
        let shown =
            if is_inside { letter.to_ascii_lowercase() } else { letter.to_ascii_uppercase() };
        is_inside = letter.is_ascii_alphabetic();
        shown
    });
    letters.collect()
}
