"""Brings a database up to date, inside the transaction that it is given."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from runtime.errors import OperatorError


def upgrade(connection: Connection, where: str) -> None:
    """Run what the database has not seen yet: all of it or, when something fails, nothing.

    Raises: OperatorError when a newer Canevas has written the database.
    """
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise OperatorError(
            f"The database was written by another version of Canevas: {error}",
            where,
            "Update Canevas, or give it a database of its own.",
        ) from error
