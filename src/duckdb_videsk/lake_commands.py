"""The commands that look after the lake: `videsk sync`, `videsk verify` and `videsk forget`."""

from __future__ import annotations

import argparse
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from duckdb_videsk.account_settings import chosen_settings
from duckdb_videsk.arguments import add_accounts
from duckdb_videsk.endpoints import ENDPOINTS, by_table
from duckdb_videsk.errors import ConfigError, LakeError, QueryError, VideskError
from duckdb_videsk.fetch import Engine
from duckdb_videsk.lake import Lake, ReadThrough
from duckdb_videsk.lake.upkeep import Forgotten, compact, forget, forget_piece
from duckdb_videsk.ledger import Ledger
from duckdb_videsk.materialise import materialise
from duckdb_videsk.opening import connect
from duckdb_videsk.output import say
from duckdb_videsk.progress import watcher
from duckdb_videsk.ranges import EVER, Range, as_datetime, micros
from duckdb_videsk.sync import sync
from duckdb_videsk.usage import COMMANDS, moment
from duckdb_videsk.verify import differences
from duckdb_videsk.views import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from duckdb_videsk.account_settings import FailingAccounts
    from duckdb_videsk.endpoints import Endpoint
    from duckdb_videsk.lake.store import Shelf
    from duckdb_videsk.settings import Settings
    from duckdb_videsk.sync import Synced

__all__ = ["add_lake_commands"]

_ABOUT_SYNC = """\
Fetch what is not kept yet of a range, table by table; what is kept already costs no request.

Without --since it goes on from the first day that is kept. Each stretch is kept as soon as it is whole, so the next
run resumes an interrupted one. Records that are not settled yet are not kept. Days of whole months are merged.
"""
_SYNC_EXAMPLES = """\
examples:
  videsk sync --since 2024-01-01
  videsk sync --since 2024-01-01 --tables calls,queues
  videsk sync
  videsk sync --since 2026-01-01 --to contact_centre.duckdb

exit codes: 0 done, 1 days could not be fetched or kept, 2 the command or a setting is wrong, 130 interrupted
"""
_NAMED = 5


def add_lake_commands(commands: Any) -> None:
    """Add them to the parser's sub-commands."""
    _add(
        commands,
        "sync",
        _sync,
        help=COMMANDS["sync"],
        description=_ABOUT_SYNC,
        epilog=_SYNC_EXAMPLES,
    )
    commands.choices["sync"].add_argument(
        "--to",
        metavar="TARGET",
        help="also write the range as tables: a .duckdb file, ducklake:…, or a folder for Parquet files",
    )
    about = "Ask again for kept days, and say which differ from what is kept: by day and column, with how many."
    _add(commands, "verify", _verify, help=COMMANDS["verify"], description=about)
    commands.choices["verify"].add_argument(
        "--forget", action="store_true", help="delete the files that differ, so that their days are fetched again"
    )
    about = "Delete kept days: the files that hold any day of the range. Give at least one option to say which."
    _add(commands, "forget", _forget, help=COMMANDS["forget"], description=about)
    commands.choices["forget"].add_argument(
        "--everything", action="store_true", help="all that is kept of the account"
    )


def _add(commands: Any, name: str, run: Any, **texts: str) -> None:
    parser = commands.add_parser(name, formatter_class=argparse.RawDescriptionHelpFormatter, **texts)
    parser.set_defaults(run=run)
    parser.add_argument("--since", type=moment, metavar="DATE", help="first day, in the time zone of the settings")
    parser.add_argument("--until", type=moment, metavar="DATE", help="the day before which to stop")
    parser.add_argument("--tables", help="comma-separated; default: all whose ids, if they need any, are known")
    parser.add_argument("--forms", help="ids of forms, comma-separated")
    parser.add_argument("--surveys", help="ids of surveys, comma-separated")
    add_accounts(parser)
    parser.add_argument("--base-url", help="of the API, or of a simulator")
    parser.add_argument("--time-zone", help="IANA name whose days the dates mean, as in America/Santiago")


def _said(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "base_url": options.base_url,
        "time_zone": options.time_zone,
        "forms": options.forms,
        "surveys": options.surveys,
    }


def _accounts(options: argparse.Namespace) -> list[tuple[str | None, Settings]]:
    """The settings of each account with its name; None for one that has none."""
    chosen = chosen_settings(options.accounts, None, _said(options), unless_own={"lake": True})
    switched_off = [name for name, settings in chosen.accounts.items() if not settings.lake]
    if switched_off:
        raise ConfigError(f"Of the account {switched_off[0]!r} nothing is kept: its setting lake is false.")
    return list(chosen.accounts.items()) or [(None, chosen.first)]


def _name(account: str | None, shelf: Shelf) -> str:
    """What a line is about."""
    table = shelf.endpoint.table if account is None else f"{written(account)}.{shelf.endpoint.table}"
    return table if shelf.id is None else f"{table} {shelf.id}"


