//! `djwto._core.Renewal`: the steps of `djwto_core::session`, each by one call.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use djwto_core::http::Mode;
use djwto_core::session::end::{Liveness, Refusal, liveness};
use djwto_core::session::login::{GivenClaims, LoginError, NewSession, open};
use djwto_core::session::presented::Presented;
use djwto_core::session::renewal::{self, Allowed, Begun, Checked, Renewed};
use djwto_core::session::row::{Client, Condition, NewRow, Row, Update, Value};
use djwto_core::session::user::{self, Unrenewable, User};
use djwto_core::types::Micros;
use djwto_core::{Code, session};
use pyo3::IntoPyObjectExt as _;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::convert::{issue_error, kind, mode, not_issued, session_refused, unix_time};
use crate::engine::Engine;
use crate::outputs::registered_dict;
use crate::read_claims::OwnedSessionClaims;

/// The row of a session, by the attributes of the model.
#[derive(FromPyObject)]
pub(crate) struct RowArgument {
    mode: String,
    generation: i64,
    renewed_at: i64,
    issued_at: i64,
    expires_at: i64,
    ends_at: i64,
    lifetime: Option<Duration>,
    rotated_at: Option<i64>,
    previously_rotated_at: Option<i64>,
    access_until: i64,
    auth_hash: String,
    device: String,
    address: Option<String>,
    revoked_at: Option<i64>,
    revoked_reason: String,
}

impl From<RowArgument> for Row {
    fn from(row: RowArgument) -> Self {
        Self {
            mode: Mode::from_name(&row.mode),
            generation: row.generation,
            renewed_at: Micros::new(row.renewed_at),
            issued_at: Micros::new(row.issued_at),
            expires_at: Micros::new(row.expires_at),
            ends_at: Micros::new(row.ends_at),
            lifetime: row.lifetime,
            rotated_at: row.rotated_at.map(Micros::new),
            previously_rotated_at: row.previously_rotated_at.map(Micros::new),
            access_until: Micros::new(row.access_until),
            auth_hash: row.auth_hash,
            device: row.device,
            address: row.address,
            ended: row.revoked_at.map(|_| row.revoked_reason),
        }
    }
}

/// Whether the user is active, and the hashes that change with the password.
#[derive(FromPyObject)]
pub(crate) struct UserArgument(bool, Vec<String>);

/// A refresh token that a request presents, and how far its renewal has come.
#[pyclass(frozen, module = "djwto._core")]
pub(crate) struct Renewal {
    engine: Py<Engine>,
    presented: Presented,
    step: Mutex<Step>,
}

/// What the next step takes. A step that was refused leaves nothing.
enum Step {
    None,
    Begun(Begun),
    Checked(Checked),
    Allowed(Allowed),
}

#[pymethods]
impl Renewal {
    #[new]
    fn new(
        py: Python<'_>,
        engine: Py<Engine>,
        claims: &Bound<'_, PyDict>,
        mode: &str,
    ) -> PyResult<Self> {
        let claims = OwnedSessionClaims::of(claims)?;
        let presented = Presented::new(&claims.borrowed(), self::mode(mode)?)
            .map_err(|refusal| session_refused(py, refusal))?;
        Ok(Self { engine, presented, step: Mutex::new(Step::None) })
    }

    #[getter]
    fn session(&self) -> String {
        self.presented.session().to_string()
    }

    #[getter]
    fn is_legacy(&self) -> bool {
        self.presented.is_legacy()
    }

