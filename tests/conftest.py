"""What every test stands on: no settings of the machine, nothing kept between runs."""

import os

import pytest


@pytest.fixture(autouse=True, scope="session")
def _no_settings_of_the_machine(tmp_path_factory):
    for name in [name for name in os.environ if name.startswith("VIDESK_")]:
        del os.environ[name]
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))
    os.environ["VIDESK_CACHE_DIR"] = "none"
    os.environ["VIDESK_LAKE"] = "false"
    os.environ["VIDESK_LAKE_DIR"] = str(tmp_path_factory.mktemp("lake"))
