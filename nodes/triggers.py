"""Starts: how a run begins, and what it is given."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypedDict

from pydantic import Field, field_validator

from nodes.times import SECONDS, Unit, moment
from runtime.errors import CallerError
from runtime.graph.fields import InputField, InputFields, object_schema
from runtime.graph.node import Context, Node, Port
from runtime.graph.schedule import Missed, Rule, read_cron, read_zone
from runtime.graph.values import Kind


class ApiStart(Node, label="API start", group="trigger", icon="play", trigger="api", untrusted=True):
    """Starts a run with typed inputs, from the preview, the API or the command line. Each input becomes a port."""

    fields: InputFields = Field(
        [InputField(name="text")],
        title="Inputs",
        description="What a caller sends. An input that is not required is null when it is left out.",
    )

    def outputs(self) -> tuple[Port, ...]:
        return tuple(
            Port(field.name, Kind(field.type), help=field.description, nullable=not field.required)
            for field in self.fields
        )

    def accepts(self) -> dict[str, Any]:
        return object_schema(self.fields)

    def summary(self) -> str:
        return ", ".join(field.name for field in self.fields)

    async def run(self, context: Context) -> dict[str, Any]:
        return {field.name: context.input.get(field.name) for field in self.fields}


class Turn(TypedDict):
    """What a chat gives: the new message and what was said before."""

    message: Annotated[str, "What the person just wrote."]
    history: Annotated[list[dict[str, str]], "The turns before it, oldest first: a role and a text each."]
    session: Annotated[str, "The conversation's id; empty when the chat does not send one."]


class ChatStart(Node, label="Chat start", group="trigger", icon="message-circle", trigger="chat", untrusted=True):
    """Starts a run with each message that a person writes in a chat."""

    def accepts(self) -> dict[str, Any]:
        role = {"type": "string", "enum": ["user", "assistant"]}
        return {
            "type": "object",
            "properties": {
                "message": {"type": "string", "description": "What the person just wrote."},
                "history": {
                    "type": "array",
                    "description": "The turns before it, oldest first.",
                    "items": {
                        "type": "object",
                        "properties": {"role": role, "text": {"type": "string"}},
                        "required": ["role", "text"],
                        "additionalProperties": False,
                    },
                },
                "session": {"type": "string", "description": "The conversation's id."},
            },
            "required": ["message"],
            "additionalProperties": False,
        }

    async def run(self, context: Context) -> Turn:
        given = context.input
        return Turn(message=given["message"], history=given.get("history", []), session=given.get("session", ""))


class Delivery(TypedDict):
    """One call of a webhook."""

    body: Annotated[Any, "What was sent: parsed when it is JSON or a form, else a text."]
    headers: Annotated[dict[str, str], "The request's headers, names in small letters."]
    query: Annotated[dict[str, str], "The parameters of the address."]
    method: Annotated[str, "GET, POST and so on."]


class WebhookStart(Node, label="Webhook start", group="trigger", icon="webhook", trigger="webhook", untrusted=True):
    """Starts a run when another service calls the flow's address."""

    def accepts(self) -> dict[str, Any]:
        named_texts = {"type": "object", "additionalProperties": {"type": "string"}}
        return {
            "type": "object",
            "properties": {
                "body": {"description": "What was sent: any JSON value."},
                "headers": {**named_texts, "description": "The request's headers, names in small letters."},
                "query": {**named_texts, "description": "The parameters of the address."},
                "method": {"type": "string", "description": "GET, POST and so on."},
            },
            "required": [],
            "additionalProperties": False,
        }

    async def run(self, context: Context) -> Delivery:
        given = context.input
        return Delivery(
            body=given.get("body"),
            headers=given.get("headers", {}),
            query=given.get("query", {}),
            method=given.get("method", "POST"),
        )


