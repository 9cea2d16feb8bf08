"""Reads the database by the names in an export alone, as `djwto-server` does."""

from typing import Any
from uuid import UUID


def permissions_of(exported: dict[str, Any], connection: Any, key: Any) -> set[str]:
    """Give the permissions of the user with this key, as a token names it."""
    names = exported["database"]["permissions"]
    user = names["user"]
    if user["id_type"] == "uuid":
        key = UUID(key) if connection.features.has_native_uuid_field else UUID(key).hex
    found = _rows(
        connection,
        f"SELECT {_is(user, 'is_active', connection)}, {_is(user, 'is_superuser', connection)} "
        f"FROM {table(user, connection)} WHERE {_is(user, 'id', connection)} = %s",
        key,
    )
    if not found or not found[0][0]:
        return set()
    if found[0][1]:
        return {"*"}
    own, group, groups, of_group = (
        names[name] for name in ("user_permissions", "group", "groups", "group_permissions")
    )
    ids = (
        f"SELECT {_is(own, 'permission', connection)} FROM {table(own, connection)} "
        f"WHERE {_is(own, 'user', connection)} = %s "
        f"UNION SELECT {_is(of_group, 'permission', connection)} "
        f"FROM {table(of_group, connection)} JOIN {table(group, connection)} "
        f"ON {_is(group, 'id', connection)} = {_is(of_group, 'group', connection)} "
        f"JOIN {table(groups, connection)} "
        f"ON {_is(groups, 'group', connection)} = {_is(group, 'id', connection)} "
        f"WHERE {_is(groups, 'user', connection)} = %s"
    )
    permission, kind = names["permission"], names["content_type"]
    rows = _rows(
        connection,
        f"SELECT {_is(kind, 'app_label', connection)}, {_is(permission, 'codename', connection)} "
        f"FROM {table(permission, connection)} JOIN {table(kind, connection)} "
        f"ON {_is(kind, 'id', connection)} = {_is(permission, 'content_type', connection)} "
        f"WHERE {_is(permission, 'id', connection)} IN ({ids})",
        key,
        key,
    )
    return {f"{app_label}.{codename}" for app_label, codename in rows}


def ended(exported: dict[str, Any], connection: Any) -> list[tuple[Any, ...]]:
    """Give `revoked_at`, `access_until`, `tenant` and the key of the sessions that have ended."""
    names = exported["database"]["sessions"]
    columns = ", ".join(
        _is(names, name, connection) for name in ("revoked_at", "access_until", "tenant", "id")
    )
    where = f"{_is(names, 'revoked_at', connection)} IS NOT NULL"
    return _rows(connection, f"SELECT {columns} FROM {table(names, connection)} WHERE {where}")


def table(names: dict[str, Any], connection: Any) -> str:
    """Write the name of a table as SQL."""
    found = names["table"]
    parts = [found] if isinstance(found, str) else found
    return ".".join(map(connection.ops.quote_name, parts))


def _is(names: dict[str, Any], member: str, connection: Any) -> str:
    return f"{table(names, connection)}.{connection.ops.quote_name(names[member])}"


def _rows(connection: Any, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
