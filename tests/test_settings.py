"""What an operator sets, by the environment and by the command line."""

from pathlib import Path

import pytest

from runtime.errors import OperatorError
from runtime.settings import Settings


def test_the_weights_lie_in_the_home_that_the_command_line_names(tmp_path: Path) -> None:
    settings = Settings.from_environment({"CANEVAS_HOME": "/elsewhere"}, home=tmp_path)
    assert settings.home == tmp_path
    assert settings.weights == tmp_path / "weights"


def test_weights_that_were_named_stay_where_they_are_whatever_home_is(tmp_path: Path) -> None:
    usual = Settings.from_environment({}).weights
    assert Settings.from_environment({"CANEVAS_WEIGHTS": str(usual)}, home=tmp_path).weights == usual


def test_the_command_line_counts_more_than_the_environment() -> None:
    settings = Settings.from_environment({"CANEVAS_PORT": "1", "CANEVAS_HOST": "::1"}, port=2, host=None)
    assert (settings.port, settings.host) == (2, "::1")


def test_a_port_that_is_no_number_is_refused() -> None:
    with pytest.raises(OperatorError, match="CANEVAS_PORT is 'many'"):
        Settings.from_environment({"CANEVAS_PORT": "many"})


def test_a_relay_is_set_by_its_address() -> None:
    assert Settings.from_environment({"CANEVAS_RELAY_URL": "nats://host:4222"}).relay_url == "nats://host:4222"
    assert Settings.from_environment({}).relay_url == ""


def test_temporal_is_set_by_its_address_and_tls_is_on_or_off() -> None:
    usual = Settings.from_environment({})
    assert (usual.temporal_url, usual.temporal_namespace, usual.temporal_tls) == ("", "default", False)
    given = {"CANEVAS_TEMPORAL_URL": "temporal:7233", "CANEVAS_TEMPORAL_TLS": "on", "CANEVAS_TEMPORAL_API_KEY": "k3y"}
    settings = Settings.from_environment(given)
    assert (settings.temporal_url, settings.temporal_tls) == ("temporal:7233", True)
    assert "k3y" not in repr(settings)
    with pytest.raises(OperatorError, match="CANEVAS_TEMPORAL_TLS is 'perhaps'"):
        Settings.from_environment({"CANEVAS_TEMPORAL_TLS": "perhaps"})