def _instant(given: datetime | None, settings: Settings) -> int | None:
    if given is None:
        return None
    return micros(given if given.tzinfo else given.replace(tzinfo=ZoneInfo(settings.time_zone)))


def _ends(options: argparse.Namespace, settings: Settings) -> tuple[int | None, int | None]:
    """From when, and up to when; None where the options do not say.

    Raises:
        QueryError: there is nothing between.
    """
    since, until = _instant(options.since, settings), _instant(options.until, settings)
    if since is None or until is None or since < until:
        return since, until
    if since == until:
        raise QueryError(
            f"The range holds no day: since {_as_given(options.since)}, and --until is the day before which to stop."
        )
    first, last = _as_given(options.since), _as_given(options.until)
    raise QueryError(f"The range ends before it begins: since {first}, until {last}.")


def _as_given(given: datetime) -> str:
    return given.isoformat(" ").removesuffix(" 00:00:00")


def _endpoints(options: argparse.Namespace, settings: Settings) -> list[Endpoint]:
    """The tables named, or all that can be read."""
    if options.tables is None:
        return [e for e in ENDPOINTS if e.parameter is None or settings.ids(e.parameter)]
    names = [name.strip() for name in options.tables.split(",") if name.strip()]
    unknown = [name for name in names if name not in by_table()]
    if unknown or not names:
        raise QueryError(f"There is no table {', '.join(unknown)}; tables are: {', '.join(by_table())}.")
    for name in names:
        parameter = by_table()[name].parameter
        if parameter and not settings.ids(parameter):
            raise QueryError(f"{name} are kept by id: name those to keep with --{parameter}s, or in the settings.")
    return [by_table()[name] for name in names]


def _shelves(lake: Lake, endpoints: list[Endpoint], ids: Mapping[str, Sequence[str]] | None = None) -> list[Shelf]:
    """The shelves of tables; of ids those given, or those of the settings."""

    def ids_of(endpoint: Endpoint) -> Sequence[str | None]:
        if endpoint.parameter is None:
            return (None,)
        return (ids or {}).get(endpoint.parameter, lake.settings.ids(endpoint.parameter))

    return [lake.shelf(endpoint, asked_id) for endpoint in endpoints for asked_id in ids_of(endpoint)]


def _sync(options: argparse.Namespace) -> None:
    accounts = _accounts(options)
    for _, settings in accounts:
        _ends(options, settings)
    endpoints = {name: _endpoints(options, settings) for name, settings in accounts}
    errors = [error for name, settings in accounts for error in _sync_one(options, name, settings, endpoints[name])]
    if errors:
        raise errors[0]
    if options.to is not None:
        _write_out(options, accounts, [e for e in ENDPOINTS if all(e in known for known in endpoints.values())])


def _sync_one(
    options: argparse.Namespace, account: str | None, settings: Settings, endpoints: list[Endpoint]
) -> list[VideskError]:
    """Fill one account's lake; gives what failed."""
    lake = Lake(settings)
    since, until = _ends(options, settings)
    shelves = _shelves(lake, endpoints)
    source = ReadThrough(lake, Engine(settings, ledger=Ledger(), watch=watcher(settings.progress)))
    errors: list[VideskError] = []
    try:
        with VideskError.of_account(account):
            for shelf, synced in zip(shelves, sync(source, shelves, since=since, until=until), strict=True):
                say(_line(_name(account, shelf), synced))
                errors.extend([synced.error] if synced.error else [])
    finally:
        source.close()
    try:
        alone = compact(lake) is not None
    except OSError as error:
        alone = True
        errors.append(LakeError(f"Kept days could not be merged into months; none is lost: {error}"))
    if not alone:
        say("Another program has the kept days open, so not all were merged into months this time.\n")
    for failure in errors:
        failure.account = account
    return errors


def _line(name: str, synced: Synced) -> str:
    done = f"{synced.records:,} records of {synced.days:,} days fetched"
    if synced.error is not None:
        return f"{name}: {done}, then failed: {synced.error}\n"
    kept = "nothing of the range is settled yet" if synced.span.empty else f"kept until {_date(synced.span.end)}"
    return f"{name}: {done}; {kept}\n"


def _write_out(
    options: argparse.Namespace, accounts: list[tuple[str | None, Settings]], endpoints: list[Endpoint]
) -> None:
    account, settings = accounts[0]
    since, until = _ends(options, settings)
    shelves = [shelf for _, one in accounts for shelf in _shelves(Lake(one), endpoints)]
    first = [shelf.pieces()[0].days.start for shelf in shelves if shelf.pieces()]
    span = Range(min(first, default=EVER.start) if since is None else since, EVER.end if until is None else until)
    if span.empty:
        raise QueryError(
            f"Nothing is kept from before {_as_given(options.until)}, so nothing was written to {options.to}: "
            "say from when with --since."
        )
    # What is written is whole, whatever the settings say of answers that are looked at.
    failing: FailingAccounts | None = None if account is None else "raise"
    with connect(**_said(options), lake=True, accounts=options.accounts, failing_accounts=failing) as connection:
        materialise(connection, options.to, endpoints, span)
    say(f"Written to {options.to}: {', '.join(endpoint.table for endpoint in endpoints)}\n")


