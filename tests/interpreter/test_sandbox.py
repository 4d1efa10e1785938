"""The sandbox: answers, limits, hostile programs, dying workers, and nothing left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import pytest

from runtime.errors import AuthorError, OperatorError
from runtime.graph.expressions import Code, ExpressionFailed, parse
from runtime.interpreter.sandbox import Sandbox

NAMES = {
    "start": {"message": "Bonjour", "items": [{"name": "thé", "price": 3}, {"name": "café", "price": 2}], "n": 4},
    "skipped": None,
}


def code(source: str) -> Code:
    parsed = parse(f"{{{{ {source} }}}}")
    return parsed if isinstance(parsed, Code) else Code(source, source, ())  # a lone name would be a path


@pytest.fixture
async def sandbox():
    made = Sandbox()
    yield made
    await made.close()


async def one(sandbox: Sandbox, source: str, names=NAMES):
    return (await sandbox.evaluate([code(source)], names))[0]


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("start.n * 2", 8),
        ("start.message.upper()", "BONJOUR"),
        ("sum(i.price for i in start.items)", 5),
        ("[i.name for i in start.items if i.price > 2]", ["thé"]),
        ("sorted(start.items, key=lambda i: i.price)[0].name", "café"),
        ("f'{start.n / 3:.2f}'", "1.33"),
        ("{i.name: i.price for i in start.items}", {"thé": 3, "café": 2}),
        ("list(zip([1], ['a']))", [[1, "a"]]),
        ("start.message if start.n > 3 else null", "Bonjour"),
        ("skipped or null", None),
        ("skipped.x if skipped else 'none'", "none"),
        ("start.items[0].get('colour', 'brown')", "brown"),
        ("range(3)", [0, 1, 2]),
        ("', '.join(i.name for i in start.items)", "thé, café"),
        ("'a' in start", False),
        ("'💡'[::-1] + start.message[:3]", "💡Bon"),
        ("{'a': 1}.items()", [["a", 1]]),
        ("[{'a': 1}.keys(), {'a': 1}.values()]", [["a"], [1]]),
    ],
)
async def test_answers(sandbox, source, answer):
    assert await one(sandbox, source) == answer


async def test_a_batch_is_one_feed_in_order(sandbox):
    batch = [code("start.n + 1"), code("f'''a\n{start.n}'''"), code("len(start.items)")]
    assert await sandbox.evaluate(batch, NAMES) == [5, "a\n4", 2]
    assert await sandbox.evaluate([], NAMES) == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("start.mesage + '!'", "`start` has no `mesage`; it has: message, items, n"),
        ("start.items[0].cost * 2", "`start.items[0]` has no `cost`; it has: name, price"),
        ("start.items[9].price * 2", "`start.items` has 2 entries, so there is no entry 9"),
        ("skipped.total + 1", "`skipped` is nothing, because that step was skipped"),
        ("[i.cost for i in start.items]", "An object here has no `cost`; it has: name, price"),
        ("{}['x']", "An object here has no `x`; it has: nothing"),
        ("(lambda o: o['a' + 'b'])({'c d': [1][0]})", "An object here has no `ab`; it has: c d"),
        ("start.message + 1", "The expression failed: TypeError"),
        ("1 / (start.n - 4)", "The expression failed: ZeroDivisionError"),
        ("int(start.message)", "The expression failed: ValueError"),
        ("start.message.shout()", "The expression failed: AttributeError"),
        ("nobody.x + 1", "There is no step `nobody`; there is: start, skipped"),
    ],
)
async def test_errors_name_the_expression_and_what_is_wrong(sandbox, source, message):
    with pytest.raises(AuthorError) as caught:
        await sandbox.evaluate([code("1 + 1"), code(source), code("start.n")], NAMES)
    assert caught.value.what.startswith(message)
    assert caught.value.where == f"{{{{ {source} }}}}"
    assert caught.value.mend


SLOW = "[j for i in range(10**9) for j in []]"


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    ("source", "message"),
    [
        (SLOW, "The expression takes more than 0.5 seconds"),
        ("max(max(range(10**8)) for _ in range(100))", "The expression takes more than 0.5 seconds"),
        ("sum([[0] * 1000 for i in range(100000)], [])", "The expression needs more than 32 MB"),
        ("'a' * 10**9", "The expression needs more than 32 MB"),
        ("(lambda f: f(f))(lambda f: f(f))", "The expression calls itself more than 100 times"),
        ("[i.cost for i in start.items]", "An object here has no `cost`"),
        ("{1, 2}", "The expression gives a set"),
    ],
)
async def test_the_one_of_a_batch_that_fails_is_known(sandbox, source, message, place):
    batch = [code("start.n + 1"), code("f'a {start.n}'"), code("len(start.items)")]
    batch[place] = code(source)
    with pytest.raises(ExpressionFailed) as caught:
        await sandbox.evaluate(batch, NAMES)
    assert caught.value.what.startswith(message)
    assert (caught.value.number, caught.value.where) == (place, f"{{{{ {source} }}}}")


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("{1, 2}", "a set"),
        ("[{1: 2}]", "a number as a key"),
        ("float('nan')", "not finite"),
        ("1e308 * 10", "not finite"),
        ("2 ** 63", "64 bits"),
        ("1j", "not a value"),
        ("b'x'", "not a value"),
        ("...", "not a value"),
        ("len", "not a value"),
    ],
)
async def test_only_json_values_come_back(sandbox, source, word):
    with pytest.raises(AuthorError, match=word):
        await one(sandbox, source)


@pytest.mark.parametrize(
    "source",
    [
        "9**9**9",
        "'a' * 10**9",
        "[0] * 10**8",
        "[x for x in range(10**9)]",
        "any(i < 0 for i in range(10**9))",
        "[j for i in range(10**9) for j in []]",
        "(lambda f: f(f))(lambda f: f(f))",
        "'a b '.replace(' ', 'x' * 10**7)",
        "'a'.ljust(10**9)",
        "f'{1:1000000000}'",
        "'%1000000000d' % 1",
        "'{:1000000000}'.format(1)",
        "-" * 300 + "1",
        "1" + "+1" * 450,
        "open('/etc/passwd').read()",
        "__import__('os').system('id')",
        "getattr(1, '__class__')",
        "eval('1')",
        "exec('1')",
        "().__class__.__bases__",
        "print('x')",
        "input()",
        "globals()",
        "'{0.__class__.__mro__}'.format(1)",
        "max(max(range(10**8)) for _ in range(100))",
        "sum([[0] * 1000 for i in range(100000)], [])",
        "str(10**5000)",
    ],
)
async def test_hostile_programs_are_the_authors_error_and_the_next_call_is_fine(sandbox, source):
    started = time.perf_counter()
    with pytest.raises(AuthorError) as caught:
        await one(sandbox, source)
    assert time.perf_counter() - started < 5
    assert caught.value.mend
    assert await one(sandbox, "1 + 1") == 2


async def test_raw_programs_reach_nothing_even_past_the_parser(sandbox, capfd):
    for program in ("open('/etc/passwd').read()", "__import__('os')", "globals()"):
        with pytest.raises(AuthorError):
            await sandbox.evaluate([Code(program, program, ())], {})
    await sandbox.evaluate([Code("p", "print('leak')", ())], {})
    assert "leak" not in capfd.readouterr().out


async def test_nothing_passes_from_one_batch_to_the_next(sandbox):
    smuggled = Code("s", "[exec('smuggled = 1'), 1]", ())
    await sandbox.evaluate([smuggled], {})
    with pytest.raises(AuthorError, match="smuggled"):
        await sandbox.evaluate([Code("smuggled", "smuggled", ())], {})


async def test_only_the_ports_that_are_read_travel(sandbox):
    names = {"http": {"status": 200, "body": "x" * 60_000_000}}
    assert await one(sandbox, "http.status + 1", names) == 201
    with pytest.raises(AuthorError, match="32 MB"):
        await one(sandbox, "http.body.upper()", names)
    assert await one(sandbox, "1 + 1") == 2


async def test_the_event_loop_goes_on_while_a_program_runs(sandbox):
    await one(sandbox, "1 + 1")
    slow = asyncio.create_task(one(sandbox, SLOW))
    gaps, last = [], time.perf_counter()
    while not slow.done():
        await asyncio.sleep(0.005)
        gaps.append(time.perf_counter() - last)
        last = time.perf_counter()
    with pytest.raises(AuthorError, match="takes more than"):
        await slow
    assert len(gaps) > 10
    assert max(gaps) < 0.45  # blocked for the whole program it would be half a second


async def test_many_at_once_get_their_own_answers(sandbox):
    answers = await asyncio.gather(*(one(sandbox, "start.n * 2", {"start": {"n": n}}) for n in range(100)))
    assert answers == [n * 2 for n in range(100)]


async def test_killed_workers_are_replaced_unseen(sandbox):
    await asyncio.gather(*(one(sandbox, "sum(range(200000))") for _ in range(4)))
    before = workers(os.getpid())
    assert before
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    assert await one(sandbox, "1 + 1") == 2
    assert not set(before) & set(workers(os.getpid()))


async def test_a_worker_that_keeps_dying_is_the_operators_error(sandbox):
    await one(sandbox, "1 + 1")
    slow = asyncio.create_task(sandbox.evaluate([code("1 + 1"), code(SLOW)], NAMES))
    while not slow.done():
        for pid in workers(os.getpid()):
            os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.02)
    with pytest.raises(OperatorError, match="died 3 times") as caught:
        await slow
    assert caught.value.where == f"{{{{ 1 + 1 }}}}, {{{{ {SLOW} }}}}"  # which of them it was cannot be known
    assert await one(sandbox, "1 + 1") == 2


async def test_a_missing_worker_program_is_the_operators_error(sandbox, monkeypatch):
    monkeypatch.setenv("MONTY_BIN", "/nowhere/monty")
    with pytest.raises(OperatorError, match="cannot be started"):
        await one(sandbox, "1 + 1")


async def test_close_leaves_no_process():
    sandbox = Sandbox()
    assert not workers(os.getpid())
    assert await one(sandbox, "1 + 1") == 2
    assert workers(os.getpid())
    await sandbox.close()
    assert not workers(os.getpid())
    await Sandbox().close()


@pytest.mark.parametrize("ending", ["await sandbox.close()", "pass"])
def test_a_process_that_used_it_ends_cleanly(ending):
    script = f"""
import asyncio
from runtime.graph.expressions import parse
from runtime.interpreter.sandbox import Sandbox

async def main():
    sandbox = Sandbox()
    for _ in range(20):
        assert await sandbox.evaluate([parse("{{{{ 1 + 1 }}}}")], {{}}) == [2]
    {ending}

asyncio.run(main())
"""
    for _ in range(5):
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60)
        assert (ended.returncode, ended.stderr) == (0, b"")


def workers(parent: int) -> list[int]:
    """The live worker processes under a process, read from /proc."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                stat = file.read()
        except OSError:
            continue
        command = stat[stat.index("(") + 1 : stat.rindex(")")]
        state, owner = stat[stat.rindex(")") + 1 :].split()[:2]
        if command == "monty" and int(owner) == parent and state != "Z":
            found.append(int(name))
    return found
