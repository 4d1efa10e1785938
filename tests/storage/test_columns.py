"""Any text and any JSON comes back from a column as it was; ids sort by age."""

import re
import time
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete, select
from sqlmodel import col

from runtime.storage.database import Database
from runtime.storage.ids import new_id
from runtime.storage.tables import SettingRow
from tests.storage.samples import NASTY

# Lone surrogates and NUL among them, and what looks like our own escape.
ANY_TEXT = st.text(st.characters() | st.sampled_from("\x00\x01\ud83d\\0123abc")) | st.just(NASTY)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(key=ANY_TEXT, value=ANY_JSON)
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_text_and_json_come_back(database: Database, key: str, value: Any) -> None:
    mine = col(SettingRow.key) == key
    async with database.writing("w1") as scope:
        await scope.put(SettingRow, {"key": key, "value": value})
        found = await scope.rows(select(col(SettingRow.key), col(SettingRow.value)).where(mine))
        assert await scope.change(delete(SettingRow).where(mine)) == 1
    assert [tuple(row) for row in found] == [(key, value)]


def test_ids_are_short_sortable_and_plain() -> None:
    made = []
    for _ in range(50):
        made.append(new_id())
        time.sleep(0.0015)
    assert made == sorted(made)
    assert all(re.fullmatch(r"[0-9a-hjkmnp-tv-z]{20}", id) for id in made)
    assert len({new_id() for _ in range(50_000)}) == 50_000
