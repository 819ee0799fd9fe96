import os
import pickle
import traceback
from dataclasses import replace

import pytest

from duckdb_videsk.errors import ConfigError, MissingTokenError
from duckdb_videsk.settings import Settings, Token, load_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("VIDESK_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def write_file(clean):
    def write(text):
        (clean / "videsk").mkdir()
        (clean / "videsk" / "config.toml").write_text(text, "utf-8")

    return write


def test_arguments_win_over_environment_over_file(monkeypatch, write_file):
    write_file('token = "from-file"\nconcurrency = 2\ntimeout_seconds = 5\nforms = ["a", "b"]\n')
    monkeypatch.setenv("VIDESK_CONCURRENCY", "3")
    monkeypatch.setenv("VIDESK_TIMEOUT_SECONDS", "7")
    settings = load_settings(timeout_seconds=9)
    assert (settings.token.reveal(), settings.concurrency, settings.timeout_seconds) == ("from-file", 3, 9.0)
    assert settings.forms == ("a", "b")


def test_ids_from_the_environment_are_comma_separated(monkeypatch):
    monkeypatch.setenv("VIDESK_API_TOKEN", "t")
    monkeypatch.setenv("VIDESK_SURVEYS", "x, y,,x")
    assert load_settings().surveys == ("x", "y")


def test_no_token_says_where_to_put_one():
    with pytest.raises(MissingTokenError, match="VIDESK_API_TOKEN") as caught:
        load_settings()
    assert "videsk demo" in str(caught.value)


def test_a_bearer_prefix_is_not_part_of_the_token():
    assert load_settings(token="Bearer abc ").token.reveal() == "abc"


@pytest.mark.parametrize("token", ["", "with space", "new\nline", "ñ", 5])
def test_a_token_that_cannot_be_sent_is_refused_without_showing_it(token):
    with pytest.raises(ConfigError) as caught:
        load_settings(token=token)
    assert str(token) not in str(caught.value) or token == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("concurrency", 0),
        ("concurrency", "many"),
        ("concurrency", True),
        ("retries", 1.5),
        ("own_keys_only", "perhaps"),
        ("time_zone", "Mars/Olympus"),
        ("auth_header", "Cookie"),
        ("base_url", "http://api.videsk.io"),
        ("base_url", "https://user:secret@api.videsk.io"),
        ("base_url", "ftp://x"),
        ("languages", "de"),
        ("forms", [1]),
        ("no_such_setting", 1),
    ],
)
def test_wrong_settings_are_named(name, value):
    with pytest.raises(ConfigError, match=name):
        load_settings(token="t", **{name: value})


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1",
        "https://api.videsk.io:abc",
        "https://api.videsk.io:99999",
        "https://api.videsk.io:-1",
        "https://api.videsk.io:0",
        "https://a\nb.com",
        "https://exa mple.com",
        "https://:sEcReT@api.videsk.io",
        "https://user:sEcReT@api.videsk.io:abc",
        "https://sEcReT@[::1",
        "https://",
        "https:///exports",
        "https://a..b",
        f"https://{'a' * 70}.com",
        "https://xn--zz.com",
        "https://api%2evidesk.io",
        "https://api.videsk.io\\@other.com",
        "https://api.videsk.io?",
        "https://api.videsk.io/#",
        "api.videsk.io",
    ],
)
def test_an_address_that_could_not_be_used_is_refused_without_showing_it(url):
    with pytest.raises(ConfigError, match="base_url has to look like") as caught:
        load_settings(token="t", base_url=url)
    assert "sEcReT" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "url",
    ["https://api.videsk.io:8443/v2", "https://münchen.example", "http://[::1]:8080", "http://127.0.0.1:443"],
)
def test_addresses_that_can_be_used(url):
    assert load_settings(token="t", base_url=url).base_url == url


def test_unknown_names_in_the_file_are_refused(write_file):
    write_file('token = "t"\nconcurency = 2\n')
    with pytest.raises(ConfigError, match="concurency"):
        load_settings()


