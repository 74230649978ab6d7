"""Which public names the code of pages and plates uses: for links from the reference."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```$", re.M | re.S)
OPTION = re.compile(r"\A(?::[\w-]+:[^\n]*\n)+|\A---\n.*?^---\n", re.M | re.S)


class Cell(NamedTuple):
    """The code of a cell, and whether it is there to show an error."""

    code: str
    raises: bool


def cells(text):
    """The cells of a page, in order."""
    for body in CELL.findall(text):
        options = OPTION.match(body)
        head = options[0] if options else ""
        yield Cell(body[len(head) :], "raises-exception" in head)


def title_of(text):
    """The first heading of a page in MyST, or of the docstring of a plate."""
    found = re.search(r"^# (.+)$", text, re.M)
    return found[1] if found else text.strip().splitlines()[0]


def names(code):
    """The full names of the library that a program refers to."""
    tree = ast.parse(code)
    spaces = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "funcgrad":
                    spaces[alias.asname or "funcgrad"] = alias.name if alias.asname else "funcgrad"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "funcgrad":
            spaces |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return {full for node in ast.walk(tree) if (full := dotted(node, spaces))}


def dotted(node, spaces):
    """``funcgrad.nn.Dense`` of the expression ``nn.Dense``, if nn is imported from the library."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name) and node.id in spaces:
        return ".".join([spaces[node.id], *reversed(parts)])
    return None


def found(guide: Path):
    """Pages and plates, with their titles, by the name that they use."""
    places = {}
    for path in sorted(guide.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        for name in names("\n".join(cell.code for cell in cells(text))):
            places.setdefault(name, []).append((f"/{path.stem}", title_of(text)))
    for path in sorted((guide / "gallery").rglob("*.py")):
        code = path.read_text(encoding="utf-8")
        title = title_of(ast.get_docstring(ast.parse(code)) or path.stem)
        for name in names(code):
            where = path.relative_to(guide).with_suffix("").as_posix()
            places.setdefault(name, []).append((f"/{where}", title))
    return places
