//! Bodies of every kind: the first line is the content type, the rest is the body.
//!
//! What is read has the form that every reader of it relies on: short texts without NUL, and no field twice
//! that decides. A multipart form that is read, written anew, is the same form.

#![no_main]

use djwto_core::http::form::{Bounds, check_fields, read};
use libfuzzer_sys::fuzz_target;

const BOUNDARY: &str = "a-boundary-of-no-input";

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (content_type, body) = input.split_at(end);
    let body = body.get(1..).unwrap_or_default();
    let bounds = Bounds { fields: Some(50), files: Some(5) };
    let Ok(fields) = read(&String::from_utf8_lossy(content_type), body, &bounds, "email") else {
        return;
    };
    assert!(fields.len() <= 50);
    let pairs: Vec<_> = fields.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(check_fields(&pairs, &[], "email"), Ok(()));

    let is_plain = |name: &str| name.trim() == name && !name.contains(['\r', '\n', '"', '\\']);
    if pairs.is_empty()
        || !pairs.iter().all(|(name, text)| is_plain(name) && !text.contains(BOUNDARY))
    {
        return;
    }
    let parts = pairs.iter().map(|(name, text)| {
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    });
    let written = format!("{}--{BOUNDARY}--", parts.collect::<String>());
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    if pairs.iter().all(|(name, _)| name.len() < 4000) {
        assert_eq!(read(&kind, written.as_bytes(), &bounds, "email"), Ok(fields));
    }
});
