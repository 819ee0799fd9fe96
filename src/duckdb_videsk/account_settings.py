"""Where the settings of several accounts come from: names, what each says of its own, and its token."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from duckdb_videsk.errors import ConfigError, MissingTokenError, VideskError, redact, without_tokens
from duckdb_videsk.labels import BUILT_IN
from duckdb_videsk.settings import (
    Settings,
    Token,
    config_file,
    file_section,
    found_settings,
    load_settings,
    made_settings,
)

__all__ = ["ALL", "AccountsGiven", "Chosen", "FailingAccounts", "chosen_settings", "one_account"]

FailingAccounts = Literal["raise", "leave_out"]
AccountsGiven: TypeAlias = str | Sequence[str] | Mapping[str, Settings | Mapping[str, Any]]
ALL = "all"
"""Stands for every account of the settings file."""

_NAME = re.compile(r"\w(?:[\w -]{0,61}\w)?")
_TAKEN = {"main", "system", "temp", "memory", "information_schema", "pg_catalog", ALL, *BUILT_IN}
_OURS = "videsk"
_TOKENS = ("token", "token_env", "token_file", "token_keyring")
_OWN = {
    "base_url",
    "auth_header",
    "forms",
    "surveys",
    "concurrency",
    "requests_per_second",
    "timeout_seconds",
    "retries",
    "max_answer_bytes",
    "in_flight_bytes",
    "lake",
    "lake_dir",
    "settle_days",
    "reuse_minutes",
    "offline",
    "own_keys_only",
}
"""What an account may say of itself; the rest is the connection's."""


@dataclass(frozen=True)
class Chosen:
    """What a connection is opened with.

    Attributes:
        first: the settings of the only account, or of the first.
        accounts: of each by name, where they have names; empty for one without.
        leaves_out: whether accounts that fail when the connection is opened are left out.
    """

    first: Settings
    accounts: Mapping[str, Settings]
    leaves_out: bool = False


def chosen_settings(
    accounts: AccountsGiven | None,
    failing_accounts: str | None,
    arguments: Mapping[str, Any],
    *,
    unless_own: Mapping[str, Any] | None = None,
) -> Chosen:
    """The settings of the accounts that are named; of the one that has no name where none is.

    Args:
        accounts: names of the settings file, `"all"`, or a mapping from names to what each has of its own; None:
            those of `VIDESK_ACCOUNTS`, unless the arguments have a token.
        failing_accounts: "raise" or "leave_out"; None: from the environment or the settings file.
        arguments: what is said of all; None means not given. It goes over what the settings file says of an account,
            and below what a mapping does, which is an argument too.
        unless_own: goes over all but the arguments and what is said of an account.

    Raises:
        MissingTokenError: an account has no token.
        ConfigError: a name, a setting or the file is wrong, two names mean the same account, or the arguments have
            another base_url than the settings file for an account.
    """
    given = {field: value for field, value in arguments.items() if value is not None}
    shared = {**(unless_own or {}), **given}
    if accounts is None and arguments.get("token") is None:
        accounts = os.environ.get("VIDESK_ACCOUNTS") or None
    if accounts is None:
        if failing_accounts is not None:
            raise ConfigError("failing_accounts is for several accounts: name them with accounts=….")
        return Chosen(load_settings(**shared), {})
    if arguments.get("token") is not None:
        raise ConfigError("Several accounts have a token each: leave out token=…, or accounts=….")
    made = {name: _settings(name, own, shared) for name, own in _named(accounts, given).items()}
    _refuse_twins(made)
    _refuse_names(made)
    return Chosen(next(iter(made.values())), made, _leaves_out(failing_accounts))


def one_account(what: str) -> None:
    """Raises ConfigError where the environment names several accounts, for what can show only one."""
    if os.environ.get("VIDESK_ACCOUNTS"):
        raise ConfigError(f"{what} shows one account only so far, and VIDESK_ACCOUNTS is set: unset it for this.")


def _named(accounts: AccountsGiven, given: Mapping[str, Any]) -> dict[str, Settings | Mapping[str, Any]]:
    """What each account has of its own, by name, where the arguments given leave it that."""
    if isinstance(accounts, Mapping):
        found = dict(accounts)
    else:
        section = _section()
        names = list(section) if accounts == ALL else _listed(accounts)
        unknown = [name for name in names if name not in section]
        if unknown:
            known = f"it names {', '.join(section)}" if section else "it names none"
            raise ConfigError(f"There is no [accounts.{without_tokens(unknown[0])}] in {config_file()}: {known}.")
        found = {name: _left_by(given, section[name], name) for name in names}
        if len(found) < len(names):
            raise ConfigError(f"accounts names one account twice: {', '.join(names)}.")
    if not found:
        raise ConfigError(f"accounts names none: give names of {config_file()}, or a mapping.")
    return found


def _section() -> Mapping[str, Any]:
    section = file_section("accounts") or {}
    if not isinstance(section, Mapping) or not all(isinstance(own, Mapping) for own in section.values()):
        raise ConfigError(f"accounts in {config_file()} have to be tables, each as in [accounts.north].")
    return section


def _listed(accounts: str | Sequence[str]) -> list[str]:
    parts = accounts.split(",") if isinstance(accounts, str) else list(accounts)
    if not all(isinstance(part, str) for part in parts):
        raise ConfigError("accounts has to be names, or a mapping from names to settings.")
    return [name for part in parts if (name := part.strip())]


