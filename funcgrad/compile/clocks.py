"""Clocks in compiled source: after each group of statements a report, which a profile reads.

The statements of a function are grouped by a key: the line of the user's code, or their own line.
A report is text of Python that is inserted after a group; it may read the time.
"""

import ast
import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, NamedTuple, SupportsIndex, overload

# what the writer puts above the statements of an equation, see ``Names.location``
_PLACE = re.compile(r"\s*# (derivative of )?([^:]+):(\d+)(?:  |$)")
_VIEWS = frozenset({"reshape", "transpose", "swapaxes", "view"})
_SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr)


class Place(NamedTuple):
    """A line of user code, by the name of its file, and whether its derivative is computed."""

    file: str
    line: int
    backward: bool


def places(text: str) -> dict[int, Place | None]:
    """The place of each line of a compiled source; None before the first."""
    found: dict[int, Place | None] = {}
    now = None
    for number, line in enumerate(text.split("\n"), 1):
        if match := _PLACE.match(line):
            now = Place(match[2], int(match[3]), bool(match[1]))
        elif line.startswith(("def ", "@")):
            now = None
        found[number] = now
    return found


def with_places(text: str) -> list[str]:
    """The lines of a compiled source, each with the comment of its place at the end.

    So warnings and tracebacks, which show one line, name the user's.
    """
    place, found = "", list[str]()
    for line in text.splitlines(True):
        code = line.strip()
        if _PLACE.match(line):
            place = code
        elif line.startswith(("def ", "@")):
            place = ""
        elif place and code and code[0] not in "#()" and not code.endswith("("):
            line = f"{line.rstrip()}  {place}\n"
        found.append(line)
    return found


class Lines(Sequence[str]):
    """The lines of ``with_places``, made when they are read: programs are kept in great numbers."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __len__(self) -> int:
        return len(self.text.splitlines())

    @overload
    def __getitem__(self, place: SupportsIndex) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: Any) -> Any:
        return with_places(self.text)[place]

    def __iter__(self) -> Iterator[str]:
        return iter(with_places(self.text))


class Clocked:
    """A function with a report after each group of statements.

    Args:
        key: statement -> the key of its group.
        report: key, statements of the group -> the report as text.
        start: text that runs when the function begins.
    """

    def __init__(
        self,
        key: Callable[[ast.stmt], Hashable],
        report: Callable[[Any, Sequence[ast.stmt]], str],
        start: str = "_t = _clock()",
    ) -> None:
        self.key, self.report, self.start = key, report, start

    def module(self, text: str, name: str = "main") -> ast.Module:
        """A module whose function of this name reports."""
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name == name:
                body = [*_parsed(self.start), *self.body(node.body)]
                node.body = body
                return ast.fix_missing_locations(tree)
        raise ValueError(f"clocks: the module has no function {name!r}")

    def body(self, nodes: Sequence[ast.stmt]) -> list[ast.stmt]:
        """Statements with reports."""
        found: list[ast.stmt] = []
        group: list[ast.stmt] = []

        def close() -> None:
            if group:
                key = self.key(group[0])
                found.extend([*group, *_parsed(self.report(key, group))])
                group.clear()

        for node in nodes:
            if group and (not isinstance(node, _SIMPLE) or self.key(node) != self.key(group[0])):
                close()
            if isinstance(node, _SIMPLE):
                group.append(node)
                continue
            self.inside(node)
            found.append(node)
            if isinstance(node, ast.If):
                found += _parsed(self.report(self.key(node), [node]))
        close()
        return found

    def inside(self, node: ast.stmt) -> None:
        """Insert reports into the blocks of a loop, branch or ``try``; not into functions."""
        if isinstance(node, ast.FunctionDef):
            return
        for name in ("body", "orelse", "finalbody"):
            if block := getattr(node, name, None):
                setattr(node, name, self.body(block))
        for handler in getattr(node, "handlers", ()):
            handler.body = self.body(handler.body)


def _parsed(text: str) -> list[ast.stmt]:
    return ast.parse(text).body if text else []


def names_in(*nodes: ast.AST) -> list[str]:
    """The names that statements read or assign."""
    walked = (x for node in nodes for x in ast.walk(node))
    return sorted({x.id for x in walked if isinstance(x, ast.Name)})


def is_view(node: ast.stmt) -> bool:
    """Whether a statement only takes a view, and moves no bytes."""
    if not isinstance(node, ast.Assign):
        return False
    value = node.value
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Attribute) and value.func.attr in _VIEWS
    if isinstance(value, ast.Subscript) and isinstance(value.value, ast.Call):
        return False  # f(x)[()]
    return isinstance(value, ast.Subscript | ast.Attribute | ast.Name | ast.Tuple)
