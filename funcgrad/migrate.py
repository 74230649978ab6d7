"""A report of the names of other libraries in a file, with their counterparts here.

``python -m funcgrad migrate FILE`` prints it; with ``--write`` it also rewrites the import lines
of which all names have a counterpart of the same name.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .core.missing import Counterpart, counterpart, value_of
from .peers import SPACES

LIBRARIES = ("autograd", "equinox", "flax", "jax", "keras", "optax", "scipy", "tensorflow", "torch")
_SHORT = {"tensorflow": "tf"}  # names of the table


class Use(NamedTuple):
    """A name of another library, the line where it stands, and ours, if there is one."""

    line: int
    name: str
    found: Counterpart | None

    def __str__(self) -> str:
        if self.found is None:
            return f"{self.line}: {self.name}: no counterpart"
        if self.found.ours is None:
            return f"{self.line}: {self.name}: {self.found.use}"
        return f"{self.line}: {self.name} -> {self.found.use.removeprefix('use ')}"


def uses(source: str) -> list[Use]:
    """The names of other libraries that a program uses, in the order of its lines."""
    return [Use(line, name, _ours(name)) for line, name in sorted(_names(ast.parse(source)))]


def _names(tree: ast.AST) -> set[tuple[int, str]]:
    """The lines and full names of imports by name, and of uses."""
    bound = {name: full for _, name, full in _imports(tree)}
    found = {(n.lineno, full) for n, _, full in _imports(tree) if isinstance(n, ast.ImportFrom)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            found.add((node.lineno, _full_name(node, bound) or ""))
    known = {(line, name) for line, name in found if _is_foreign(name)}
    homes = {name.rpartition(".")[0] for _, name in known}
    homes |= {home.rpartition(".")[0] for home in homes}
    return {(line, name) for line, name in known if name not in homes}


def _is_foreign(name: str) -> bool:
    return name.partition(".")[0] in LIBRARIES


def _ours(name: str) -> Counterpart | None:
    first, dot, rest = name.partition(".")
    return counterpart(_SHORT.get(first, first) + dot + rest) or _module(name)


def _module(name: str) -> Counterpart | None:
    """The counterpart of a module, the first of those that have its names."""
    homes = SPACES.get(name, "").split()
    if not homes:
        return None
    ours = homes[0].replace("np", "numpy", 1) if homes[0][:2] == "np" else homes[0]
    return Counterpart(name, ours.replace("fg", "funcgrad", 1), "")


def _imports(tree: ast.AST) -> Iterator[tuple[ast.Import | ast.ImportFrom, str, str]]:
    """Import statements, with each name that they bind and its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                yield node, alias.asname or first, alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                yield node, alias.asname or alias.name, f"{node.module}.{alias.name}"


def _full_name(node: ast.AST, bound: dict[str, str]) -> str | None:
    """The full name of an attribute of an imported module, or of an imported name."""
    if isinstance(node, ast.Name):
        return bound.get(node.id)
    if isinstance(node, ast.Attribute):
        home = _full_name(node.value, bound)
        return None if home is None else f"{home}.{node.attr}"
    return None


def migration(path: str, write: bool = False) -> str:
    """The report of a file, one name a line; with ``write`` its import lines are rewritten."""
    file = Path(path)
    source = file.read_text(encoding="utf-8")
    found = uses(source)
    there = sum(use.found is not None and use.found.ours is not None for use in found)
    lines = [f"{path}:{use}" for use in found]
    lines.append(f"{there} of {len(found)} names have a counterpart")
    if write:
        changed = rewritten(source)
        file.write_text(changed, encoding="utf-8")
        same = zip(source.splitlines(), changed.splitlines(), strict=True)
        foreign = (n for n, _, full in _imports(ast.parse(changed)) if _is_foreign(full))
        left = ", ".join(map(str, sorted({node.lineno for node in foreign})))
        words = f"; write those of lines {left} by hand" if left else ""
        lines.append(f"{sum(a != b for a, b in same)} import lines rewritten{words}")
    return "\n".join(lines)


def rewritten(source: str) -> str:
    """The program with import lines of ours, where all uses of their names stay the same."""
    lines, tree = source.splitlines(keepends=True), ast.parse(source)
    names = {name for _, name in _names(tree)}
    modules = tuple(f"{full}." for _, _, full in _imports(tree))
    for node in {node for node, _, _ in _imports(tree)}:
        new = _rewritten(node, names, modules)
        if new is not None and node.lineno == node.end_lineno:
            old = lines[node.lineno - 1]
            lines[node.lineno - 1] = old[: node.col_offset] + new + old[node.end_col_offset :]
    return "".join(lines)


def _rewritten(
    node: ast.Import | ast.ImportFrom, names: set[str], modules: tuple[str, ...]
) -> str | None:
    """The text of an import statement with our names, None where it stays."""
    parts: dict[str, list[str]] = {}
    inside = lambda full: tuple(m for m in modules if m.startswith(f"{full}.") and m != f"{full}.")
    prefix = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    for alias in node.names:
        full = prefix + alias.name
        found = _ours(full)
        plain = bool(prefix or alias.asname or "." not in alias.name)  # else it binds the library
        if found is None or found.ours is None or found.words or not plain:
            return None
        mine = {name for name in names if not name.startswith(inside(full))}
        ours = next(
            (x for x in (found.ours, f"funcgrad.{found.ours}") if _same(full, x, mine)), None
        )
        if ours is None or not _is_foreign(full):
            return None
        home, _, last = ours.rpartition(".")
        name = alias.asname or alias.name
        parts.setdefault(home, []).append(last if name == last else f"{last} as {name}")
    told = [f"{f'from {home} ' * bool(home)}import {', '.join(x)}" for home, x in parts.items()]
    return "; ".join(told)


def _same(full: str, ours: str, names: set[str]) -> bool:
    """Whether all uses of a module are of names that ours has too."""
    for name in names:
        if name.startswith(f"{full}."):
            found = _ours(name)
            if found is None or found.words or not found.ours:
                return False
            want = ours + name[len(full) :]
            if want not in (found.ours, f"funcgrad.{found.ours}") or value_of(want) is None:
                return False
    return True
