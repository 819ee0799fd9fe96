"""What undoes the packing of an answer, in pieces of bounded size, so that a bomb can be dropped half-way."""

from __future__ import annotations

import importlib
import zlib
from functools import cache
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["PIECE", "Plain", "Unpacker", "unpackers", "unpackers_taken"]

PIECE = 1 << 20
"""Bytes that one piece of gzip has at the most."""

_ZSTD_SLICE = 256
_ZSTD_WINDOW = 8 << 20


class Unpacker(Protocol):
    """What undoes one content encoding.

    Attributes:
        name: of the encoding.
        faults: what `feed` raises for a broken stream.
    """

    name: str
    faults: tuple[type[Exception], ...]

    @property
    def whole(self) -> bool:
        """Whether the stream may end here."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The next bytes unpacked, in pieces whose size is bounded whatever was packed; raises one of `faults`."""


class Plain:
    name = "identity"
    faults: tuple[type[Exception], ...] = ()
    whole = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data


class _Gzip:
    name = "gzip"
    faults: tuple[type[Exception], ...] = (zlib.error,)

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)
        self._begun = False

    @property
    def whole(self) -> bool:
        return self._member.eof or not self._begun

    def feed(self, data: bytes) -> Iterator[bytes]:
        held_back = False
        while data or held_back:
            if self._member.eof:
                self._member = zlib.decompressobj(wbits=31)
            self._begun = True
            piece = self._member.decompress(data, PIECE)
            data = self._member.unused_data or self._member.unconsumed_tail
            held_back = len(piece) == PIECE and not self._member.eof
            yield piece


class _Zstd:
    """A few bytes can stand for 128 KiB, and nothing bounds what they unpack to: so they are fed in few."""

    name = "zstd"

    def __init__(self) -> None:
        zstandard = importlib.import_module("zstandard")
        self.faults: tuple[type[Exception], ...] = (zstandard.ZstdError,)
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._frame = self._decompressor.decompressobj()
        self._begun = False

    @property
    def whole(self) -> bool:
        return bool(self._frame.eof) or not self._begun

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_SLICE):
            rest = data[start : start + _ZSTD_SLICE]
            while rest:
                if self._frame.eof:
                    self._frame = self._decompressor.decompressobj()
                self._begun = True
                yield self._frame.decompress(rest)
                rest = self._frame.unused_data


@cache
def unpackers() -> dict[str, Callable[[], Unpacker]]:
    """By encoding, what this installation can unpack."""
    try:
        importlib.import_module("zstandard")
    except ImportError:
        return {"gzip": _Gzip}
    return {"gzip": _Gzip, "zstd": _Zstd}


def unpackers_taken() -> Mapping[str, Callable[[], Unpacker]]:
    """The same, with a name that is never asked for and means one of them."""
    return {"x-gzip": _Gzip, **unpackers()}
