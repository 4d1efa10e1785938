"""The mask: a secret is hidden in every form and at every depth, and nothing else is touched."""

import base64
import json
import time
from urllib.parse import quote, quote_plus, urlencode

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.interpreter.mask import Mask

SECRET = 'p@ss/w+rd é"1'


@pytest.fixture
def mask():
    made = Mask()
    made.add("token", SECRET)
    return made


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"Bearer {SECRET}!",
        f"https://x.example/?q={quote(SECRET)}&r=1",
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="").replace("%C3%A9", "%c3%a9").replace("%2F", "%2f").replace("%2B", "%2b"),
        str(httpx2.URL(f"https://x.example/{SECRET}")),
        str(httpx2.URL(f"https://x.example/?q={SECRET}")),
        str(httpx2.URL("https://x.example/", params={"q": SECRET})),
        urlencode({"key": SECRET}),
        json.dumps({"key": SECRET}),
        json.dumps({"key": SECRET}, ensure_ascii=False),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
        "Basic " + base64.b64encode(f"user:{SECRET}".encode()).decode(),
        "Basic " + base64.b64encode(f"me:{SECRET}:more".encode()).decode(),
        "Basic " + base64.b64encode(f"u:{SECRET}".encode()).decode(),
    ],
)
def test_every_form_is_hidden(mask, text):
    hidden = mask.hide(text)
    assert "•••token" in hidden
    assert not any(part in hidden for part in ("ss/w", "ss%2Fw", "ss%2fw", "c3Mvd"))


def test_any_depth_and_keys_but_other_values_stay(mask):
    value = {"a": [1, None, True, 2.5, {SECRET: f"x{SECRET}"}], "plain": "text"}
    assert mask.hide(value) == {"a": [1, None, True, 2.5, {"•••token": "x•••token"}], "plain": "text"}
    assert value["a"][4] == {SECRET: f"x{SECRET}"}


def test_short_secrets_stay_and_no_secret_costs_nothing():
    mask = Mask()
    value = {"a": ["abc"]}
    assert mask.hide(value) is value
    mask.add("short", "abc")
    mask.add("blank", "   ")
    mask.add("empty", "")
    assert mask.hide(value) is value


def test_the_longer_of_two_secrets_wins_whichever_came_first():
    for names in (("long", "short"), ("short", "long")):
        mask = Mask()
        for name in names:
            mask.add(name, {"long": "secret-and-more", "short": "secret"}[name])
        assert mask.hide("secret-and-more, secret") == "•••long, •••short"


def test_a_secret_read_with_its_line_break_is_hidden_without_it():
    mask = Mask()
    mask.add("file", "sk-12345\n")
    assert mask.hide("Bearer sk-12345") == "Bearer •••file"


def test_a_value_too_deep_to_look_through_is_not_shown(mask):
    value = SECRET
    for _ in range(100_000):
        value = [value]
    assert mask.hide(value) == "•••"


def test_large_texts_are_quick(mask):
    text = base64.b64encode(bytes(range(256)) * 12_000).decode()
    started = time.perf_counter()
    assert mask.hide(text) == text
    assert time.perf_counter() - started < 1


@given(st.text(min_size=4), st.binary(max_size=7), st.binary(max_size=7))
def test_base64_hides_the_secret_wherever_it_starts(secret, before, after):
    mask = Mask()
    mask.add("s", secret)
    raw = secret.encode()
    encoded = base64.b64encode(before + raw + after).decode()
    if len(secret) >= 6 and secret.strip() == secret:
        assert "•••s" in mask.hide(encoded)
