"""Where each setting comes from: arguments, then `VIDESK_*` environment variables, then a TOML file."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import platformdirs
import tzlocal

from duckdb_videsk.addresses import check_base_url, one_spelling
from duckdb_videsk.errors import ConfigError, MissingTokenError, redact, without_tokens
from duckdb_videsk.guard import POLICIES, Policy

__all__ = [
    "ALL_TABLES",
    "AUTH_HEADERS",
    "DEFAULT_BASE_URL",
    "Settings",
    "Token",
    "config_file",
    "file_section",
    "found_settings",
    "load_settings",
    "made_settings",
]

DEFAULT_BASE_URL = "https://api.videsk.io"
AUTH_HEADERS = ("X-API-Token", "Authorization")
ALL_TABLES = "*"
"""Stands for every table that `settle_days` does not name."""

_MIB = 1 << 20
_SETTLE_DAYS = 3.0
_MOST_SETTLE_DAYS = 36_500
_SECTIONS = {"accounts", "failing_accounts"}
_LOOK = "To look around without an account: videsk demo"
_LIKE_A_ZONE = re.compile(r"[A-Za-z_]{1,20}(?:/[A-Za-z_]{1,20}){1,2}")


class Token:
    """An API token that shows itself to nobody who does not ask for `reveal()`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Token(<hidden>)"

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a token is not pickled: it would be written down in the clear")


