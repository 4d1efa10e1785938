"""Signed links: who holds one may answer one question of one run, once, without an account."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

import msgspec

_PURPOSE = b"canevas: links to answer"  # the same key seals secrets; what it signs is good for nothing else
_SHAPE = msgspec.json.Decoder(tuple[str, str, str, float])


@dataclass(frozen=True, slots=True)
class Question:
    """What a link is about. step: its path. asked: when, which tells two questions of one step apart."""

    workspace: str
    run: str
    step: str
    asked: float


class AnswerLinks:
    """Makes and reads the tokens of links. key: the master key of the installation."""

    def __init__(self, key: bytes) -> None:
        self._key = hmac.new(key, _PURPOSE, hashlib.sha256).digest()

    def token(self, question: Question) -> str:
        """The last part of the link's address."""
        said = msgspec.json.encode((question.workspace, question.run, question.step, question.asked))
        return f"{_text(said)}.{_text(self._sign(said))}"

    def read(self, token: str) -> Question | None:
        """What a token is about; None when it was not made here."""
        said, _, signature = token.partition(".")
        try:
            known, given = _bytes(said), _bytes(signature)
        except (binascii.Error, ValueError):
            return None
        if not hmac.compare_digest(self._sign(known), given):
            return None
        return Question(*_SHAPE.decode(known))

    def _sign(self, said: bytes) -> bytes:
        return hmac.new(self._key, said, hashlib.sha256).digest()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
