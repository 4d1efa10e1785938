"""What keeps queued runs waiting for their turn, whoever drives them."""

from collections.abc import Mapping

import msgspec


class Limit(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many runs may go on at once, and how many may start in `per` seconds; None: as many as come."""

    at_once: int | None = None
    starts: int | None = None
    per: float = 60.0


Limits = Mapping[tuple[str, str], Limit]
"""By workspace and what it holds for: `workspace`, `queue:mail`, `deployment:<slug>` or `provider:anthropic`."""

Paused = frozenset[tuple[str, str]]
"""Workspace and slug of the deployments whose runs stay queued."""
