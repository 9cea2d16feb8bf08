"""The databases."""

import secrets
from pathlib import Path

import pytest

from tests.mariadb import MariaDB
from tests.services import Postgres


@pytest.fixture(
    params=[
        "postgres",
        *(pytest.param(name, marks=pytest.mark.long) for name in ("sqlite", "mariadb")),
    ]
)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'portal.sqlite3'}"
    name = "mariadb_server" if request.param == "mariadb" else "cluster"
    return new_database(request.getfixturevalue(name))


@pytest.fixture
def postgres_database(cluster: Postgres) -> str:
    """The address of an empty database of PostgreSQL."""
    return new_database(cluster)


def new_database(cluster: Postgres | MariaDB) -> str:
    return cluster.create_database(f"sessions_{secrets.token_hex(4)}")
