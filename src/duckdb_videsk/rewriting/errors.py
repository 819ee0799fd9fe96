"""The one way in which the passes give up: what they do not understand is left as it is."""

from __future__ import annotations

__all__ = ["NotUnderstood"]


class NotUnderstood(Exception):  # noqa: N818 - not an error: the statement runs as it was written
    """Something in a statement whose meaning is not certain."""
