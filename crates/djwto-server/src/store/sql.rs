//! The statements, for both databases.
//!
//! Every column has the name of its table before it: SQLite takes a quoted name that it does not find
//! for a text, but never a name with a table.

use std::fmt::Write;

use djwto_core::session::feed::{Comparison, Condition, Page};
use djwto_core::token::session_id::SessionId;
use djwto_core::types::UserId;
use uuid::Uuid;

use super::error::{NO_PERMISSIONS, StoreError};
use super::schema::{Database, IdType, Permissions, Sessions, Table};

/// Which database reads a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// A value for a placeholder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Integer(i64),
    Uuid(Uuid),
    Text(String),
}

/// The statements for the tables of an export.
#[derive(Clone, Debug)]
pub(super) struct Statements {
    dialect: Dialect,
    sessions: Sessions,
    /// Two columns, the start of a slice and a count; two values, `back` and `slice`.
    pub(super) counts: String,
    /// One column, whether a session has ended; one value, its id.
    session: String,
    permissions: Option<(String, IdType)>,
}

impl Statements {
    pub(super) fn new(dialect: Dialect, database: &Database) -> Self {
        let permissions = database.permissions.as_ref();
        Self {
            dialect,
            sessions: database.sessions.clone(),
            counts: counts(dialect, &database.sessions),
            session: of_session(dialect, &database.sessions),
            permissions: permissions
                .map(|tables| (of_permissions(dialect, tables), tables.user.id_type)),
        }
    }

    /// The type of the keys of users; `None` if there are no tables of permissions.
    pub(super) fn id_type(&self) -> Option<IdType> {
        self.permissions.as_ref().map(|(_, id_type)| *id_type)
    }

    /// A page: three columns, `revoked_at`, `access_until` and `id`.
    pub(super) fn page(&self, page: &Page) -> (String, Vec<Value>) {
        let table = &self.sessions;
        let columns = [&table.revoked_at, &table.access_until, &table.id]
            .map(|name| format!("s.{}", quoted(name)))
            .join(", ");
        let mut sql = format!("SELECT {columns} FROM {} AS s", path(&table.table));
        let mut values = Vec::new();
        for condition in &page.conditions {
            let (column, comparison, value) = match *condition {
                Condition::RevokedAt(how, time) => (&table.revoked_at, how, integer(time.get())),
                Condition::AccessUntil(how, time) => {
                    (&table.access_until, how, integer(time.get()))
                }
                Condition::Id(how, id) => (&table.id, how, Value::of_session(id)),
            };
            let word = if values.is_empty() { "WHERE" } else { "AND" };
            values.push(value);
            let (column, sign) = (quoted(column), sign(comparison));
            let place = self.dialect.place(values.len());
            let _ = write!(sql, " {word} s.{column} {sign} {place}");
        }
        values.push(integer(i64::try_from(page.size).unwrap_or(i64::MAX)));
        let _ = write!(sql, " ORDER BY {columns} LIMIT {}", self.dialect.place(values.len()));
        (sql, values)
    }

    /// At most one row: whether the session has ended.
    pub(super) fn session(&self, id: SessionId) -> (&str, Value) {
        (&self.session, Value::of_session(id))
    }

    /// The rows of an active user, at least one: whether it is a superuser, and an app and a codename,
    /// which may be NULL. `Ok(None)` if no user can have that key. `Err`: there are no such tables.
    pub(super) fn permissions(
        &self,
        user: &UserId<'_>,
    ) -> Result<Option<(&str, Value)>, StoreError> {
        let found = self.permissions.as_ref();
        let (sql, id_type) = found.ok_or_else(|| StoreError::new(NO_PERMISSIONS))?;
        Ok(key(*id_type, user).map(|value| (sql.as_str(), value)))
    }
}

impl Value {
    fn of_session(id: SessionId) -> Self {
        // An id's text is always a UUID.
        Self::Uuid(Uuid::try_parse(&id.to_string()).unwrap_or_default())
    }
}

impl Dialect {
    fn place(self, number: usize) -> String {
        match self {
            Self::Sqlite => format!("?{number}"),
            Self::Postgres => format!("${number}"),
        }
    }

    /// The database's clock at the start of the statement, in microseconds since 1970.
    ///
    /// The same as `djwto.times.StoreNow`, which stores the times of ends. SQLite has milliseconds.
    fn now(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "(CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000)"
            }
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM STATEMENT_TIMESTAMP()) * 1000000 AS bigint)",
        }
    }
}