@dataclass(frozen=True)
class Settings:
    """All that a connection can be told.

    Attributes:
        token: the account's API token; a text becomes a `Token`, which does not show itself (`VIDESK_API_TOKEN`).
        base_url: of the API; plain http only to this machine (`VIDESK_BASE_URL`).
        auth_header: the header that carries the token: `X-API-Token`, or `Authorization` for accounts that still
            use it (`VIDESK_AUTH_HEADER`).
        time_zone: IANA name; local days in SQL are this zone's (`VIDESK_TIME_ZONE`; default the machine's).
        forms: ids of the forms to read where a query names none (`VIDESK_FORMS`, comma-separated).
        surveys: the same for surveys (`VIDESK_SURVEYS`).
        languages: more languages for the views: name -> JSON file or `{"key": "label"}` mapping.
        concurrency: requests at once, 1 to 64 (`VIDESK_CONCURRENCY`).
        requests_per_second: the most that start in one second (`VIDESK_REQUESTS_PER_SECOND`).
        timeout_seconds: longest silence of the server before a request is given up (`VIDESK_TIMEOUT_SECONDS`).
        retries: attempts after the first of one request (`VIDESK_RETRIES`).
        max_answer_bytes: largest body taken, after decompression (`VIDESK_MAX_ANSWER_BYTES`).
        in_flight_bytes: bodies and rows held at once, about (`VIDESK_IN_FLIGHT_BYTES`).
        cache_dir: folder for what is kept between runs, or "none" (`VIDESK_CACHE_DIR`; default the platform's): row
            counts and caps for planning, and what `videsk doctor` found; never rows.
        progress: show the progress of long scans on standard error; None: on a terminal and in a notebook only
            (`VIDESK_PROGRESS`).
        unbounded_scans: what to do about a scan that takes more requests than `scan_budget`: "warn", "refuse" or
            "allow"; None: warn, and refuse in connections that are not this package's own
            (`VIDESK_UNBOUNDED_SCANS`).
        scan_budget: requests (`VIDESK_SCAN_BUDGET`).
        max_requests: the most that one query may make; None: any number (`VIDESK_MAX_REQUESTS`).
        implied_ranges: read no more of an export than what a query's conditions on its time imply, also where DuckDB
            does not push them down (`VIDESK_IMPLIED_RANGES`).
        natural_bounds: take for granted that what belongs to a call comes near it in time, and read no more than that
            (`VIDESK_NATURAL_BOUNDS`).
        lake: keep the rows of settled days as Parquet files, and take them from there (`VIDESK_LAKE`).
        lake_dir: folder of those files (`VIDESK_LAKE_DIR`; default in the platform's data folder).
        settle_days: days after which records are taken to change no more; a number, or one by table:
            `{"calls": 1, "tags": 7}` or `"calls=1, tags=7"`, where 3 stays for the others (`VIDESK_SETTLE_DAYS`).
        reuse_minutes: how long days that are over but not settled are taken as they were read last; 0 asks again
            (`VIDESK_REUSE_MINUTES`).
        offline: answer from the lake alone, without a request (`VIDESK_OFFLINE`).
        own_keys_only: send an export only its own documented keys, not all (`VIDESK_OWN_KEYS_ONLY`).
        wide_views: make a view with a column for each question of each of `forms` and `surveys`; their questions are
            asked for when the connection is opened (`VIDESK_WIDE_VIEWS`).
    """

    token: Token
    base_url: str = DEFAULT_BASE_URL
    auth_header: str = AUTH_HEADERS[0]
    time_zone: str = field(default_factory=tzlocal.get_localzone_name)
    forms: tuple[str, ...] = ()
    surveys: tuple[str, ...] = ()
    languages: Mapping[str, Mapping[str, str] | str | Path] = field(default_factory=dict)
    concurrency: int = 8
    requests_per_second: float = 20.0
    timeout_seconds: float = 60.0
    retries: int = 6
    max_answer_bytes: int = 512 * _MIB
    in_flight_bytes: int = 256 * _MIB
    cache_dir: Path | None = field(default_factory=lambda: platformdirs.user_cache_path("videsk"))
    progress: bool | None = None
    unbounded_scans: Policy | None = None
    scan_budget: int = 1_000
    max_requests: int | None = None
    implied_ranges: bool = True
    natural_bounds: bool = False
    lake: bool = True
    lake_dir: Path = field(default_factory=lambda: platformdirs.user_data_path("videsk") / "lake")
    settle_days: Mapping[str, float] = field(default_factory=dict)
    reuse_minutes: float = 0.0
    offline: bool = False
    own_keys_only: bool = False
    wide_views: bool = False

    def __post_init__(self) -> None:
        # Who makes Settings by hand may give a plain text, which would show itself.
        object.__setattr__(self, "token", _coerce("token", self.token))
        check_base_url(self.base_url)
        object.__setattr__(self, "base_url", one_spelling(self.base_url))
        header = {name.lower(): name for name in AUTH_HEADERS}.get(self.auth_header.lower())
        if header is None:
            raise ConfigError(f"auth_header is the name of a header alone, one of {', '.join(AUTH_HEADERS)}.")
        object.__setattr__(self, "auth_header", header)
        if not _is_time_zone(self.time_zone):
            said = f" {self.time_zone!r}" if _LIKE_A_ZONE.fullmatch(self.time_zone) else ""
            raise ConfigError(f"time_zone{said} is no IANA time zone; write one such as 'America/Santiago'.")
        if self.unbounded_scans not in (None, *POLICIES):
            raise ConfigError(f"unbounded_scans has to be one of {', '.join(POLICIES)}.")
        for name, least, most in _BOUNDS:
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                said = redact(str(value), self.token.reveal())
                raise ConfigError(f"{name} is {said}: it has to be from {least} to {most}.")
        if not all(0 <= days <= _MOST_SETTLE_DAYS for days in self.settle_days.values()):
            raise ConfigError(f"settle_days has to be from 0 to {_MOST_SETTLE_DAYS:,}.")
        if self.offline and not self.lake:
            raise ConfigError("offline needs the lake, which is switched off: leave out one of the two settings.")

    @property
    def account(self) -> str:
        """A name for the account in paths: a hash, which tells nothing of the token."""
        return hashlib.sha256(f"{self.base_url}\0{self.token.reveal()}".encode()).hexdigest()[:20]

    def settles_after(self, table: str) -> float:
        """Days after which the records of a table are taken to change no more."""
        return self.settle_days.get(table, self.settle_days.get(ALL_TABLES, _SETTLE_DAYS))

    def ids(self, parameter: str) -> tuple[str, ...]:
        """The configured ids for `form` or `survey`."""
        return self.forms if parameter == "form" else self.surveys


_BOUNDS = (
    ("concurrency", 1, 64),
    ("requests_per_second", 0.01, 10_000),
    ("timeout_seconds", 0.05, 3_600),
    ("retries", 0, 100),
    ("max_answer_bytes", 1_024, 1 << 40),
    ("in_flight_bytes", 1_024, 1 << 40),
    ("scan_budget", 1, 1 << 40),
    ("max_requests", 1, 1 << 40),
    ("reuse_minutes", 0, 10_000),
)


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def config_file() -> Path:
    """The TOML file read: `VIDESK_CONFIG`, or `videsk/config.toml` in the platform's config folder."""
    named = os.environ.get("VIDESK_CONFIG")
    return Path(named) if named else platformdirs.user_config_path("videsk") / "config.toml"


def load_settings(**arguments: Any) -> Settings:
    """Settings from `arguments` (None means not given), then the environment, then the TOML file.

    Raises:
        MissingTokenError: no source has a token.
        ConfigError: a setting is unknown, of the wrong type or out of bounds, or the file cannot be read.
    """
    found = found_settings(arguments)
    if not found.get("token"):
        accounts = file_section("accounts")
        raise MissingTokenError(
            "No API token: pass token=…, set the environment variable VIDESK_API_TOKEN, or write "
            f'token = "…" into {config_file()}. '
            + (f"That file names accounts: choose with accounts=…, of {', '.join(accounts)}." if accounts else _LOOK)
        )
    return made_settings(found)


