"""The column types of the tables: text that any database takes whole, and JSON values."""

import json
import re
from typing import Any

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

# PostgreSQL refuses NUL in text and both drivers refuse lone surrogates; people and models write them all the same.
_UNTAKEN = re.compile("[\x00\x01\ud800-\udfff]")
_WRITTEN = re.compile("\x01([0-9a-f]{4})")


class AnyText(TypeDecorator[str]):
    """A text column that gives back every Python string as it was.

    What a database would refuse is written as U+0001 and four hex digits; all other text is stored as it stands.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """On the way in. ASCII without control characters, nearly all there is, costs two scans in C."""
        if value is None or (value.isascii() and "\x00" not in value and "\x01" not in value):
            return value
        return _UNTAKEN.sub(lambda found: f"\x01{ord(found[0]):04x}", value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """On the way out."""
        if value is None or "\x01" not in value:
            return value
        return _WRITTEN.sub(lambda found: chr(int(found[1], 16)), value)


class Json(TypeDecorator[Any]):
    """A JSON value as text: the same on every database, NUL included, which PostgreSQL's jsonb refuses."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """On the way in."""
        return json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """On the way out."""
        return None if value is None else json.loads(value)
