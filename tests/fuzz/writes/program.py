"""A program that writes into arrays: the source of a function, and the point where it is tried."""

import linecache
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..programs import literal


@dataclass(frozen=True)
class Program:
    """The source of a function ``f``, and its arguments.

    Args:
        concrete: whether it branches on values, or takes counts from them, so that it can be
            neither compiled nor batched.
        changed: whether its ``np`` is ``funcgrad.numpy`` where the library runs it.
    """

    source: str
    inputs: tuple[Any, ...]
    concrete: bool = False
    changed: bool = False

    @property
    def is_complex(self) -> bool:
        return any(np.iscomplexobj(x) for x in self.inputs)

    @property
    def text(self) -> str:
        """The function and its arguments, to be pasted."""
        values = [f"    {literal(x)}," for x in self.inputs]
        head = f"# concrete={self.concrete}, changed={self.changed}"
        return "\n".join([head, self.source, "", "inputs = (", *values, ")"])

    def function(self, namespace: dict[str, Any]) -> Any:
        """The function in one meaning of ``np`` and ``fg``; its results are a tuple."""
        name = f"<writes {hash(self.source)}>"
        linecache.cache[name] = (len(self.source), None, self.source.splitlines(True), name)
        scope = dict(namespace)
        exec(compile(self.source, name, "exec"), scope)
        return scope["f"]

    def fresh(self) -> list[Any]:
        """Copies of the arguments."""
        return [x.copy() if isinstance(x, np.ndarray) else x for x in self.inputs]