    fn adopt<'py>(
        &self,
        py: Python<'py>,
        row: Option<RowArgument>,
        is_blacklisted: bool,
        now: i64,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let row = row.map(Row::from);
        let policy = self.engine.get().core.policy();
        let new = self.presented.adopt(policy, row.as_ref(), is_blacklisted, Micros::new(now));
        let new = new.map_err(|refusal| session_refused(py, refusal))?;
        new.map(|new| new_row(py, &new)).transpose()
    }

    fn legacy_row<'py>(
        &self,
        py: Python<'py>,
        kind: &str,
        now: i64,
    ) -> PyResult<Bound<'py, PyDict>> {
        let policy = self.engine.get().core.policy();
        new_row(py, &self.presented.legacy_row(policy, self::kind(kind)?, Micros::new(now)))
    }

    fn check(
        &self,
        py: Python<'_>,
        row: Option<RowArgument>,
        is_blacklisted: bool,
        store_now: i64,
    ) -> PyResult<()> {
        let row = row.map(Row::from);
        let policy = self.engine.get().core.policy();
        self.presented
            .check(policy, row.as_ref(), is_blacklisted, Micros::new(store_now))
            .map_err(|refusal| session_refused(py, refusal))
    }

    fn begin<'py>(
        &self,
        py: Python<'py>,
        extends_refresh: bool,
        now: i64,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let policy = self.engine.get().core.policy();
        let (begun, update) =
            renewal::begin(self.presented.clone(), policy, extends_refresh, Micros::new(now));
        self.put(Step::Begun(begun));
        statement(py, &update)
    }

    fn check_generation(
        &self,
        py: Python<'_>,
        row: Option<RowArgument>,
        has_won: bool,
        store_now: i64,
    ) -> PyResult<()> {
        let Step::Begun(begun) = self.take() else { return Err(out_of_order()) };
        let policy = self.engine.get().core.policy();
        let checked = begun
            .check_generation(policy, row.map(Row::from), has_won, Micros::new(store_now))
            .map_err(|refusal| session_refused(py, refusal))?;
        self.put(Step::Checked(checked));
        Ok(())
    }

    #[expect(clippy::needless_pass_by_value, reason = "PyO3 hands over owned values")]
    fn check_user(&self, py: Python<'_>, user: Option<UserArgument>) -> PyResult<()> {
        let Step::Checked(checked) = self.take() else { return Err(out_of_order()) };
        let user = user.as_ref().map(UserArgument::borrowed);
        let allowed =
            checked.check_user(user.as_ref()).map_err(|refusal| session_refused(py, refusal))?;
        self.put(Step::Allowed(allowed));
        Ok(())
    }

    fn renew(
        &self,
        py: Python<'_>,
        device: &str,
        user_agent: &str,
        address: &str,
        now: i64,
    ) -> PyResult<RenewedClaims> {
        let Step::Allowed(allowed) = self.take() else { return Err(out_of_order()) };
        let client = Client { device, user_agent, address };
        let policy = self.engine.get().core.policy();
        let renewed = allowed.renew(policy, &client, Micros::new(now)).map_err(not_issued)?;
        let statement = |update: &Option<Update>| {
            update.as_ref().map(|update| statement(py, update).map(Bound::unbind)).transpose()
        };
        let dict = |claims| registered_dict(py, claims).map(Bound::unbind);
        Ok(RenewedClaims {
            refresh: renewed.refresh.as_ref().map(dict).transpose()?,
            access: dict(&renewed.access)?,
            update: statement(&renewed.update)?,
            mark: statement(&renewed.mark)?,
            core: renewed,
        })
    }
}

impl Renewal {
    fn take(&self) -> Step {
        let mut step = self.step.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut step, Step::None)
    }

    fn put(&self, next: Step) {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }
}

impl UserArgument {
    fn borrowed(&self) -> User<'_> {
        User { is_active: self.0, auth_hashes: &self.1 }
    }
}

fn out_of_order() -> PyErr {
    PyRuntimeError::new_err("the steps of a renewal are begin, check_generation, check_user, renew")
}

/// What a renewal gives.
#[pyclass(frozen, module = "djwto._core")]
pub(crate) struct RenewedClaims {
    core: Renewed,
    #[pyo3(get)]
    refresh: Option<Py<PyDict>>,
    #[pyo3(get)]
    access: Py<PyDict>,
    #[pyo3(get)]
    update: Option<Py<PyTuple>>,
    #[pyo3(get)]
    mark: Option<Py<PyTuple>>,
}

#[pymethods]
impl RenewedClaims {
    #[getter]
    fn blacklists(&self) -> bool {
        self.core.blacklists
    }

    fn finish(&self, py: Python<'_>, rows_changed: u64) -> PyResult<()> {
        self.core.finish(rows_changed).map_err(|refusal| session_refused(py, refusal))
    }
}

/// Refuses a user who may not go on with a session.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "PyO3 hands over owned values")]
pub(crate) fn check_user(
    py: Python<'_>,
    row: Option<RowArgument>,
    user: Option<UserArgument>,
    refused: &str,
) -> PyResult<()> {
    let code = Code::from_slug(refused)
        .ok_or_else(|| PyValueError::new_err(format!("expected a slug, got {refused:?}")))?;
    let (row, user) = (row.map(Row::from), user.as_ref().map(UserArgument::borrowed));
    user::check_user(row.as_ref(), user.as_ref(), code)
        .map_err(|refusal: Refusal| session_refused(py, refusal))
}

