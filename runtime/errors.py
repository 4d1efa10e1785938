"""Errors that say what happened, where, and what to do; the class says who must act."""


class CanevasError(Exception):
    """The root of every error that a person should read.

    what: one sentence, what happened. where: the step, field, file or address. mend: what to do next.
    """

    who = "someone"

    def __init__(self, what: str, where: str = "", mend: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.mend = what, where, mend

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        return f"{self.what}{place}{' ' + self.mend if self.mend else ''}"


class AuthorError(CanevasError):
    """The person who drew the flow must change it: a missing value, a wrong reference, a bad template."""

    who = "author"


class CallerError(CanevasError):
    """Whoever started the run sent something the flow does not take."""

    who = "caller"


class ProviderError(CanevasError):
    """A service outside (a model, an HTTP server) refused, failed or did not answer.

    retry: whether the same call may succeed later without a change.
    """

    who = "provider"

    def __init__(self, what: str, where: str = "", mend: str = "", *, retry: bool = False) -> None:
        super().__init__(what, where, mend)
        self.retry = retry


class OperatorError(CanevasError):
    """Whoever runs this installation must act: a key, a disk, a database, a setting."""

    who = "operator"


class ConflictError(CanevasError):
    """Somebody changed the same thing meanwhile; the newer state is kept until a person chooses."""

    who = "author"


class NotFoundError(CanevasError):
    """No such thing in this workspace."""

    who = "caller"
