"""What some tests need and not every machine has: they are skipped there, and fail where everything is promised."""

import importlib
import os
import shutil

import pytest

_EVERYTHING = "TESTS_NEED_EVERYTHING"


def program(*names):
    """The path of the first of these programs that is there."""
    for name in names:
        if path := shutil.which(name):
            return path
    return _missing(f"none of the programs {', '.join(names)} is on the PATH")


def module(name):
    """A module of a package that the extra `dev` leaves out for its size."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return _missing(f"the module {name} is not installed")


def _missing(what):
    if os.environ.get(_EVERYTHING):
        pytest.fail(f"{what}, and {_EVERYTHING} is set")
    pytest.skip(what)
