"""The registries: primitives by name, and overrides of NumPy's functions for tracers.

A module registers its entries when it is loaded, and is loaded when one is first looked up.
The registries and the named-axis environment are the library's only module state.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from threading import RLock
from types import ModuleType
from typing import Any, TypeVar

from ..contents import FUNCTIONS, PRIMITIVES

SPECIAL = "scipy.special"

Entry = TypeVar("Entry")


class Registry(dict[Any, Any]):
    """A dictionary that modules fill, and that loads the module of a missing entry.

    Iteration yields the loaded entries.
    """

    __slots__ = ("homes", "modules")

    def __init__(self, contents: Mapping[str, str]) -> None:
        super().__init__()
        self.modules = tuple(f"funcgrad.{module}" for module in contents)
        self.homes = {
            name: module
            for module, names in zip(self.modules, contents.values(), strict=True)
            for name in names.split()
        }

    def __missing__(self, key: Any) -> Any:
        for module in self._candidates(key):
            load(module)
            if dict.__contains__(self, key):
                return dict.__getitem__(self, key)
        raise KeyError(key)

    def _candidates(self, key: Any) -> Iterator[str]:
        """Yield the modules that may have an entry, the one listed in the contents first."""
        if (home := self.home(key)) is not None:
            yield home
        if isinstance(key, str):
            return
        if (module := _module(key)) == SPECIAL:
            yield "funcgrad.scipy.ufuncs"
        elif module.partition(".")[0] == "numpy":
            yield from self.modules  # NumPy's other versions may name it otherwise

    def home(self, key: Any) -> str | None:
        """The module that the contents list for an entry, or None."""
        return self.homes.get(entry_name(key))

    def load(self) -> None:
        """Load all modules that have entries."""
        for module in self.modules:
            load(module)

    def clean(self) -> None:
        """Drop the entries of modules that are not loaded."""
        for key in list(self):
            home = self.home(key)
            if home is not None and home not in sys.modules:
                del self[key]

    def get(self, key: Any, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default

    def __contains__(self, key: object) -> bool:
        return self.get(key) is not None


def _module(function: Any) -> str:
    """The module of a function; a ufunc names none if it is SciPy's, or of an old NumPy."""
    if (named := getattr(function, "__module__", None)) is not None:
        return str(named)
    return SPECIAL if is_of_special(function) else "numpy"


def is_of_special(ufunc: Any) -> bool:
    """Whether a ufunc is one of scipy.special, if the user has imported that."""
    name = getattr(ufunc, "__name__", "")
    homes = (sys.modules.get(SPECIAL), sys.modules.get(f"{SPECIAL}._ufuncs"))
    return any(getattr(home, name, None) is ufunc for home in homes if home is not None)


def entry_name(key: Any) -> str:
    """The name by which the contents list an entry: of a function without ``numpy.``."""
    if isinstance(key, str):
        return key
    return f"{_module(key)}.{getattr(key, '__name__', '')}".removeprefix("numpy.")


# name -> Primitive: where an operator on a tracer finds its primitive
primitives = Registry(PRIMITIVES)

# a NumPy function or ufunc, or (ufunc, method), -> the function that takes tracers
overrides = Registry(FUNCTIONS)

# the serial numbers of programs that are being staged and may not run, in any thread, and whether
# each takes ``(primitive, args, params)``: while there are some, an operation asks further, see
# Trace.diverted
branches: dict[int, Callable[..., bool]] = {}


# Held by the thread that loads a module. Python has one lock for each module: two threads would
# wait for each other where a package imports its modules.
_loading = RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_loading.acquire, after_in_parent=_loading.release, after_in_child=_loading.release
    )


def load(name: str) -> ModuleType:
    """Load a module of the library, once for all threads."""
    with _loading:
        try:
            return import_module(name)
        except BaseException:  # an interrupt, say: Python takes the module out, to try again
            primitives.clean()
            overrides.clean()
            raise


def primitive(name: str) -> Any:
    """The primitive of a name, by which primitives are pickled."""
    return primitives[name]


def is_builtin_name(name: str) -> bool:
    """Whether a name is that of a primitive of the library, whose module is being loaded.

    Raises:
        ValueError: if that module is loaded already: the name is taken.
    """
    home = primitives.home(name)
    if home is None:
        return False
    if home not in sys.modules:
        load(home)
    if not getattr(sys.modules[home].__spec__, "_initializing", False):
        raise ValueError(
            f"Primitive: the library has a primitive {name!r} already; choose another name"
        )
    return True


def entering(table: dict[str, Entry]) -> Callable[..., Callable[[Entry], Entry]]:
    """The decorator ``decorator(*names)`` that enters a function into a table under names."""

    def decorator(*names: str) -> Callable[[Entry], Entry]:
        def enter(function: Entry) -> Entry:
            table.update(dict.fromkeys(names, function))
            return function

        return enter

    return decorator
