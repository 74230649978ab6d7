"""The names that a function under construction finds in the module around it."""

from typing import Any

import numpy as np

from .names import Names, label


class Globals:
    """Functions imported from NumPy, and objects that have no text."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.imports: set[str] = set()  # from NumPy
        self.bound: dict[Any, tuple[str, Any]] = {}  # id -> name, object

    def numpy(self, name: str) -> str:
        """The name of one of NumPy's functions, which is imported."""
        self.imports.add(name)
        return name

    def dtype(self, dtype: np.dtype) -> str:
        """A dtype as an expression."""
        name = "bool_" if dtype.kind == "b" else dtype.name
        return self.numpy(name) if dtype.isnative else self.bind(dtype, dtype.name)

    def bind(self, value: Any, hint: str = "") -> str:
        """A name for an object that has no text: the module is given it as a constant."""
        key = id(value)
        if key not in self.bound:
            self.bound[key] = (self.names.token(label(hint) or "constant"), value)
        return self.bound[key][0]
