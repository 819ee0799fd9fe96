import inspect
import pickle
import re

import pytest

from duckdb_videsk import errors

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)]


def test_the_tree_in_the_docstring_is_the_tree_in_the_code():
    drawn = re.findall(r"(\w+Error)\b", errors.__doc__.split("\n", 1)[1])
    assert sorted(set(drawn)) == sorted(kind.__name__ for kind in CLASSES)


def test_every_error_is_public_and_has_one_root():
    assert {kind.__name__ for kind in CLASSES} <= set(errors.__all__)
    assert all(issubclass(kind, errors.VideskError) for kind in CLASSES)


@pytest.mark.parametrize("kind", CLASSES)
def test_errors_keep_their_context_through_pickle(kind):
    error = kind("It broke.", endpoint="calls", span="a to b", status=503, attempt=2)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert str(copy) == str(error) == "It broke. [endpoint calls, a to b, status 503, attempt 2]"
    assert copy.endpoint == "calls"
    assert copy.status == 503


@pytest.mark.parametrize(
    "text",
    [
        "header Bearer abc.def-123 refused",
        "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.c2ln malformed",
        "token sEcReT-12 in the text",
    ],
)
def test_redact_hides_tokens(text):
    hidden = errors.redact(text, "sEcReT-12")
    assert "<token>" in hidden
    assert not re.search(r"abc\.def|eyJ|sEcReT", hidden)


def test_redact_leaves_words_that_hold_a_secret_too_short_to_be_one():
    assert errors.redact("connection refused", "t", "refused", "") == "connection refused"