def _chosen(options: argparse.Namespace, settings: Settings) -> tuple[list[Shelf], Range]:
    """The shelves and the range that options mean; ids mean their own tables, and without any it is every shelf."""
    lake = Lake(settings)
    since, until = _ends(options, settings)
    span = Range(EVER.start if since is None else since, EVER.end if until is None else until)
    given = {"form": options.forms, "survey": options.surveys}
    # Those of the command line alone, though an account has ids of its own.
    ids = {kind: [one.strip() for one in said.split(",") if one.strip()] for kind, said in given.items() if said}
    if options.tables is not None:
        endpoints = _endpoints(options, settings)
    elif ids:
        endpoints = [endpoint for endpoint in ENDPOINTS if endpoint.parameter in ids]
    else:
        return list(lake.shelves()), span
    return _shelves(lake, endpoints, ids), span


def _verify(options: argparse.Namespace) -> None:
    checked = differing = 0
    forgotten = Forgotten()
    for account, settings in _accounts(options):
        for lines, deleted in _verified(options, account, settings):
            checked += 1
            differing += bool(lines)
            forgotten += deleted
            say("".join(lines))
    done = f", {forgotten.deleted:,} deleted" if options.forget else ""
    say(f"{checked:,} files checked, {differing:,} differ{done}\n")
    _complain_of_what_is_left(forgotten)
    if differing and not options.forget:
        raise LakeError(
            "Kept days differ from what the API gives now: records changed after settle_days. "
            "'videsk verify --forget' deletes those files, so that their days are fetched again."
        )


def _verified(
    options: argparse.Namespace, account: str | None, settings: Settings
) -> Iterator[tuple[list[str], Forgotten]]:
    """What to say of each file of an account's lake, and whether it was deleted for it."""
    shelves, span = _chosen(options, settings)
    engine = Engine(settings, ledger=Ledger(), watch=watcher(settings.progress))
    try:
        for shelf in shelves:
            pieces = [*shelf.pieces(), *shelf.stuck()]
            for piece in [piece for piece in pieces if piece.days.intersect(span).length]:
                with VideskError.of_account(account):
                    lines = list(_compared(engine, _name(account, shelf), shelf, piece))
                yield lines, forget_piece(shelf, piece) if lines and options.forget else Forgotten()
    finally:
        engine.close()


def _compared(engine: Engine, name: str, shelf: Shelf, piece: Any) -> Iterator[str]:
    if not shelf.verified(piece):
        yield f"{name}: {shelf.path(piece).name} was damaged\n"
        return
    for found in differences(engine, shelf, piece):
        yield f"{name} {_date(found.day)}: {found.column} of {found.records:,} records\n"


def _forget(options: argparse.Namespace) -> None:
    given = (options.since, options.until, options.tables, options.forms, options.surveys)
    if not options.everything and not any(given):
        raise QueryError("Say what to forget: --tables, --since, --until, --forms, --surveys or --everything.")
    forgotten = sum((_forgotten(options, settings) for _, settings in _accounts(options)), Forgotten())
    say(f"{forgotten.deleted:,} files deleted\n")
    _complain_of_what_is_left(forgotten)


def _forgotten(options: argparse.Namespace, settings: Settings) -> Forgotten:
    shelves, span = _chosen(options, settings)
    lake = Lake(settings)
    recent = [lake.recent(shelf.endpoint, shelf.id) for shelf in shelves]
    return sum((forget(shelf, span) for shelf in (*shelves, *recent)), Forgotten())


def _complain_of_what_is_left(forgotten: Forgotten) -> None:
    """
    Raises:
        LakeError: rows that were to be deleted are still there.
    """
    if not forgotten.left:
        return
    places = Counter(str(path.parent if path.suffix else path) for path in forgotten.left)
    named = ", ".join(f"{number:,} in {place}" for place, number in places.most_common(_NAMED))
    more = f", and more in {len(places) - _NAMED:,} other folders" if len(places) > _NAMED else ""
    why = sorted({error.strerror or str(error) for error in forgotten.left.values()})
    raise LakeError(
        f"{len(forgotten.left):,} files or folders of kept days could not be deleted, so their rows are still there: "
        f"{named}{more} ({'; '.join(why)}). See to it that you may write there and that no program has them open, "
        "and run it again."
    )


def _date(instant: int) -> str:
    return as_datetime(instant).astimezone(UTC).date().isoformat()