/// Whether the session of a token goes on, as far as its row says; `None`: the blacklist decides.
#[pyfunction]
pub(crate) fn is_live(is_legacy: bool, row: Option<RowArgument>) -> Option<bool> {
    match liveness(is_legacy, row.map(Row::from).as_ref().map(Into::into)) {
        Liveness::Live => Some(true),
        Liveness::Ended => Some(false),
        Liveness::AskBlacklist => None,
    }
}

/// Whether a user may renew a session with this hash.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "PyO3 hands over owned values")]
pub(crate) fn may_renew(auth_hash: &str, user: Option<UserArgument>) -> bool {
    !Unrenewable::of(user.as_ref().map(UserArgument::borrowed).as_ref()).has(auth_hash)
}

/// Why a user's sessions can no longer be renewed, and the hashes of those that can.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "PyO3 hands over owned values")]
pub(crate) fn unrenewable(user: Option<UserArgument>) -> (&'static str, Option<Vec<String>>) {
    let user = user.as_ref().map(UserArgument::borrowed);
    let Unrenewable { reason, but } = Unrenewable::of(user.as_ref());
    (reason.text(), but.map(<[String]>::to_vec))
}

/// What a session begins with.
#[pyclass(frozen, get_all, module = "djwto._core")]
pub(crate) struct OpenedSession {
    session: String,
    row: Py<PyDict>,
    refresh_expires: Option<i64>,
    access: Py<PyDict>,
}

const NO_LIFETIME: &str =
    "the lifetime of a login must be a timedelta of at least one second, or None: found less";

pub(crate) fn opened(
    py: Python<'_>,
    engine: &Engine,
    mode: &str,
    lifetime: Option<Duration>,
    given: &GivenClaims<'_>,
    now: f64,
) -> PyResult<OpenedSession> {
    let new = NewSession { mode: self::mode(mode)?, lifetime };
    let opened = open(engine.core.policy(), &new, given, unix_time(now)?);
    let opened = opened.map_err(|error| match error {
        LoginError::Issue(error) => not_issued(error),
        LoginError::Lifetime => issue_error(&NO_LIFETIME),
        error => issue_error(&error),
    })?;
    Ok(OpenedSession {
        session: opened.session.to_string(),
        row: new_row(py, &opened.row)?.unbind(),
        refresh_expires: opened.refresh_expires,
        access: registered_dict(py, &opened.access)?.unbind(),
    })
}

fn new_row<'py>(py: Python<'py>, row: &NewRow) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("mode", row.mode.name())?;
    dict.set_item("lifetime", row.lifetime)?;
    dict.set_item("generation", row.generation)?;
    for (name, time) in [
        ("created_at", row.created_at),
        ("renewed_at", row.created_at),
        ("authenticated_at", row.authenticated_at),
        ("issued_at", row.issued_at),
        ("expires_at", row.expires_at),
        ("ends_at", row.ends_at),
        ("access_until", row.access_until),
    ] {
        dict.set_item(name, time.get())?;
    }
    Ok(dict)
}

/// An update as Python renders it: conditions, and changes.
fn statement<'py>(py: Python<'py>, update: &Update) -> PyResult<Bound<'py, PyTuple>> {
    let conditions = PyList::empty(py);
    for condition in &update.conditions {
        conditions.append(match condition {
            Condition::IsNull(column) => (column.name(), "is_null", true.into_py_any(py)?),
            Condition::AtMost(column, most) => (column.name(), "at_most", most.into_py_any(py)?),
            Condition::OneOf(column, texts) => (column.name(), "one_of", texts.into_py_any(py)?),
        })?;
    }
    let changes = PyList::empty(py);
    for (column, value) in &update.changes {
        let (kind, value) = match value {
            Value::Integer(number) => ("value", number.into_py_any(py)?),
            Value::AtLeast(number) => ("at_least", number.into_py_any(py)?),
            Value::Text(text) => ("value", text.into_py_any(py)?),
            Value::Null => ("value", py.None()),
            Value::Of(other) => ("of", other.name().into_py_any(py)?),
            Value::StoreNow => ("store_now", py.None()),
        };
        changes.append((column.name(), kind, value))?;
    }
    (conditions, changes).into_pyobject(py)
}

/// The update that ends a session.
#[pyfunction]
pub(crate) fn end_statement<'py>(py: Python<'py>, reason: &str) -> PyResult<Bound<'py, PyTuple>> {
    statement(py, &session::end::end(reason))
}
