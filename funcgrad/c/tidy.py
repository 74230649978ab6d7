"""The lines of a function without those that change nothing: unread constants, idle comments."""

import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"[A-Za-z_]\w*")
# a constant, a pointer, or an array that is declared
_DEFINED = re.compile(
    r" *(?:const )?\w+(?: complex)? \*?(?:restrict )?(\w+)(?:\[\d+\])?"
    r"(?: = (?:(?!, \w+ = ).)*)?;(?: /\*.*)?$"
)
_STATEMENT = frozenset({"return", "break", "continue", "goto", "else"})


def tidy(lines: Sequence[str]) -> list[str]:
    """Drop definitions that nothing reads, and comments without a statement."""
    return _without_idle_comments(_without_unread(lines))


def _without_unread(lines: Sequence[str]) -> list[str]:
    """Drop the definitions of names that no later line has.

    An expression has no effect; only a definition that is no call of memcpy is looked at.
    """
    words = [() if _is_comment(line) else tuple(_WORD.findall(line)) for line in lines]
    counts = Counter(word for row in words for word in row)
    kept = []
    for line, row in zip(reversed(lines), reversed(words), strict=True):
        found = _DEFINED.match(line) if row and row[0] not in _STATEMENT else None
        if found and counts[found[1]] == 1:
            counts.subtract(row)
        else:
            kept.append(line)
    return kept[::-1]


def _without_idle_comments(lines: Sequence[str]) -> list[str]:
    """Drop comments that another comment or the end of a block follows."""
    kept: list[str] = []
    for line in lines:
        while kept and _is_comment(kept[-1]) and (_is_comment(line) or line.strip() == "}"):
            if _is_comment(line) and _depth(line) > _depth(kept[-1]):
                break
            kept.pop()
        kept.append(line)
    while kept and _is_comment(kept[-1]):
        kept.pop()
    return kept


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("/*")


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
