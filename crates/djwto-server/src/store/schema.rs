//! The member `database` of the export: which tables and columns the project has.
//!
//! An unknown member is an error: it may be a condition that this version does not know.

use serde::Deserialize;

/// The tables and columns that the guard reads.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Django's name of the database: `sqlite` and `postgresql` can be read.
    pub vendor: String,
    /// The table of sessions.
    pub sessions: Sessions,
    /// The tables of permissions. `None` if the project's permissions cannot be read from tables.
    pub permissions: Option<Permissions>,
}

/// The name of a table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Table {
    /// In the schema that the connection looks in first.
    Name(String),
    /// In a schema: its name, then that of the table.
    Path(Vec<String>),
}

/// The table of sessions and its columns.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sessions {
    /// The table.
    pub table: Table,
    /// The session's UUID.
    pub id: String,
    /// When the session ended, in microseconds since 1970. NULL while it is live.
    pub revoked_at: String,
    /// When its last access token expires, in microseconds since 1970.
    pub access_until: String,
    /// The tenant. It is not read: a session's id is unique over all tenants.
    pub tenant: String,
}

/// The tables of Django's permissions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permissions {
    /// The users.
    pub user: UserTable,
    /// The permissions.
    pub permission: PermissionTable,
    /// The apps of the permissions.
    pub content_type: ContentTypeTable,
    /// Which user has which permission.
    pub user_permissions: UserPermissions,
    /// The groups.
    pub group: GroupTable,
    /// Which user is in which group.
    pub groups: UserGroups,
    /// Which group has which permission.
    pub group_permissions: GroupPermissions,
}

/// The type of the primary key of users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdType {
    /// A whole number of 64 bits or fewer.
    Integer,
    /// A UUID: of its own type on PostgreSQL, 32 hexadecimal digits in SQLite.
    Uuid,
    /// A text.
    Text,
}

/// The table of users.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserTable {
    /// The table.
    pub table: Table,
    /// The primary key.
    pub id: String,
    /// Its type.
    pub id_type: IdType,
    /// Whether the user is active.
    pub is_active: String,
    /// Whether the user has all permissions.
    pub is_superuser: String,
}

/// The table of permissions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermissionTable {
    /// The table.
    pub table: Table,
    /// The primary key.
    pub id: String,
    /// The part of a permission behind the dot.
    pub codename: String,
    /// The key of the content type.
    pub content_type: String,
}

/// The table of content types.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentTypeTable {
    /// The table.
    pub table: Table,
    /// The primary key.
    pub id: String,
    /// The part of a permission before the dot.
    pub app_label: String,
}

/// The table of groups.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupTable {
    /// The table.
    pub table: Table,
    /// The primary key.
    pub id: String,
}

/// The table that joins users and permissions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserPermissions {
    /// The table.
    pub table: Table,
    /// The key of the user.
    pub user: String,
    /// The key of the permission.
    pub permission: String,
}

/// The table that joins users and groups.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserGroups {
    /// The table.
    pub table: Table,
    /// The key of the user.
    pub user: String,
    /// The key of the group.
    pub group: String,
}

/// The table that joins groups and permissions.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupPermissions {
    /// The table.
    pub table: Table,
    /// The key of the group.
    pub group: String,
    /// The key of the permission.
    pub permission: String,
}