def found_settings(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What the three sources say, as they say it; raises ConfigError."""
    known = {f.name for f in fields(Settings)}
    given = {name: value for name, value in arguments.items() if value is not None}
    _refuse_unknown(set(given) - known, "argument")
    from_file = {name: value for name, value in _file().items() if name not in _SECTIONS}
    _refuse_unknown(set(from_file) - known, f"setting in {config_file()}:")
    return {**from_file, **_from_environment(known), **given}


def made_settings(found: Mapping[str, Any]) -> Settings:
    """Settings of what was found, a token included; raises ConfigError."""
    return Settings(**{name: _coerce(name, value) for name, value in found.items()})


def file_section(name: str) -> Any:
    """What the TOML file has under this name at its top; None where it has nothing. Raises ConfigError."""
    return _file().get(name)


def _refuse_unknown(names: set[str], where: str) -> None:
    if names:
        known = ", ".join(f.name for f in fields(Settings))
        raise ConfigError(f"Unknown {where} {without_tokens(repr(min(names)))}; settings are: {known}.")


def _from_environment(known: set[str]) -> dict[str, Any]:
    variables = {"token": "VIDESK_API_TOKEN"} | {
        name: f"VIDESK_{name.upper()}" for name in known - {"token", "languages"}
    }
    return {name: os.environ[variable] for name, variable in variables.items() if os.environ.get(variable)}


def _file() -> dict[str, Any]:
    path = config_file()
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if os.environ.get("VIDESK_CONFIG"):
            raise ConfigError(f"VIDESK_CONFIG names {path}, which does not exist.") from None
        return {}
    except (OSError, ValueError, RecursionError):
        # The parser's message quotes the line, which may be the token's.
        raise ConfigError(f"Cannot read {path}: it has to be a TOML file in UTF-8.") from None


def _coerce(name: str, value: Any) -> Any:
    kind = _KINDS.get(name, str)
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        return kind(value)
    # What was suppressed quotes the value, which may be the token in the wrong place.
    raise ConfigError(f"{name} has a value of the wrong type.")


def _token(value: Any) -> Token:
    token = value if isinstance(value, Token) else Token(_string(value).strip().removeprefix("Bearer ").strip())
    text = token.reveal()
    if not text or not text.isascii() or not text.isprintable() or any(c.isspace() for c in text):
        raise ConfigError("The API token is empty or has characters that cannot be in a token.")
    return token


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode()  # halves of characters, which come of an environment that is no UTF-8, can be sent to nobody
    return value


def _folder(value: Any) -> Path | None:
    return None if value == "none" else _path(value)


def _path(value: Any) -> Path:
    path = Path(value)
    if "\0" in _string(str(path)):
        raise ValueError
    return path.expanduser()


def _names(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else list(value)
    return tuple(dict.fromkeys(name for part in parts if (name := _string(part).strip())))


def _whole(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise TypeError
    return int(value)


def _days_by_table(value: Any) -> Mapping[str, float]:
    if isinstance(value, Mapping):
        return {_string(table): float(days) for table, days in value.items()}
    if not isinstance(value, str):
        return {ALL_TABLES: float(value)}
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    return {name.strip() if equals else ALL_TABLES: float(days if equals else name) for name, equals, days in pairs}


_BOOLEANS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if _string(value).lower() not in _BOOLEANS:
        raise ValueError
    return _BOOLEANS[_string(value).lower()]


def _languages(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError
    if not all(isinstance(labels, Mapping | str | Path) for labels in value.values()):
        raise TypeError
    return dict(value)


_KINDS: dict[str, Any] = {
    "token": _token,
    "base_url": _string,
    "forms": _names,
    "surveys": _names,
    "languages": _languages,
    "concurrency": _whole,
    "requests_per_second": float,
    "timeout_seconds": float,
    "retries": _whole,
    "max_answer_bytes": _whole,
    "in_flight_bytes": _whole,
    "cache_dir": _folder,
    "progress": _boolean,
    "unbounded_scans": _string,
    "scan_budget": _whole,
    "max_requests": _whole,
    "implied_ranges": _boolean,
    "natural_bounds": _boolean,
    "lake": _boolean,
    # Whole, since it stands in the text of views, which outlive a change of the working directory.
    "lake_dir": lambda value: _path(value).absolute(),
    "settle_days": _days_by_table,
    "reuse_minutes": float,
    "offline": _boolean,
    "own_keys_only": _boolean,
    "wide_views": _boolean,
    "auth_header": _string,
    "time_zone": _string,
}
