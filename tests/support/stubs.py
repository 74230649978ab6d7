"""Writes the stubs of namespaces whose names are loaded when they are first asked for.

A type checker cannot see such names. A stub imports each from where it is defined: from a module
of this library, or from NumPy, whose signature it then has. Run it where a public name was added,
moved or removed:

    python -m tests.support.stubs
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np

import funcgrad as fg

ROOT = Path(__file__).parent.parent.parent
HEADER = "# Written by `python -m tests.support.stubs`{}, not by hand.\n\n"
NUMPYS = {
    fg.numpy: "numpy",
    fg.numpy.linalg: "numpy.linalg",
    fg.numpy.fft: "numpy.fft",
    fg.numpy.emath: "numpy.lib.scimath",
}
SPACES = [fg, fg.random, fg.scipy.interpolate, fg.scipy.ndimage, fg.scipy.signal, *NUMPYS]


def path_of(space: ModuleType) -> Path:
    """The file of a namespace's stub, beside its source."""
    return Path(str(space.__file__)).with_suffix(".pyi")


def imported(space: ModuleType) -> Iterator[tuple[str, str]]:
    """Yield the names that the source of a namespace imports as themselves, with their modules."""
    for node in ast.parse(Path(str(space.__file__)).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((a.name, module) for a in node.names if a.asname == a.name)


def origins(space: ModuleType) -> dict[str, str]:
    """The module from which a stub imports each name of a namespace."""
    numpys = dict.fromkeys(dir(space), NUMPYS[space]) if space in NUMPYS else {}
    parts = dict.fromkeys(vars(space).get("_PARTS", ()), ".")
    homes = {name: f".{home}" for name, home in vars(space).get("_HOMES", {}).items()}
    return {**numpys, **dict(imported(space)), **parts, **homes}


def stub(space: ModuleType) -> str:
    """The text of a namespace's stub."""
    version = f" with NumPy {np.__version__}" if space in NUMPYS else ""
    names: dict[str, list[str]] = {}
    for name, module in sorted(origins(space).items()):
        names.setdefault(module, []).append(f"    {name} as {name},\n")
    blocks = [f"from {module} import (\n{''.join(n)})\n" for module, n in sorted(names.items())]
    own_version = "\n__version__: str\n" if space is fg else ""
    return HEADER.format(version) + "".join(blocks) + own_version


def main() -> None:
    """Write all stubs."""
    for space in SPACES:
        path_of(space).write_text(stub(space), encoding="utf-8")
        print(path_of(space).relative_to(ROOT))


if __name__ == "__main__":
    main()
