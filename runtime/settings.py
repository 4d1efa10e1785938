"""The environment's one home: every CANEVAS_* variable is read here and nowhere else."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from runtime.errors import OperatorError

DEFAULT_HOME = Path(".canevas")


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may set; every field has a default that works on a laptop.

    home: folder for the database, the master key and the model weights.
    database_url: `sqlite:///…` or `postgresql://…`; empty means SQLite inside `home`.
    relay_url: a Valkey, Redis or NATS server that carries what runs tell live between processes, such as
        `valkey://host:6379` or `nats://host:4222`; empty: PostgreSQL does, and one process with SQLite needs none.
    temporal_url: `host:port` of the Temporal that hands runs to workers; empty: the one process drives its runs itself.
    temporal_namespace: the namespace there. temporal_api_key: for Temporal Cloud. temporal_tls: speak TLS, `on` or
        `off`; with a key it is spoken in any case.
    host, port: where `canevas up` and `canevas serve` listen; port 0 takes a free one.
    public_url: the address people use when a proxy stands in front; empty: http://host:port.
    allowed_hosts: hosts (or CIDR ranges) that flows may call although they are private or loopback.
    anthropic_url: address of the Messages API, for proxies and tests; empty: Anthropic's own.
    max_body: the largest request body that a deployed flow accepts, in bytes.
    weights: folder with the built-in models; empty means `home / "weights"`.
    """

    home: Path = DEFAULT_HOME
    database_url: str = ""
    relay_url: str = ""
    temporal_url: str = ""
    temporal_namespace: str = "default"
    temporal_api_key: str = field(default="", repr=False)
    temporal_tls: bool = False
    host: str = "127.0.0.1"
    port: int = 8300
    public_url: str = ""
    allowed_hosts: tuple[str, ...] = ()
    anthropic_url: str = ""
    max_body: int = 1_000_000
    weights: Path = field(default=Path())

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, **instead: object) -> Self:
        """Read CANEVAS_HOME, CANEVAS_DATABASE_URL, CANEVAS_PORT and so on; `instead`: what the command line says.

        Raises: OperatorError when a number is not a number or a switch is neither on nor off.
        """
        env = os.environ if environment is None else environment
        given = {name: env[f"CANEVAS_{name.upper()}"] for name in cls.__slots__ if env.get(f"CANEVAS_{name.upper()}")}
        given |= {name: str(value) for name, value in instead.items() if value is not None}
        home = Path(given.get("home", DEFAULT_HOME)).expanduser().absolute()
        return cls(
            home=home,
            database_url=given.get("database_url", ""),
            relay_url=given.get("relay_url", ""),
            temporal_url=given.get("temporal_url", ""),
            temporal_namespace=given.get("temporal_namespace", "default"),
            temporal_api_key=given.get("temporal_api_key", ""),
            temporal_tls=_switch(given, "temporal_tls"),
            host=given.get("host", "127.0.0.1"),
            port=_number(given, "port", 8300),
            public_url=given.get("public_url", "").rstrip("/"),
            allowed_hosts=tuple(h.strip() for h in given.get("allowed_hosts", "").split(",") if h.strip()),
            anthropic_url=given.get("anthropic_url", ""),
            max_body=_number(given, "max_body", 1_000_000),
            weights=Path(given["weights"]).expanduser().absolute() if "weights" in given else home / "weights",
        )

    @property
    def owns_a_file(self) -> bool:
        """Whether the database is a file, which one process at a time may drive runs in."""
        return not self.database_url.startswith("postgres")


def _number(given: Mapping[str, str], name: str, default: int) -> int:
    try:
        return int(given.get(name, default))
    except ValueError:
        raise OperatorError(
            what=f"CANEVAS_{name.upper()} is {given[name]!r}, which is not a whole number",
            where="the environment",
            mend=f"Set CANEVAS_{name.upper()} to a number such as {default}, or unset it.",
        ) from None


def _switch(given: Mapping[str, str], name: str) -> bool:
    said = given.get(name, "off").lower()
    if said not in ("on", "true", "1", "off", "false", "0"):
        raise OperatorError(
            what=f"CANEVAS_{name.upper()} is {given[name]!r}, which is neither on nor off",
            where="the environment",
            mend=f"Set CANEVAS_{name.upper()} to on or off, or unset it.",
        )
    return said in ("on", "true", "1")


def secret_from_environment(name: str) -> str | None:
    """A secret for a run without storage: `anthropic` stands in CANEVAS_SECRET_ANTHROPIC."""
    return os.environ.get(f"CANEVAS_SECRET_{name.upper()}")
