//! What HTTP carries, beside tokens: where a request is from, what a form may hold, and the reply of
//! a failure. The rules are in `djwto_core::http`.

use std::borrow::Cow;
use std::net::IpAddr;

use djwto_core::Kind;
use djwto_core::error::Failure;
use djwto_core::http::client::{self, Device, Network};
use djwto_core::http::form::{self, Bounds, Field};
use djwto_core::http::multipart::{self, Part, Value};
use djwto_core::http::origin::Provenance;
use djwto_core::http::reply::{self, Notice};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::convert::{failure, kind};

// --- where a request is from --------------------------------------------------------------------

/// The peers whose `X-Forwarded-For` is believed.
#[pyclass(frozen, module = "djwto._core")]
pub(crate) struct Proxies(client::Proxies);

#[pymethods]
impl Proxies {
    #[new]
    fn new(networks: Vec<(IpAddr, u8)>, unix: bool) -> PyResult<Self> {
        let network = |(address, bits)| {
            Network::new(address, bits)
                .ok_or_else(|| PyValueError::new_err(format!("{address}/{bits} is no network")))
        };
        let networks = networks.into_iter().map(network).collect::<PyResult<_>>()?;
        Ok(Self(client::Proxies { networks, unix }))
    }

    fn client_address(
        &self,
        peer: &Bound<'_, PyString>,
        forwarded_for: &Bound<'_, PyString>,
    ) -> String {
        self.0.client_address(&lossy(peer), &lossy(forwarded_for))
    }
}

/// The network that counts as one client.
#[pyfunction]
pub(crate) fn network(address: &str) -> String {
    client::network(address)
}

/// The label of a device, and its user agent as stores hold it.
#[pyfunction]
pub(crate) fn device(user_agent: &Bound<'_, PyString>) -> (String, String) {
    let Device { label, user_agent } = Device::new(&lossy(user_agent));
    (label, user_agent)
}

/// Whether a page of an origin that is not trusted sends a request.
#[pyfunction]
pub(crate) fn is_foreign(
    origin: Option<&Bound<'_, PyString>>,
    is_trusted: bool,
    fetch_site: Option<&Bound<'_, PyString>>,
) -> bool {
    let (origin, fetch_site) = (origin.map(lossy), fetch_site.map(lossy));
    let (origin, fetch_site) = (origin.as_deref(), fetch_site.as_deref());
    Provenance { origin, is_trusted, fetch_site }.is_foreign()
}

/// Refuses a login that a page of another site has sent.
#[pyfunction]
pub(crate) fn check_login(
    origin: Option<&Bound<'_, PyString>>,
    is_trusted: bool,
    fetch_site: Option<&Bound<'_, PyString>>,
) -> PyResult<()> {
    let (origin, fetch_site) = (origin.map(lossy), fetch_site.map(lossy));
    let (origin, fetch_site) = (origin.as_deref(), fetch_site.as_deref());
    let provenance = Provenance { origin, is_trusted, fetch_site };
    provenance.check_login().map_err(|error| failure(&error))
}

/// A header as text. Half a surrogate pair, which no server hands over, becomes U+FFFD.
fn lossy<'a>(text: &'a Bound<'_, PyString>) -> Cow<'a, str> {
    text.to_string_lossy()
}

// --- forms --------------------------------------------------------------------------------------

/// Checks the fields of a form: lists of texts by name, and the names of the fields with files.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "PyO3 hands over owned lists")]
pub(crate) fn check_fields(
    fields: Vec<(Bound<'_, PyString>, Vec<Bound<'_, PyString>>)>,
    files: Vec<Bound<'_, PyString>>,
    name_field: &str,
) -> PyResult<()> {
    let mut pairs = Vec::with_capacity(fields.len());
    for (name, values) in &fields {
        let name = unicode(name)?;
        for value in values {
            pairs.push((name, unicode(value)?));
        }
    }
    let files = files.iter().map(unicode).collect::<PyResult<Vec<_>>>()?;
    form::check_fields(&pairs, &files, name_field).map_err(|error| failure(&error))
}

fn unicode<'a>(text: &'a Bound<'_, PyString>) -> PyResult<&'a str> {
    text.to_str().map_err(|_| failure(&form::not_unicode()))
}

