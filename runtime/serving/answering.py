"""`/answer/{token}`: a signed link under which somebody answers one question of one run, once."""

from runtime.errors import ConflictError, NotFoundError
from runtime.interpreter.runs import Runs
from runtime.interpreter.waits import InvalidAnswer, Wait
from runtime.serving.answer_form import POLICY, AnswerForm, Given, value_of
from runtime.serving.calls import Answer, Request
from runtime.serving.intake import content_type, form, read_body
from runtime.serving.links import AnswerLinks, Question
from runtime.serving.refusals import Refusal
from runtime.serving.replies import Header, Reply
from runtime.settings import Settings

_HTML = b"text/html; charset=utf-8"
_METHODS = "GET, HEAD, POST"
_HEADERS: tuple[Header, ...] = (
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),  # the address is what lets somebody answer
    (b"x-frame-options", b"DENY"),
    (b"x-robots-tag", b"noindex"),
    (b"vary", b"accept-language"),
)
_BY = "signed link"  # who answered, as the run records it


class AnswerDesk:
    """Shows what is asked, and takes the answer; nothing else of the run can be seen here."""

    def __init__(self, runs: Runs, links: AnswerLinks, settings: Settings) -> None:
        self._runs, self._links, self._settings = runs, links, settings

    async def answer(self, request: Request, token: str) -> Answer:
        """The page with the form, or what came of filling it in. Raises: Refusal with 400, 405, 413 or 415."""
        if request.method not in ("GET", "HEAD", "POST"):
            allow = [(b"allow", _METHODS.encode())]
            raise Refusal("method-not-allowed", "A link is opened or filled in.", f"Use {_METHODS}.", headers=allow)
        pages = AnswerForm(_language(request))
        question = self._links.read(token)
        wait = await self._wait(question) if question is not None else None
        if question is None or wait is None:
            return _over(pages)
        if request.method != "POST":
            return _page(200, pages.ask(wait))
        given = await self._given(request)
        value = value_of((wait.request or {}).get("schema", {}), given)
        try:
            await self._runs.answer_pause(question.workspace, question.run, question.step, value, _BY)
        except InvalidAnswer as error:
            return _page(422, pages.ask(wait, given, _wrong(error, pages)))
        except (ConflictError, NotFoundError):
            return _over(pages)
        return _page(200, pages.said("Thank you", "Your answer has been taken. You can close this page."))

    async def _wait(self, question: Question) -> Wait | None:
        """What is asked, if it still is."""
        try:
            waits = await self._runs.waits(question.workspace, question.run)
        except NotFoundError:
            return None
        asked = (question.step, question.asked)
        return next((wait for wait in waits if wait.request is not None and (wait.step, wait.asked) == asked), None)

    async def _given(self, request: Request) -> Given:
        body = await read_body(request.receive, request.headers, self._settings.max_body)
        kind, charset = content_type(request.headers.get(b"content-type", b"application/x-www-form-urlencoded"))
        if kind != "form" or not charset:
            raise Refusal("unsupported-body", "The answer is no form.", "Fill in the form of the page.")
        try:
            return form(body.decode(charset))
        except ValueError as error:
            raise Refusal("malformed-body", f"The form cannot be read: {error}.", "Send it in UTF-8.") from None


def _wrong(error: InvalidAnswer, pages: AnswerForm) -> dict[str, str]:
    """What is wrong, by the field of the form that it stands in."""
    found: dict[str, str] = {}
    for each in error.errors:
        name = each.field.split("/")[1].replace("~1", "/").replace("~0", "~") if each.field else ""
        found.setdefault(name, pages.wrong(each.detail))
    return found


def _over(pages: AnswerForm) -> Reply:
    """The same for a question that was answered and for a link that never was one."""
    text = "This question was answered, its time is over, or the address is not whole."
    return _page(410, pages.said("Nothing to answer here", text))


def _page(status: int, html: str) -> Reply:
    return Reply(status, html.encode("utf-8", "replace"), _HTML, _HEADERS)


def _language(request: Request) -> str:
    wanted = request.headers.get(b"accept-language", b"").strip().lower()
    return "fr" if wanted.startswith(b"fr") else "en"
