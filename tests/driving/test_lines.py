"""Which line a run stands in and which lines a worker serves."""

import pytest

from runtime.driving.lines import line, served
from runtime.errors import OperatorError


def test_a_run_without_a_queue_stands_in_the_default_one() -> None:
    assert line("", ()) == line("default", ()) == "canevas:default"


def test_labels_have_no_order() -> None:
    assert line("night", ["gpu", "eu", "gpu"]) == line("night", ["eu", "gpu"]) == "canevas:night+eu+gpu"


def test_names_that_look_like_labels_are_other_lines() -> None:
    assert len({line("a+b", ()), line("a", ["b"]), line("a%2Bb", ())}) == 3


def test_a_worker_serves_every_subset_of_its_labels_in_every_queue() -> None:
    assert served(["a", "b"], ["gpu", "eu"]) == {
        "canevas:a": "a",
        "canevas:a+eu": "a",
        "canevas:a+gpu": "a",
        "canevas:a+eu+gpu": "a",
        "canevas:b": "b",
        "canevas:b+eu": "b",
        "canevas:b+gpu": "b",
        "canevas:b+eu+gpu": "b",
    }


def test_too_many_labels_are_refused_with_what_to_do() -> None:
    with pytest.raises(OperatorError, match="4 labels") as refusal:
        served(["a"], ["1", "2", "3", "4", "5"])
    assert "second worker" in refusal.value.mend
