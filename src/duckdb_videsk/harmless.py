"""Text from elsewhere made fit for a terminal, a log or an error: nothing in it can move the cursor or start a line.

Values in tables and files stay as they came; this is for what people look at.
"""

from __future__ import annotations

__all__ = ["harmless", "one_line"]

_PICTURES = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
# More control characters, line separators, halves of pairs, and what turns the direction of a whole line.
_UNSHOWN = [range(0x80, 0xA0), range(0x2028, 0x202F), range(0x2066, 0x206A), range(0xD800, 0xE000)]
_REPLACED = _PICTURES | {code: 0xFFFD for codes in _UNSHOWN for code in codes}
_IN_LINES = {code: other for code, other in _REPLACED.items() if chr(code) not in "\n\t"}


def harmless(text: str) -> str:
    """`text` with a visible sign for each control character but tab and line feed."""
    return text if text.isprintable() else text.translate(_IN_LINES)


def one_line(text: str, most: int = 2_000) -> str:
    """`text` in one line of at most so many characters; white space becomes a blank, control characters visible."""
    # More than this is never looked at, so that megabytes cost nothing.
    line = " ".join(text[: 4 * most].split()).translate(_REPLACED)
    return line if len(line) <= most and len(text) <= 4 * most else f"{line[: most - 1]}…"
