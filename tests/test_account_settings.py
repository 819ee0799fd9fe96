"""Where the settings of several accounts come from."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from duckdb_videsk.account_settings import chosen_settings, one_account
from duckdb_videsk.errors import ConfigError, MissingTokenError
from duckdb_videsk.settings import Settings, Token, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

NORTH = '[accounts.north]\ntoken = "tok-of-north"\n'
SOUTH = '[accounts.south]\ntoken = "tok-of-south"\n'


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    def written(text: str) -> Path:
        path = tmp_path / "config.toml"
        path.write_text(text, "utf-8")
        monkeypatch.setenv("VIDESK_CONFIG", str(path))
        return path

    return written


def chosen(accounts: Any = None, failing: Any = None, **arguments: Any) -> Any:
    return chosen_settings(accounts, failing, arguments)


def test_names_of_the_file(write: Callable[[str], Path]) -> None:
    write(
        'requests_per_second = 5\ntime_zone = "America/Santiago"\ntoken = "tok-of-nobody"\n'
        f'{NORTH}base_url = "https://north.example"\nforms = ["a", "b"]\nauth_header = "Authorization"\n'
        f'[accounts."south 2"]\ntoken = "tok-of-south"\nrequests_per_second = 2\nsettle_days = 1\nlake = false\n'
    )
    for named in (["north", "south 2"], "north, south 2", "all"):
        found = chosen(named)
        assert list(found.accounts) == ["north", "south 2"]
        north, south = found.accounts.values()
        assert found.first is north
        assert (north.token.reveal(), south.token.reveal()) == ("tok-of-north", "tok-of-south")
        assert (north.base_url, south.base_url) == ("https://north.example", "https://api.videsk.io")
        assert (north.requests_per_second, south.requests_per_second) == (5, 2)
        assert (north.forms, north.auth_header) == (("a", "b"), "Authorization")
        assert (south.settles_after("calls"), north.settles_after("calls")) == (1, 3)
        assert not south.lake
        assert {north.time_zone, south.time_zone} == {"America/Santiago"}
        assert not found.leaves_out
    assert list(chosen(["south 2"]).accounts) == ["south 2"]


def test_arguments_win_over_an_account_over_the_environment_over_the_file(
    write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(f'forms = ["f"]\n{NORTH}retries = 1\nforms = ["n"]\n{SOUTH}')
    monkeypatch.setenv("VIDESK_API_TOKEN", "tok-of-nobody")
    monkeypatch.setenv("VIDESK_RETRIES", "3")
    monkeypatch.setenv("VIDESK_ACCOUNTS", "all")
    for named in ("all", ["north", "south"], None):
        assert [(s.retries, s.forms) for s in chosen(named).accounts.values()] == [(1, ("n",)), (3, ("f",))]
        told = chosen(named, retries=4, forms="x,y").accounts.values()
        assert [(s.retries, s.forms) for s in told] == [(4, ("x", "y"))] * 2
    # In a mapping, which is an argument, what it says of one goes over what is said of all.
    mapping = {"a": {"token": "tok-a", "retries": 5}, "b": {"token": "tok-b"}}
    assert [s.retries for s in chosen(mapping, retries=4).accounts.values()] == [5, 4]


def test_what_holds_unless_an_account_has_its_own(
    write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(f"{NORTH}lake = false\n{SOUTH}")
    monkeypatch.setenv("VIDESK_LAKE", "false")
    made = chosen_settings("all", None, {}, unless_own={"lake": True})
    assert [s.lake for s in made.accounts.values()] == [False, True]
    assert chosen_settings(None, None, {"token": "tok-a"}, unless_own={"lake": True}).first.lake
    assert not chosen_settings(None, None, {"token": "tok-a", "lake": False}, unless_own={"lake": True}).first.lake


def test_the_token_of_an_account_goes_to_no_other_address(write: Callable[[str], Path]) -> None:
    path = write(f'{NORTH}base_url = "https://north.example"\n{SOUTH}')
    with pytest.raises(
        ConfigError, match=r"^account 'north': base_url is given as an argument.*--base-url"
    ) as raised:
        chosen("all", base_url="https://other.example")
    assert str(path) in str(raised.value)
    assert chosen("south", base_url="https://other.example").first.base_url == "https://other.example"
    assert chosen("north", base_url="https://north.example").first.base_url == "https://north.example"


def test_the_environment_names_accounts(write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    write(f'failing_accounts = "leave_out"\n{NORTH}{SOUTH}')
    monkeypatch.setenv("VIDESK_ACCOUNTS", "south,north")
    assert list(chosen().accounts) == ["south", "north"]
    assert chosen().leaves_out
    assert not chosen(failing="raise").leaves_out
    monkeypatch.setenv("VIDESK_FAILING_ACCOUNTS", "raise")
    assert not chosen().leaves_out
    assert list(chosen("north").accounts) == ["north"]
    # Who gives a token means that account.
    assert chosen(token="tok-of-one").accounts == {}
    with pytest.raises(ConfigError, match="VIDESK_ACCOUNTS is set"):
        one_account("videsk serve")
    monkeypatch.delenv("VIDESK_ACCOUNTS")
    one_account("videsk serve")


def test_without_names_there_is_one_account(write: Callable[[str], Path]) -> None:
    write(f'token = "tok-of-one"\n{NORTH}')
    found = chosen()
    assert (found.first.token.reveal(), found.accounts) == ("tok-of-one", {})
    assert load_settings().token.reveal() == "tok-of-one"
    write(NORTH + SOUTH)
    with pytest.raises(MissingTokenError, match="of north, south"):
        chosen()


def test_a_mapping() -> None:
    found = chosen({"north": {"token": "tok-of-north", "forms": "a, b"}, "south": {"token": Token("tok-of-south")}})
    assert found.accounts["north"].forms == ("a", "b")
    own = Settings(Token("tok-of-north"), time_zone="UTC", retries=2)
    own = replace(own, cache_dir=None)
    found = chosen({"north": own, "south": {"token": "tok-of-south"}}, time_zone="Asia/Tokyo", retries=5)
    assert [s.time_zone for s in found.accounts.values()] == ["Asia/Tokyo"] * 2
    assert [s.retries for s in found.accounts.values()] == [2, 5]
    plain = Settings(token="tok-of-north")  # type: ignore[arg-type]
    assert chosen({"north": plain}).first.token.reveal() == "tok-of-north"


def test_tokens_from_elsewhere(write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = write('[accounts.north]\ntoken_env = "NORTH"\n[accounts.south]\ntoken_file = "south.token"\n')
    file = path.parent / "south.token"
    file.write_text("  tok-of-south\n", "utf-8")
    file.chmod(0o600)
    with pytest.raises(MissingTokenError, match=r"^account 'north': The environment variable NORTH, .*not set"):
        chosen("all")
    monkeypatch.setenv("NORTH", "Bearer tok-of-north")
    assert [s.token.reveal() for s in chosen("all").accounts.values()] == ["tok-of-north", "tok-of-south"]
    if os.name != "nt":
        file.chmod(0o640)
        with pytest.raises(
            ConfigError, match=r"^account 'south': .*south\.token can be read by others.*chmod 600"
        ) as e:
            chosen("all")
        assert "tok-of" not in str(e.value)
    file.unlink()
    with pytest.raises(MissingTokenError, match=r"south\.token, its token_file, does not exist"):
        chosen("all")


def test_tokens_from_the_keyring(write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = pytest.importorskip("keyring", reason="the extra `keyring` is for desktops")
    from keyring.backend import KeyringBackend  # noqa: PLC0415 - an optional package

    class InMemory(KeyringBackend):
        priority = 1

        def get_password(self, service: str, username: str) -> str | None:
            if username == "locked":
                raise RuntimeError("the keyring says tok-of-north aloud")
            return "tok-of-north" if (service, username) == ("videsk/team", "north") else None

        def set_password(self, service: str, username: str, password: str) -> None:
            raise NotImplementedError

    before = keyring.get_keyring()
    keyring.set_keyring(InMemory())
    try:
        write('[accounts.north]\ntoken_keyring = "videsk/team/north"\n')
        assert chosen("all").first.token.reveal() == "tok-of-north"
        for name, said in (
            ("videsk/team/west", "has no password"),
            ("x/locked", "RuntimeError"),
            ("north", "service/user"),
        ):
            with pytest.raises(ConfigError, match=said) as raised:
                chosen({"north": {"token_keyring": name}})
            assert "aloud" not in str(raised.value)
            assert raised.value.account == "north"
    finally:
        keyring.set_keyring(before)
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigError, match=r"pip install 'duckdb-videsk\[keyring\]'"):
        chosen({"north": {"token_keyring": "videsk/north"}})


@pytest.mark.parametrize(
    ("accounts", "said"),
    [
        ({"north": {}}, "account 'north': An account needs one of token, token_env.*has none"),
        ({"north": {"token": "tok-a", "token_env": "X"}}, "has several: token, token_env"),
        ({"north": {"token": Path("t")}}, "account 'north': token has a value of the wrong type"),
        ({"north": {"token": 5}}, "account 'north': token has a value of the wrong type"),
        ({"north": {"token_env": 5}}, "token_env has a value of the wrong type"),
        (
            {"north": {"token": "tok-a", "time_zone": "UTC"}},
            "account 'north': time_zone is the same for all accounts",
        ),
        ({"north": {"token": "tok-a", "tokn": "UTC"}}, "Unknown setting 'tokn'; an account's are: token, "),
        ({"north": {"token": "tok-a", "retries": 1_000}}, "account 'north': retries is 1000"),
        ({"north": "tok-a"}, "is a table or a mapping"),
        ({"a": {"token": "tok-a"}, "b": {"token": "Bearer tok-a"}}, "'a' and 'b' have the same token.*one account"),
        (
            {"a": {"token": "tok-a"}, "b": {"token": "tok-a", "base_url": "https://API.videsk.io:443"}},
            "'a' and 'b' have the same token at the same base_url: they are one account",
        ),
        ({"north": {"token": "tok-a"}, "North": {"token": "tok-b"}}, "'north' and 'North' are one name to SQL"),
        (["north", "east"], r"no \[accounts.east\] in .*: it names north, south"),
        (["north", "north"], "names one account twice"),
        ([], "accounts names none"),
        ({}, "accounts names none"),
        (" , ", "accounts names none"),
        ([5], "accounts has to be names"),
    ],
)
def test_what_is_refused(write: Callable[[str], Path], accounts: Any, said: str) -> None:
    write(NORTH + SOUTH)
    with pytest.raises(ConfigError, match=said) as raised:
        chosen(accounts)
    assert "tok-" not in str(raised.value)


@pytest.mark.parametrize(
    "name",
    ["", " ", "a,b", 'a"b', "a.b", "a;b", "x" * 64, "-a", "main", "System", "temp", "memory", "all", "videsk",
     "VideskX", "es", "EN", "mi", "a\nb", "a'b", 5],
)  # fmt: skip
def test_names_that_are_refused(name: Any) -> None:
    with pytest.raises(ConfigError, match="cannot name an account"):
        chosen({name: {"token": "tok-a"}}, languages={"mi": {"agent": "Ejecutivo"}})


@pytest.mark.parametrize("name", ["a", "Norte Grande", "order", "ñandú-2", "_x", "2", "x" * 63])
def test_names_that_are_taken(name: str) -> None:
    assert list(chosen({name: {"token": "tok-a"}}).accounts) == [name]


def test_the_rest_of_what_is_refused(write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    zones = {name: Settings(Token(f"tok-{name}"), time_zone=f"Etc/GMT+{number}") for number, name in enumerate("ab")}
    two = {"a": {"token": "tok-a"}, "b": {"token": "tok-a", "base_url": "https://other.example"}}
    assert list(chosen(two).accounts) == ["a", "b"]
    for accounts, failing, arguments, said in (
        (two, None, {"token": "tok-c"}, "a token each"),
        (None, "leave_out", {"token": "tok-c"}, "failing_accounts is for several"),
        (two, "ignore", {}, "has to be one of raise, leave_out"),
        (zones, None, {}, "time_zone is the same for all accounts .*, and differs between 'a' and 'b'"),
        ("all", None, {}, "accounts names none"),
        ("north", None, {}, "it names none"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=said):
            chosen_settings(accounts, failing, arguments)  # type: ignore[arg-type]
    for text in ('accounts = ["north"]\n', "accounts = 5\n", '[accounts]\nnorth = "tok-a"\n'):
        write(text)
        with pytest.raises(ConfigError, match="have to be tables") as raised:
            chosen("all")
        assert "tok-a" not in str(raised.value)
    monkeypatch.setenv("VIDESK_FAILING_ACCOUNTS", "whatever")
    with pytest.raises(ConfigError, match="failing_accounts has to be one of raise, leave_out"):
        chosen(two)


@pytest.mark.parametrize(
    "accounts",
    [
        lambda token: [token],
        lambda token: {token: {"token": "tok-of-north"}},
        lambda token: {"north": {token: 1}},
        lambda token: {"north": {"token_env": token}},
        lambda token: {"north": {"token_file": token}},
        lambda token: {"north": {"token_keyring": f"videsk/{token}"}},
    ],
)
@pytest.mark.parametrize(
    "token",
    ["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl", "0123456789abcdefSECRET", "SECRET" * 6],
    ids=["jwt", "hex", "letters"],
)
def test_a_token_where_a_name_belongs_is_not_shown(accounts: Callable[[str], Any], token: str) -> None:
    # With a dot it can be the name of none in a mapping either.
    token = token.replace("SECRET", "SEC.RET") if isinstance(accounts(token), dict) else token
    with pytest.raises(ConfigError, match="<token>") as raised:
        chosen(accounts(token))
    assert not any(part in str(raised.value) for part in ("eyJ", "SEC", "abcdef"))


@pytest.mark.parametrize("named", ["north", "norte-2", "Sucursal Providencia 2", "sucursal-providencia"])
def test_a_name_that_is_no_token_is_shown(named: str) -> None:
    with pytest.raises(ConfigError, match=rf"no \[accounts\.{named}\]"):
        chosen([named])
