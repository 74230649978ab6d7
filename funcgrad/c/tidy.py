"""The lines of a function without those that change nothing: unread constants, idle comments."""

import re
import textwrap
from collections import Counter
from collections.abc import Sequence

from .literals import WIDTH

_WORD = re.compile(r"[A-Za-z_]\w*")
# a constant, a pointer, or an array that is declared
_DEFINED = re.compile(
    r" *(?:const )?\w+(?: complex)? \*?(?:restrict )?(\w+)(?:\[\d+\])?"
    r"(?: = (?:(?!, \w+ = ).)*)?;(?: /\*.*)?$"
)
_CONSTANT = re.compile(r" *const (\w+(?: complex)?) (\w+) = ")
_ALIAS = re.compile(r" *const (\w+(?: complex)?) (t(?:_\d+)*) = (\w+);$")  # no user's name
_VARIABLE = re.compile(
    r" *(?:bool|float|double|u?int\d+_t)(?: complex)? (\w+)(?:\[\d+\])?"
    r"(?: = (?:(?!, \w+ = ).)*)?;(?: /\*.*)?$"
)
_SET = re.compile(r" *(\w+)(?:\[[^\]]*\])? = .*;$")
_STATEMENT = frozenset({"return", "break", "continue", "goto", "else"})


def tidy(lines: Sequence[str]) -> list[str]:
    """Drop aliases, definitions that nothing reads, and comments without a statement."""
    kept = _without_unread(_without_aliases(lines))
    while len(fewer := _without_unread(_without_set(kept))) < len(kept):
        kept = fewer
    return [part for line in _without_idle_comments(kept) for part in _wrapped(line)]


def _without_aliases(lines: Sequence[str]) -> list[str]:
    """Name a constant that equals another one by that."""
    constants: dict[str, str] = {}
    same: dict[str, str] = {}
    kept = []
    for line in lines:
        if _is_comment(line):
            kept.append(line)
            continue
        if same:
            line = _WORD.sub(lambda m: same.get(m[0], m[0]), line)
        found = _ALIAS.match(line)
        if found and constants.get(found[3]) == found[1]:
            same[found[2]] = found[3]
            continue
        if made := _CONSTANT.match(line):
            constants[made[2]] = made[1]
        kept.append(line)
    return kept


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


def _without_set(lines: Sequence[str]) -> list[str]:
    """Drop variables that are set, but never read: compilers warn of them."""
    counts = Counter(
        word for line in lines if not _is_comment(line) for word in _WORD.findall(line)
    )
    own: dict[str, list[int]] = {}  # the lines that set a variable, behind that which declares it
    before = ";"  # the end of the line before: one under an if without braces must stay
    for i, line in enumerate(lines):
        if _is_comment(line):
            continue
        if found := _VARIABLE.match(line):
            own[found[1]] = [i]
        elif (found := _SET.match(line)) and found[1] in own and before in "{};":
            own[found[1]].append(i)
        before = line[-1]
    dead = {i for name, rows in own.items() if counts[name] == len(rows) for i in rows}
    return [line for i, line in enumerate(lines) if i not in dead]


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


def _wrapped(line: str) -> list[str]:
    """A line as lines of at most 100 columns; a comment is cut."""
    if len(line) <= WIDTH:
        return [line]
    if _is_comment(line):
        return [f"{line[: WIDTH - 7]}... */"]
    if "/*" in line:
        return [line]
    indent = " " * _depth(line)
    return textwrap.wrap(
        line.strip(), WIDTH, initial_indent=indent, subsequent_indent=f"{indent}    ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("/*")


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
