"""One id's share of a read: which kept files serve it, what is missing, and what of that is to be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from duckdb_videsk.lake.edges import Density, errand, whole_days
from duckdb_videsk.ranges import DAY, Range, normalise, subtract, total

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
        pieces: kept files with rows of it.
        gaps: what nothing holds.
        later: what is to be asked for after that, only to be kept.
        given: days whose rows, where they come all the same, are not to be given.
    """

    def __init__(self, shelf: Shelf, wanted: Sequence[Range], held: Sequence[Range]) -> None:
        self.id = shelf.id
        self.held = held
        self.shelf = shelf
        self.wanted = subtract(wanted, held)
        self.all_pieces: list[Piece] = self.shelf.pieces() if self.wanted else []
        self.kept = normalise(piece.days for piece in self.all_pieces)
        self.pieces = [piece for piece in self.all_pieces if piece.rows and self._wants(piece)]
        self.gaps = subtract(self.wanted, self.kept)
        self.later: tuple[Range, ...] = ()
        self.given: tuple[Range, ...] = ()

    def read_all_from_api(self, ranges: Sequence[Range]) -> None:
        """Ask for all of `ranges` as if nothing were kept; what was given, or is by somebody else, is left out."""
        self.gaps, self.later = tuple(ranges), ()
        self.given = normalise([*self.held, *self.kept])

    def forget_kept(self) -> None:
        """Do without the kept files."""
        self.all_pieces, self.pieces, self.kept = [], [], ()

    def miss(self, piece: Piece) -> None:
        """A piece cannot be read after all."""
        self.all_pieces.remove(piece)
        self.kept = normalise(other.days for other in self.all_pieces)
        self.gaps = subtract(self.wanted, self.kept)

    def density(self, cap: int) -> Density | None:
        """What the kept days tell."""
        pieces = [piece for piece in self.all_pieces if piece.rows]
        if not pieces or not cap:
            return None
        days = total(piece.days for piece in pieces) / DAY
        return Density(sum(piece.rows for piece in pieces) / days, cap)

    def plan(self, settled_until: int, cap: int) -> None:
        """Decide what to ask for beside the gaps."""
        taken = [*self.kept, *self.held]
        decided = errand(self.gaps, settled_until=settled_until, taken=taken, density=self.density(cap))
        self.gaps, self.later = decided.now, decided.later

    def days_to_keep(self, settled_until: int) -> tuple[Range, ...]:
        """Whole days that will have been read and are not kept yet."""
        read = whole_days([*normalise([*self.gaps, *self.later])], settled_until=settled_until)
        return subtract(read, [*self.kept, *self.held])

    def _wants(self, piece: Piece) -> bool:
        return any(piece.days.intersect(span).length for span in self.wanted)
