//! The floor: a signature checked and a payload made a `dict`, or a `dict` made a token, by the
//! same libraries and build settings as djwto's, with no other check. Never use this for anything
//! but measuring.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::Simd;
use base64::engine::general_purpose::NO_PAD;
use jiter::{PythonParse, map_json_error};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyString};

static BASE64URL: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));

enum Key {
    Secret(hmac::Key),
    Public(ParsedPublicKey),
}

#[pyclass(frozen)]
struct Floor {
    key: Key,
    cache: Mutex<HashMap<String, Py<PyDict>>>,
}

fn wrong(_: impl Sized) -> PyErr {
    PyValueError::new_err("wrong")
}

#[pymethods]
impl Floor {
    /// A secret for HS256, or the DER of a public key.
    #[new]
    fn new(algorithm: &str, key: &[u8]) -> PyResult<Self> {
        let public = |algorithm: &'static dyn VerificationAlgorithm| {
            ParsedPublicKey::new(algorithm, key).map(Key::Public).map_err(wrong)
        };
        let key = match algorithm {
            "HS256" => Key::Secret(hmac::Key::new(hmac::HMAC_SHA256, key)),
            "RS256" => public(&RSA_PKCS1_2048_8192_SHA256)?,
            "ES256" => public(&ECDSA_P256_SHA256_FIXED)?,
            "EdDSA" => public(&ED25519)?,
            _ => return Err(wrong(())),
        };
        Ok(Self { key, cache: Mutex::default() })
    }

    fn decode<'py>(&self, py: Python<'py>, token: &str) -> PyResult<Bound<'py, PyAny>> {
        let (message, signature) = token.rsplit_once('.').ok_or_else(|| wrong(()))?;
        let (_, payload) = message.split_once('.').ok_or_else(|| wrong(()))?;
        let signature = BASE64URL.decode(signature).map_err(wrong)?;
        match &self.key {
            Key::Secret(key) => hmac::verify(key, message.as_bytes(), &signature).map_err(wrong)?,
            Key::Public(key) => {
                py.detach(|| key.verify_sig(message.as_bytes(), &signature)).map_err(wrong)?
            }
        }
        let payload = BASE64URL.decode(payload).map_err(wrong)?;
        PythonParse::default()
            .python_parse(py, &payload)
            .map_err(|error| map_json_error(&payload, &error))
    }

    /// Claims as they come, neither sorted nor looked at, in buffers that are large enough.
    fn encode(&self, claims: &Bound<'_, PyDict>) -> PyResult<String> {
        let Key::Secret(key) = &self.key else { return Err(wrong(())) };
        let mut payload = String::with_capacity(1024);
        write(&mut payload, claims)?;
        let mut token = String::with_capacity(1032);
        token.push_str(HEADER);
        BASE64URL.encode_string(payload, &mut token);
        let signature = hmac::sign(key, token.as_bytes());
        token.push('.');
        BASE64URL.encode_string(signature, &mut token);
        Ok(token)
    }

    /// A map from tokens to claims, and a shallow copy: the floor of any cache.
    fn decode_again<'py>(
        &self,
        py: Python<'py>,
        token: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let text = token.to_str()?;
        let mut cache = self.cache.lock().map_err(wrong)?;
        if let Some(claims) = cache.get(text) {
            return claims.bind(py).copy();
        }
        let claims = self.decode(py, text)?.cast_into::<PyDict>()?;
        cache.insert(text.to_owned(), claims.copy()?.unbind());
        Ok(claims)
    }
}

/// Of `{"alg":"HS256","typ":"JWT"}`.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.";

fn write(text: &mut String, value: &Bound<'_, PyAny>) -> PyResult<()> {
    if let Ok(value) = value.cast_exact::<PyString>() {
        write_string(text, value)?;
    } else if let Ok(value) = value.cast_exact::<PyInt>() {
        text.push_str(itoa::Buffer::new().format(value.extract::<i64>()?));
    } else if let Ok(dict) = value.cast_exact::<PyDict>() {
        let mut before = '{';
        for (name, value) in dict {
            text.push(std::mem::replace(&mut before, ','));
            write_string(text, name.cast_exact().map_err(wrong)?)?;
            text.push(':');
            write(text, &value)?;
        }
        text.push('}');
    } else {
        let items = value.cast_exact::<PyList>().map_err(wrong)?.to_tuple();
        let mut before = '[';
        for item in items.iter_borrowed() {
            text.push(std::mem::replace(&mut before, ','));
            write(text, &item)?;
        }
        text.push(']');
    }
    Ok(())
}

/// A string that needs no escape; whether it does must be looked at.
fn write_string(text: &mut String, value: &Bound<'_, PyString>) -> PyResult<()> {
    let value = value.to_str()?;
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if !value.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
        return Err(wrong(()));
    }
    text.push('"');
    text.push_str(value);
    text.push('"');
    Ok(())
}

#[pymodule]
mod djwto_floor {
    #[pymodule_export]
    use super::Floor;
}
