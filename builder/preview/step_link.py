"""The way to the step that an error is about, as a link before what it says."""

from typing import Any

import reflex as rx


class _StepLink(rx.NoSSRComponent):
    library = rx.asset("step_link.jsx", shared=True).importable_path
    tag = "StepLink"

    step: rx.Var[str]
    on_go: rx.EventHandler[rx.event.no_args_event_spec]


def step_link(step: rx.Var[str], **props: Any) -> rx.Component:
    """The name of a step of the open flow, with a colon; nothing for an empty id. on_go: somebody went there."""
    return rx.cond(step != "", rx.fragment(_StepLink.create(step=step, **props), ": "))
