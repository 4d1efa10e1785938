"""Keeps the secrets of a run out of everything that is recorded or shown."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

SHORTEST = 4  # shorter secrets stay: hiding every "1" or "on" would garble the record and protect nothing
_SHORTEST_BASE64 = 6
_IN_PATH = "/!$%&'()*+,;=:@[]|\\^"  # what URL libraries leave as it is, beside letters, digits and -._~
_IN_QUERY = _IN_PATH + "?`{}"
_HEX = re.compile("%[0-9A-F]{2}")


class Mask:
    """Replaces the secrets that a run has used by `•••name`, also as they appear in URLs, JSON and base64."""

    def __init__(self) -> None:
        self._forms: dict[str, str] = {}  # what to look for -> what to show, longest first

    def add(self, name: str, value: str) -> None:
        """From now on hide this secret."""
        forms = dict.fromkeys(_forms(value), f"•••{name}")
        self._forms = dict(sorted((forms | self._forms).items(), key=lambda form: -len(form[0])))

    def hide(self, value: Any) -> Any:
        """The JSON value without secrets, in texts and keys at any depth; the same object when there is no secret."""
        if not self._forms:
            return value
        try:
            return self._hidden(value)
        except RecursionError:
            return "•••"  # too deep to look through, so nothing of it is shown

    def _hidden(self, value: Any) -> Any:
        if isinstance(value, str):
            for form, shown in self._forms.items():
                if form in value:
                    value = value.replace(form, shown)
            return value
        if isinstance(value, dict):
            return {self._hidden(key): self._hidden(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._hidden(item) for item in value]
        return value


def _forms(secret: str) -> Iterator[str]:
    """Every way in which a secret is likely to be written."""
    for value in {secret, secret.strip()}:
        if len(value) < SHORTEST:
            continue
        yield value
        yield json.dumps(value)[1:-1]
        yield json.dumps(value, ensure_ascii=False)[1:-1]
        raw = value.encode("utf-8", "replace")
        for encoded in (quote_plus(raw), *(quote(raw, safe=safe) for safe in ("", "/", _IN_PATH, _IN_QUERY))):
            yield encoded
            yield _HEX.sub(lambda escape: escape[0].lower(), encoded)
        yield from _base64(raw)


def _base64(raw: bytes) -> Iterator[str]:
    """What base64 makes of the secret wherever it starts in a longer text, as in `Basic user:secret`.

    Three bytes become four characters, so there are three ways to be cut; characters that also depend on the
    neighbours are left out.
    """
    for before in range(3):
        first, end = -(-8 * before // 6), 8 * (before + len(raw)) // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            fragment = encode(bytes(before) + raw).decode()[first:end]
            if len(fragment) >= _SHORTEST_BASE64:
                yield fragment