def test_a_broken_file_does_not_show_its_content(write_file):
    write_file('token = "sEcReT\n')
    with pytest.raises(ConfigError, match=r"config\.toml") as caught:
        load_settings()
    assert "sEcReT" not in str(caught.value)


def test_a_named_file_has_to_exist(monkeypatch, tmp_path):
    monkeypatch.setenv("VIDESK_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(ConfigError, match=r"none\.toml"):
        load_settings(token="t")


def test_plain_http_to_this_machine_and_header_names_in_any_case():
    settings = load_settings(token="t", base_url="http://127.0.0.1:99/", auth_header="authorization")
    assert settings.base_url == "http://127.0.0.1:99"
    assert settings.auth_header == "Authorization"


def test_the_token_shows_nowhere():
    settings = load_settings(token="sEcReT")
    assert "sEcReT" not in repr(settings) + str(settings.token) + repr(vars(settings))
    with pytest.raises(TypeError):
        pickle.dumps(settings)
    assert Settings(Token("t")).ids("form") == ()


_PASTED = ("auth_header", "time_zone", "unbounded_scans", "base_url", "concurrency", "retries", "lake", "settle_days")


@pytest.mark.parametrize("name", _PASTED)
@pytest.mark.parametrize("value", ["X-API-Token: 0123456789abcdefSECRET", "http://SECRETlettersalone", "99999999999"])
def test_a_token_in_the_wrong_place_is_not_shown(name, value):
    with pytest.raises(ConfigError, match=name) as caught:
        load_settings(token=value.rpartition(" ")[2], **{name: value})
    shown = "".join(traceback.format_exception(caught.value))
    assert not any(part in shown for part in ("SECRET", "secret", "abcdef", "99999999999"))
    assert caught.value.__context__ is None


def test_a_token_for_the_name_of_a_setting_is_not_shown(write_file):
    write_file('0123456789abcdefSECRET = "token"\n')
    with pytest.raises(ConfigError, match="Unknown setting") as caught:
        load_settings()
    assert "SECRET" not in str(caught.value)


def test_settings_made_by_hand_hide_a_token_given_as_text():
    settings = Settings(token="Bearer sEcReT-0123")
    assert "sEcReT" not in repr(settings) + repr(vars(settings))
    assert settings.token.reveal() == "sEcReT-0123"
    assert settings.account == load_settings(token="sEcReT-0123").account
    assert replace(settings, retries=1).token.reveal() == "sEcReT-0123"
    for wrong in ("sEcReT 0123", "", 5, None, Token("sEcReT 0123")):
        with pytest.raises(ConfigError, match="token") as caught:
            Settings(token=wrong)
        assert "sEcReT" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTPS://API.Videsk.io", "https://api.videsk.io"),
        ("https://api.videsk.io:443/", "https://api.videsk.io"),
        ("https://api.videsk.io:/", "https://api.videsk.io"),
        ("https://api.videsk.io:0443", "https://api.videsk.io"),
        ("https://API.videsk.io:8443/V2//", "https://api.videsk.io:8443/V2"),
        ("http://LOCALHOST:80", "http://localhost"),
        ("http://localhost:443", "http://localhost:443"),
        ("HTTP://[::1]:80/x/", "http://[::1]/x"),
    ],
)
def test_one_account_is_one_however_its_address_is_written(url, normal):
    made, by_hand = load_settings(token="t", base_url=url), Settings(Token("t"), base_url=url)
    assert made.base_url == by_hand.base_url == normal
    assert made.account == by_hand.account == load_settings(token="t", base_url=normal).account


def test_an_account_keeps_its_name_since_its_kept_days_stand_under_it():
    assert load_settings(token="t").account == "da2927a08c6f288df6e7"
    assert load_settings(token="t", base_url="https://münchen.example/v2").account == "122ca96601263280e34a"
