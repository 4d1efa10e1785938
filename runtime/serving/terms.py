"""The terms on which a caller wants a run: under a key of its own, later, or without waiting for the end."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from runtime.serving.refusals import Refusal

LONGEST_DELAY = 366 * 86_400.0  # seconds
_KEY = re.compile(r"[\x21-\x7e]{1,200}\Z")


@dataclass(frozen=True, slots=True)
class Terms:
    """key: calls that carry the same one start one run. delay: seconds until it may start. waits: for the answer."""

    key: str = ""
    delay: float = 0.0
    waits: bool = True

    @classmethod
    def read(cls, headers: Mapping[bytes, bytes], key: bytes = b"idempotency-key") -> Self:
        """The terms in the headers of a request. key: the header that names a call. Raises: Refusal with 400."""
        named = headers.get(key, b"").decode("latin-1").strip().strip('"')
        if key in headers and not _KEY.match(named):
            what = f"`{key.decode().title()}` is not a key of up to 200 visible ASCII characters."
            raise Refusal("bad-terms", what, "Send a UUID, for example.")
        wanted = {part.strip().lower() for part in headers.get(b"prefer", b"").decode("latin-1").split(",")}
        delay = _seconds(headers.get(b"canevas-delay", b"0"))
        return cls(named, delay, not delay and "respond-async" not in wanted)

    @property
    def kept(self) -> bool:
        """Whether a run on such terms has to be on disk before it is answered for."""
        return bool(self.key or self.delay or not self.waits)


def _seconds(said: bytes) -> float:
    try:
        seconds = float(said)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_DELAY:
        what = "`Canevas-Delay` is not a number of seconds from 0 to a year."
        raise Refusal("bad-terms", what, "Send `Canevas-Delay: 60` for a minute.")
    return seconds