/// The account's name, which may be in two fields.
#[pyfunction]
pub(crate) fn account_name(username: &str, own: &str, name_field: &str) -> PyResult<String> {
    let name = form::account_name(username, own, name_field);
    name.map(str::to_owned).map_err(|error| failure(&error))
}

/// Checks the charset that a request claims.
#[pyfunction]
pub(crate) fn check_charset(charset: &Bound<'_, PyString>) -> PyResult<()> {
    form::check_charset(&lossy(charset)).map_err(|error| failure(&error))
}

/// The fields of an urlencoded form.
#[pyfunction]
pub(crate) fn read_urlencoded(body: &[u8], most: Option<usize>) -> PyResult<Vec<(String, String)>> {
    form::read_urlencoded(body, most).map_err(|error| failure(&error))
}

/// A name with a text, or with a file: its name, content, content type and the parameters of that.
type PythonPart<'py> = (String, Option<String>, Option<PythonFile<'py>>);
type PythonFile<'py> = (String, Bound<'py, PyBytes>, String, Vec<(String, String)>);

/// The parts of a multipart form.
#[pyfunction]
pub(crate) fn read_parts<'py>(
    py: Python<'py>,
    body: &[u8],
    boundary: &Bound<'_, PyString>,
    most: Option<usize>,
    most_files: Option<usize>,
) -> PyResult<Vec<PythonPart<'py>>> {
    let bounds = Bounds { fields: most, files: most_files };
    let parts = multipart::read_parts(body, &lossy(boundary), &bounds);
    let parts = parts.map_err(|error| failure(&error))?;
    let converted = parts.into_iter().map(|Part { name, value }| match value {
        Value::Text(text) => (name, Some(text), None),
        Value::File(file) => {
            let content = PyBytes::new(py, &file.content);
            (name, None, Some((file.name, content, file.content_type, file.parameters)))
        }
    });
    Ok(converted.collect())
}

/// The members of a JSON object that stands for a form.
#[pyfunction]
pub(crate) fn read_fields(text: &[u8], most: Option<usize>) -> PyResult<Vec<Field>> {
    form::read_fields(text, most).map_err(|error| failure(&Failure::from(error)))
}

/// Checks the field `jwt_type` of an endpoint that takes a token of this kind.
#[pyfunction]
pub(crate) fn check_jwt_type(given: Option<&Bound<'_, PyString>>, wanted: &str) -> PyResult<()> {
    let given = given.map(lossy);
    form::check_jwt_type(given.as_deref(), kind(wanted)?).map_err(|error| failure(&error))
}

/// The kind that the field `jwt_type` names.
#[pyfunction]
pub(crate) fn jwt_type(given: Option<&Bound<'_, PyString>>) -> PyResult<&'static str> {
    form::jwt_type(given.map(lossy).as_deref()).map(Kind::name).map_err(|error| failure(&error))
}

/// Whether a script name is a path of a browser's.
#[pyfunction]
pub(crate) fn is_script_name(name: &Bound<'_, PyString>) -> bool {
    djwto_core::http::is_script_name(&lossy(name))
}

// --- replies ------------------------------------------------------------------------------------

/// The HTTP status of a slug.
#[pyfunction]
pub(crate) fn status_of(slug: &Bound<'_, PyString>) -> u16 {
    reply::status_of(&lossy(slug))
}

/// The status, the headers and the body of a failure.
#[pyfunction]
pub(crate) fn refusal<'py>(
    py: Python<'py>,
    slug: &Bound<'_, PyString>,
    sentence: &Bound<'_, PyString>,
    status: u16,
    retry_after: Option<i64>,
) -> PyResult<(u16, Bound<'py, PyDict>, Bound<'py, PyDict>)> {
    let refusal = Notice {
        slug: &lossy(slug),
        sentence: &lossy(sentence),
        status,
        retry_after: retry_after.map(|seconds| u64::try_from(seconds).unwrap_or_default()),
    };
    let reply = refusal.reply();
    let (headers, body) = (PyDict::new(py), PyDict::new(py));
    for (name, value) in reply.headers {
        headers.set_item(name, value)?;
    }
    for (name, value) in reply.body {
        body.set_item(name, value)?;
    }
    Ok((reply.status, headers, body))
}
