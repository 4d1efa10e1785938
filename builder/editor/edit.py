"""What every edit is: a small value that changes a flow, and that knows what takes it back."""

from typing import Any

import msgspec
from msgspec import UNSET


class EditBase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="do"):
    """One change of a flow. `place` says where among its like something stands; None is last.

    apply: the changed flow; raises EditError, and then nothing has changed. inverse: what takes the change back,
    from the flow before it.
    """


def what_is_said(edit: EditBase, *names: str) -> dict[str, Any]:
    """Those members of an edit that it says something of, by name."""
    return {name: value for name in names if (value := getattr(edit, name)) is not UNSET}
