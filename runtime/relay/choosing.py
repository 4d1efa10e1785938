"""Which relay an installation has: by the address that its operator set."""

from urllib.parse import urlsplit

from runtime.errors import OperatorError
from runtime.relay.line import Line
from runtime.relay.relay import LocalRelay, Relay

_VALKEY = ("valkey", "valkeys", "redis", "rediss")
_NATS = ("nats", "tls")


def relay_for(url: str, database: Line | None = None) -> Relay:
    """The relay of CANEVAS_RELAY_URL; without one, the database's own line if it has one, else in process.

    Raises: OperatorError when it is no address of a server that can relay.
    """
    from runtime.relay.served import ServedRelay

    if not url:
        return ServedRelay(database) if database is not None else LocalRelay()
    return ServedRelay(_line(url))


def _line(url: str) -> Line:
    # The libraries of servers that are not there are not imported.
    scheme = url.split("://", 1)[0]
    if _is_address(url):
        if scheme in _VALKEY:
            from runtime.relay.valkey import ValkeyLine

            return ValkeyLine(url)
        if scheme in _NATS:
            from runtime.relay.nats import NatsLine

            return NatsLine(url)
    # The address itself is not repeated: it may hold a password.
    raise OperatorError(
        "CANEVAS_RELAY_URL is no address of a Valkey, Redis or NATS server",
        "the environment",
        "Write valkey://host:6379, rediss://user:password@host:6379, nats://host:4222 or tls://host:4222, or unset it.",
    )


def _is_address(url: str) -> bool:
    try:
        return all(urlsplit(each).hostname and urlsplit(each).port != 0 for each in url.split(","))
    except ValueError:
        return False