class Tick(TypedDict):
    """One time that a schedule came."""

    at: Annotated[str, "When it came, as ISO 8601 with its zone."]
    late: Annotated[float, "How many seconds later the run began."]
    previous: Annotated[str | None, "When it came before that; with `at`, the time that this run is about."]


Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class ScheduleStart(Node, label="Schedule start", group="trigger", icon="calendar-clock", trigger="schedule"):
    """Starts a run by itself, again and again, once the flow is deployed."""

    repeats: Literal["interval", "day", "week", "cron"] = Field(
        "day",
        title="Repeats",
        description="interval: every so often. day, week: at a time of the day. cron: by the line below.",
    )
    time: str = Field(
        "09:00", title="Time of day", description="For day, week, and an interval of days; 24 hours, such as 17:30."
    )
    weekdays: list[Weekday] = Field(
        ["monday"], min_length=1, title="Days of the week", description="For week: monday, tuesday and so on."
    )
    every: int = Field(15, ge=1, le=100_000, title="Interval", description="From one start to the next.")
    unit: Unit = Field("minutes", title="Unit", description="Of the interval.")
    cron: str = Field(
        "0 9 * * 1-5",
        title="Cron line",
        description="For cron: minute, hour, day, month and weekday; or @hourly, @daily, @weekly, @monthly, @yearly.",
    )
    zone: str = Field("UTC", title="Time zone", description="Such as Europe/Paris; it knows when clocks change.")
    missed: Missed = Field(
        "latest",
        title="Missed starts",
        description="When nothing ran at the time: latest makes up for the last one, all for each, none for none.",
    )

    @field_validator("time")
    @classmethod
    def _is_a_time(cls, time: str) -> str:
        _minutes(time)
        return time

    @field_validator("cron")
    @classmethod
    def _is_a_line(cls, cron: str) -> str:
        read_cron(cron)
        return cron

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, zone: str) -> str:
        return read_zone(zone)

    def schedule(self) -> Rule:
        hour, minute = divmod(_minutes(self.time), 60)
        if self.repeats == "cron":
            return Rule(cron=read_cron(self.cron), zone=self.zone, missed=self.missed)
        if self.repeats == "week":
            days = ",".join(day[:3].upper() for day in self.weekdays)
            return Rule(cron=f"{minute} {hour} * * {days}", zone=self.zone, missed=self.missed)
        if self.repeats == "day":
            return Rule(cron=f"{minute} {hour} * * *", zone=self.zone, missed=self.missed)
        if self.unit == "days":
            start = f"2001-01-01T{hour:02}:{minute:02}"
            return Rule(days=self.every, start=start, zone=self.zone, missed=self.missed)
        return Rule(seconds=self.every * SECONDS[self.unit], zone=self.zone, missed=self.missed)

    def accepts(self) -> dict[str, Any]:
        at = {"type": "string", "description": "When it came, as ISO 8601; now, when it is left out."}
        return {"type": "object", "properties": {"at": at}, "required": [], "additionalProperties": False}

    def summary(self) -> str:
        time = self.time.strip()
        said = {
            "interval": f"every {self.every} {self.unit}" + (f", {time}" if self.unit == "days" else ""),
            "day": time,
            "week": f"{', '.join(day[:3] for day in self.weekdays)} {time}",
            "cron": " ".join(self.cron.split()),
        }
        return said[self.repeats]

    async def run(self, context: Context) -> Tick:
        rule, now, given = self.schedule(), context.now(), context.input.get("at")
        try:
            at = moment(given) if given else float(int(now))
            before = rule.before(at)
            previous = None if before is None else rule.written(before)
            return Tick(at=rule.written(at), late=round(max(now - at, 0.0), 3), previous=previous)
        except (ValueError, OverflowError):  # the second: in a year that no calendar has
            raise CallerError("The input `at` is no moment", mend="Write one such as 2027-01-31T09:00+01:00.") from None


def _minutes(time: str) -> int:
    """The minutes since midnight of a time such as 17:30. Raises: ValueError."""
    try:
        read = datetime.strptime(time.strip(), "%H:%M").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("this is no time of the day; write one such as 17:30") from None
    return read.hour * 60 + read.minute
