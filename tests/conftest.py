"""What every test stands on: no settings of the machine, nothing kept between runs."""

import gc
import os

import pytest

from duckdb_videsk import rewriting


def pytest_collection_finish():
    """Thousands of tests need not be looked through at each collection of garbage: an eighth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _no_settings_of_the_machine(tmp_path_factory):
    for name in [name for name in os.environ if name.startswith("VIDESK_")]:
        del os.environ[name]
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))
    os.environ["VIDESK_CACHE_DIR"] = "none"
    os.environ["VIDESK_LAKE"] = "false"
    os.environ["VIDESK_LAKE_DIR"] = str(tmp_path_factory.mktemp("lake"))


@pytest.fixture(autouse=True, scope="session")
def _no_hurry():
    """What a statement's bounds are may not depend on how busy the machine is."""
    seconds, rewriting._SECONDS = rewriting._SECONDS, 30.0
    yield
    rewriting._SECONDS = seconds
