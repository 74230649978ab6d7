"""Numerical programs in the style of textbooks: they allocate arrays and fill them by index.

The modules import NumPy. ``programs`` runs their text a second time with that one line changed, so
that the same programs take traced arrays.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

_MODULES = ("equations", "matrices", "overwriting", "recursions", "signals")
_LINES = "import numpy as np\n", "from funcgrad import numpy as np\n"


class Program(NamedTuple):
    """A program as NumPy runs it, with the import line changed, and its arguments."""

    name: str
    original: Callable[..., Any]
    changed: Callable[..., Any]
    given: tuple[np.ndarray, ...]

    @property
    def args(self) -> tuple[np.ndarray, ...]:
        """Arguments that the program may overwrite."""
        return tuple([x.copy() for x in self.given])


def _loaded(path: Path, changed: bool) -> ModuleType:
    text = path.read_text(encoding="utf-8")
    assert text.count(_LINES[0]) == 1
    module = ModuleType(path.stem)
    exec(compile(text.replace(*_LINES) if changed else text, str(path), "exec"), vars(module))
    return module


def programs() -> Iterator[Program]:
    """Yield all programs, with arguments from a fixed seed."""
    for name in _MODULES:
        path = Path(__file__).with_name(f"{name}.py")
        original, changed = _loaded(path, False), _loaded(path, True)
        for function, make in original.ARGUMENTS.items():
            args = make(np.random.default_rng(7))
            yield Program(function, vars(original)[function], vars(changed)[function], args)