def _settings(name: str, own: Settings | Mapping[str, Any], shared: Mapping[str, Any]) -> Settings:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(
            f"{without_tokens(repr(name))} cannot name an account: a name is letters, digits, '_', '-' and spaces "
            "within, 63 at the most."
        )
    with VideskError.of_account(name):
        if isinstance(own, Settings):
            of_all = {field: value for field, value in shared.items() if field not in _OWN}
            made = made_settings({**of_all, "token": own.token})
            return replace(own, **{field: getattr(made, field) for field in of_all})
        if not isinstance(own, Mapping):
            raise ConfigError("what an account has of its own is a table or a mapping, or Settings.")
        found = {field: value for field, value in found_settings(shared).items() if field != "token"}
        return made_settings({**found, **_own(own), "token": _token(own)})


def _left_by(given: Mapping[str, Any], own: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """What the settings file says of an account and no argument does; the address stays, as the token is for it."""
    if "base_url" in given and own.get("base_url", given["base_url"]) != given["base_url"]:
        with VideskError.of_account(name):
            raise ConfigError(
                f"base_url is given as an argument, and {config_file()} has another, where the account's token "
                "belongs: leave out the argument (--base-url, base_url=…)."
            )
    return {field: value for field, value in own.items() if field not in given.keys() & _OWN}


def _own(own: Mapping[str, Any]) -> dict[str, Any]:
    """What an account says of itself besides its token."""
    others = [field for field in own if field not in _OWN and field not in _TOKENS]
    if others and others[0] in {field.name for field in fields(Settings)}:
        raise ConfigError(
            f"{others[0]} is the same for all accounts of a connection: set it outside of the accounts."
        )
    if others:
        known = ", ".join([*_TOKENS, *sorted(_OWN)])
        raise ConfigError(f"Unknown setting {without_tokens(repr(others[0]))}; an account's are: {known}.")
    return {field: value for field, value in own.items() if field in _OWN and value is not None}


def _token(own: Mapping[str, Any]) -> str | Token:
    given = [kind for kind in _TOKENS if own.get(kind) is not None]
    if len(given) != 1:
        which = f"has several: {', '.join(given)}" if given else "has none"
        raise MissingTokenError(f"An account needs one of {', '.join(_TOKENS)}; this one {which}.")
    value = own[given[0]]
    if given[0] == "token":
        if isinstance(value, str | Token):
            return value
    elif isinstance(value, str | os.PathLike):
        return _READERS[given[0]](str(value))
    raise ConfigError(f"{given[0]} has a value of the wrong type.")


def _from_environment(variable: str) -> str:
    token = os.environ.get(variable)
    if not token:
        raise MissingTokenError(f"The environment variable {without_tokens(variable)}, its token_env, is not set.")
    return token


def _from_file(named: str) -> str:
    path = Path(named).expanduser()
    shown = redact(str(path))
    if not path.is_absolute():
        # What is relative is meant from where the settings are.
        path, shown = config_file().parent / path, str(config_file().parent / without_tokens(named))
    try:
        if os.name != "nt" and path.stat().st_mode & 0o077:
            raise ConfigError(f"{path} can be read by others, so its token is not used: chmod 600 {path}")
        return path.read_text("utf-8").strip()
    except FileNotFoundError:
        raise MissingTokenError(f"{shown}, its token_file, does not exist.") from None
    except (OSError, ValueError):
        raise ConfigError(f"Cannot read {shown}, its token_file.") from None


def _from_keyring(named: str) -> str:
    service, slash, user = named.rpartition("/")
    if not slash or not service or not user:
        raise ConfigError("token_keyring is written service/user, as in token_keyring = 'videsk/north'.")
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        raise ConfigError("token_keyring needs the package keyring: pip install 'duckdb-videsk[keyring]'") from None
    try:
        token = keyring.get_password(service, user)
    except Exception as error:  # noqa: BLE001 - each keyring fails in its own way
        raise ConfigError(
            f"The keyring gave no password for {without_tokens(named)}: {type(error).__name__}."
        ) from None
    if not token:
        raise MissingTokenError(f"The keyring has no password for {without_tokens(named)}, its token_keyring.")
    return str(token)


_READERS = {"token_env": _from_environment, "token_file": _from_file, "token_keyring": _from_keyring}


def _refuse_names(made: Mapping[str, Settings]) -> None:
    """Names that could be taken for something else in SQL."""
    seen: dict[str, str] = {}
    languages = {language.casefold() for settings in made.values() for language in settings.languages}
    for name in made:
        folded = name.casefold()
        if folded in _TAKEN | languages or folded.startswith(_OURS):
            raise ConfigError(f"{name!r} cannot name an account, since SQL takes it for something else.")
        if folded in seen:
            raise ConfigError(f"{seen[folded]!r} and {name!r} are one name to SQL: give one of the accounts another.")
        seen[folded] = name


def _refuse_twins(made: Mapping[str, Settings]) -> None:
    """One account under two names would have its limits twice and its rows twice; and what is shared has to agree."""
    known: dict[str, str] = {}
    first_name, first = next(iter(made.items()))
    for name, settings in made.items():
        other = known.setdefault(settings.account, name)
        if other != name:
            raise ConfigError(
                f"{other!r} and {name!r} have the same token at the same base_url: they are one account."
            )
        for field in fields(Settings):
            shared = field.name not in _OWN and field.name != "token"
            if shared and getattr(settings, field.name) != getattr(first, field.name):
                raise ConfigError(
                    f"{field.name} is the same for all accounts of a connection, and differs between "
                    f"{first_name!r} and {name!r}."
                )


def _leaves_out(given: str | None) -> bool:
    said = given or os.environ.get("VIDESK_FAILING_ACCOUNTS") or file_section("failing_accounts") or "raise"
    if said not in get_args(FailingAccounts):
        raise ConfigError(f"failing_accounts has to be one of {', '.join(get_args(FailingAccounts))}.")
    return said == "leave_out"
