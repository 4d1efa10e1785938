"""Settings in Reflex. The value of a secret passes through a handler and is kept in no state."""

import reflex as rx

from builder.guard import backend, person
from builder.notices import Notices
from builder.settings.lines import (
    ANTHROPIC,
    ModelLine,
    SecretLine,
    anthropic_since,
    model_lines,
    secret_errors,
    secret_lines,
)
from runtime.errors import CanevasError


class SettingsPage(rx.State):
    """Secrets by name and what the operator has set.

    anthropic: when the key was set, epoch seconds, 0 for not. entering: the secret whose value is being typed, `new`
    for one that has no name yet, empty when the dialog is closed. leaving: the secret about to be deleted.
    """

    loaded: bool = False
    secrets: list[SecretLine] = []
    anthropic: float = 0.0
    models: list[ModelLine] = []
    fetching: bool = False
    allowed_hosts: list[str] = []
    master_key: str = ""
    entering: str = ""
    name_error: str = ""
    value_error: str = ""
    leaving: str = ""

    @rx.event
    async def load(self) -> None:
        """Show everything as it is now."""
        who, back = await person(), backend()
        try:
            entries = await back.secrets(who)
        except CanevasError as error:
            (await self.get_state(Notices))._tell(error)
            return
        self.secrets, self.anthropic = secret_lines(entries), anthropic_since(entries)
        around = back.surroundings(who)
        self.models, self.fetching = model_lines(around), around.fetching
        self.allowed_hosts, self.master_key = list(around.allowed_hosts), around.master_key
        self.loaded = True

    @rx.event
    def enter(self, name: str) -> None:
        """Open the form for a secret; an empty name is one to be chosen."""
        self.entering, self.name_error, self.value_error = name or "new", "", ""

    @rx.event
    def leave_form(self, open: bool) -> None:
        """The form was closed."""
        if not open:
            self.entering = ""

    @rx.event
    async def keep(self, form: dict[str, str]) -> rx.event.EventSpec | None:
        """Keep the secret in the form."""
        who = await person()
        name = form.get("secret-name", self.entering).strip()
        value = form.get("secret-value", "").strip()
        errors = secret_errors(name, value)
        self.name_error, self.value_error = errors.get("name", ""), errors.get("value", "")
        if errors:
            return None
        notices = await self.get_state(Notices)
        try:
            await backend().set_secret(who, name, value)
        except CanevasError as error:
            notices._tell(error)
            return None
        self.entering = ""
        notices._say("The secret “{name}” is kept.", "success", name=name)
        return SettingsPage.load()

    @rx.event
    def ask_delete(self, name: str) -> None:
        """Ask whether a secret shall be deleted."""
        self.leaving = name

    @rx.event
    def leave_delete(self, open: bool) -> None:
        """The question was closed."""
        if not open:
            self.leaving = ""

    @rx.event
    async def delete(self) -> rx.event.EventSpec:
        """Forget the secret that was asked about."""
        who, name = await person(), self.leaving
        self.leaving = ""
        notices = await self.get_state(Notices)
        try:
            await backend().delete_secret(who, name)
            notices._say("The secret “{name}” was deleted.", name=name)
        except CanevasError as error:
            notices._tell(error)
        return SettingsPage.load()

    @rx.var
    def missing(self) -> bool:
        """Is a built-in model neither there nor on its way?"""
        return any(model["state"] == "missing" for model in self.models)

    @rx.var
    def replaces(self) -> bool:
        """Has the secret in the form a name already?"""
        return self.entering not in ("", "new")

    @rx.var
    def leaves_anthropic(self) -> bool:
        """Is the key for Claude about to be deleted?"""
        return self.leaving == ANTHROPIC
