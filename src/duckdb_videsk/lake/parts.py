"""One id's share of a read: which kept files serve it, what is missing, and what of that is to be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duckdb_videsk.lake.edges import Density, errand, whole_days
from duckdb_videsk.ranges import DAY, EVER, Range, normalise, subtract, total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb_videsk.lake.layout import Piece
    from duckdb_videsk.lake.store import Shelf

__all__ = ["Part"]


class Part:
    """One id's share.

    Attributes:
        held: days that somebody else reads.
        wanted: what is to be given, rows without a time aside.
        settled: the settled days that are kept, wanted or not.
        pieces: kept files with rows of what is wanted, and the shelf of each.
        gaps: what nothing holds.
        later: what is to be asked for after that, only to be kept.
        given: days whose rows, where they come all the same, are not to be given.
    """

    def __init__(self, shelf: Shelf, recent: Shelf, wanted: Sequence[Range], held: Sequence[Range]) -> None:
        """`shelf` holds settled days, `recent` those that are over; `wanted` and `held` are normalised ranges."""
        self.id = shelf.id
        self.held = held
        self.shelf = shelf
        self.recent = recent
        self.wanted = subtract(wanted, held)
        self.settled: list[Piece] = shelf.pieces() if self.wanted else []
        self.pieces = [(shelf, piece) for piece in self.settled if self._wants(piece)]
        self.kept = normalise(piece.days for piece in self.settled)
        fresh = [piece for piece in recent.pieces() if not self._holds_any(piece)] if self.wanted else []
        self.pieces += [(recent, piece) for piece in fresh if self._wants(piece)]
        self.kept = normalise([*self.kept, *(piece.days for piece in fresh)])
        self.gaps = subtract(self.wanted, self.kept)
        self.later: tuple[Range, ...] = ()
        self.given: tuple[Range, ...] = ()

    def read_all_from_api(self, ranges: Sequence[Range]) -> None:
        """Ask for all of `ranges` as if nothing were kept; what was given, or is by somebody else, is left out."""
        self.gaps, self.later = tuple(ranges), ()
        self.given = normalise([*self.held, *self.kept])

    def forget_kept(self) -> None:
        """Do without the kept files."""
        self.settled, self.pieces, self.kept = [], [], ()

    def miss(self, piece: Piece) -> None:
        """A piece cannot be read after all."""
        self.kept = subtract(self.kept, [piece.days])
        self.gaps = subtract(self.wanted, self.kept)

    def density(self, cap: int) -> Density | None:
        """What the kept days tell."""
        pieces = [piece for piece in self.settled if piece.rows]
        if not pieces or not cap:
            return None
        days = total(piece.days for piece in pieces) / DAY
        return Density(sum(piece.rows for piece in pieces) / days, cap)

    def plan(self, settled_until: int, cap: int) -> None:
        """Decide what to ask for beside the gaps."""
        taken = [*self.kept, *self.held]
        decided = errand(self.gaps, settled_until=settled_until, taken=taken, density=self.density(cap))
        self.gaps, self.later = decided.now, decided.later

    def days_to_keep(self, settled_until: int, over_until: int) -> tuple[tuple[Shelf, tuple[Range, ...]], ...]:
        """Whole days that will have been read and are not kept yet, by where they are to be kept."""
        read = normalise([*self.gaps, *self.later])
        settled = whole_days(read, settled_until=settled_until)
        over = subtract(whole_days(read, settled_until=over_until), [Range(EVER.start, settled_until)])
        known = [*self.kept, *self.held]
        found = ((self.shelf, subtract(settled, known)), (self.recent, subtract(over, known)))
        return tuple((shelf, days) for shelf, days in found if days)

    def _wants(self, piece: Piece) -> bool:
        return piece.rows > 0 and any(piece.days.intersect(span).length for span in self.wanted)

    def _holds_any(self, piece: Piece) -> bool:
        return any(piece.days.intersect(span).length for span in (*self.kept, *self.held))