fn counts(dialect: Dialect, sessions: &Sessions) -> String {
    let ended = format!("s.{}", quoted(&sessions.revoked_at));
    format!(
        "SELECT {ended} - {ended} % {slice}, COUNT(*) FROM {table} AS s \
         WHERE {ended} >= {now} - {back} GROUP BY 1",
        slice = dialect.place(2),
        table = path(&sessions.table),
        now = dialect.now(),
        back = dialect.place(1),
    )
}

fn of_session(dialect: Dialect, sessions: &Sessions) -> String {
    format!(
        "SELECT s.{ended} IS NOT NULL FROM {table} AS s WHERE s.{id} = {key}",
        ended = quoted(&sessions.revoked_at),
        table = path(&sessions.table),
        id = quoted(&sessions.id),
        key = dialect.place(1),
    )
}

fn of_permissions(dialect: Dialect, tables: &Permissions) -> String {
    let Permissions {
        user,
        permission,
        content_type,
        user_permissions,
        group,
        groups,
        group_permissions,
    } = tables;
    format!(
        "SELECT u.{is_superuser}, h.app, h.codename \
         FROM {users} AS u LEFT JOIN (\
           SELECT CAST(c.{app_label} AS text) AS app, CAST(p.{codename} AS text) AS codename \
           FROM {permissions} AS p JOIN {content_types} AS c ON c.{content_type_id} = p.{content_type} \
           WHERE p.{permission_id} IN (\
             SELECT d.{direct} FROM {user_permissions} AS d WHERE d.{direct_user} = {key} \
             UNION SELECT gp.{granted} FROM {groups} AS g \
             JOIN {group} AS t ON t.{group_id} = g.{member_group} \
             JOIN {group_permissions} AS gp ON gp.{granted_group} = t.{group_id} \
             WHERE g.{member} = {key})\
         ) AS h ON NOT u.{is_superuser} \
         WHERE u.{id} = {key} AND u.{is_active}",
        is_superuser = quoted(&user.is_superuser),
        users = path(&user.table),
        app_label = quoted(&content_type.app_label),
        codename = quoted(&permission.codename),
        permissions = path(&permission.table),
        content_types = path(&content_type.table),
        content_type_id = quoted(&content_type.id),
        content_type = quoted(&permission.content_type),
        permission_id = quoted(&permission.id),
        direct = quoted(&user_permissions.permission),
        user_permissions = path(&user_permissions.table),
        direct_user = quoted(&user_permissions.user),
        key = dialect.place(1),
        granted = quoted(&group_permissions.permission),
        groups = path(&groups.table),
        group = path(&group.table),
        group_id = quoted(&group.id),
        group_permissions = path(&group_permissions.table),
        granted_group = quoted(&group_permissions.group),
        member_group = quoted(&groups.group),
        member = quoted(&groups.user),
        id = quoted(&user.id),
        is_active = quoted(&user.is_active),
    )
}

/// The key as the database has it. `None`: no user has it.
fn key(id_type: IdType, user: &UserId<'_>) -> Option<Value> {
    let text = user.to_text();
    match id_type {
        // Of the texts of a number or a UUID, only the one that tokens have names a user. Django reads
        // a whole number as a UUID in another way than its digits.
        IdType::Integer => {
            let number: i64 = text.parse().ok()?;
            (number.to_string() == text).then_some(Value::Integer(number))
        }
        IdType::Uuid => {
            let id = Uuid::try_parse(&text).ok()?;
            (id.to_string() == text).then_some(Value::Uuid(id))
        }
        // PostgreSQL has no text with NUL.
        IdType::Text => (!text.contains('\0')).then(|| Value::Text(text.into_owned())),
    }
}

/// A row of [`Statements::permissions`], taken into the answer.
pub(super) fn add(
    held: &mut Option<Vec<String>>,
    is_superuser: bool,
    app: Option<&str>,
    codename: Option<&str>,
) {
    let held = held.get_or_insert_default();
    match (is_superuser, app, codename) {
        (true, ..) => held.push(djwto_core::token::permissions::ALL.to_owned()),
        (false, Some(app), Some(codename)) => held.push(format!("{app}.{codename}")),
        (false, ..) => {}
    }
}

fn integer(number: i64) -> Value {
    Value::Integer(number)
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::AtLeast => ">=",
        Comparison::Above => ">",
        Comparison::Below => "<",
    }
}

fn path(table: &Table) -> String {
    match table {
        Table::Name(name) => quoted(name),
        Table::Path(names) => names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join("."),
    }
}

/// A name in quotes, as both databases read it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
