"""Pickling of functions that other functions return, which pickle cannot find by name."""

import functools
import importlib.util
import inspect
import pickle
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

from . import tree
from .errors import shown
from .lazy import unknown
from .registry import load

F = TypeVar("F", bound=Callable[..., Any])

_LIBRARY = __name__.partition(".")[0]


class PicklableFunction(functools.partial):
    """A function that another one has returned; it is pickled as that call."""

    __slots__ = ("origin",)
    origin: tuple[Callable[..., Any], tuple, dict[str, Any]]

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    __getattr__ = unknown("function")

    def _uncalled(self, *other: Any) -> NoReturn:
        raise TypeError(
            f"{shown(self)}: a function has no value before it is called: got it in arithmetic, or "
            f"with an index; write f(x) for f"
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _uncalled
    __truediv__ = __rtruediv__ = __pow__ = __neg__ = __getitem__ = _uncalled

    def __reduce__(self) -> Any:
        make, args, kwargs = self.origin
        return _called, (make, *portable((args, kwargs)))

    def __copy__(self) -> "PicklableFunction":
        return self

    def __deepcopy__(self, memo: Any) -> "PicklableFunction":
        return self

    def __outline__(self) -> Any:
        return load("funcgrad.core.outline").parts_of_call(*self.origin)

    def __repr__(self) -> str:
        return str(load("funcgrad.core.outline").outline(self))


def _called(make: Callable[..., Any], args: tuple, kwargs: dict[str, Any]) -> Any:
    return make(*args, **kwargs)


def picklable(maker: F) -> F:
    """Make the functions that a function returns picklable."""

    @functools.wraps(maker)
    def make(*args: Any, **kwargs: Any) -> Any:
        function = maker(*args, **kwargs)
        made = PicklableFunction(function)
        made.origin = (make, args, kwargs)
        for name in functools.WRAPPER_ASSIGNMENTS:
            if hasattr(function, name):
                setattr(made, name, getattr(function, name))
        made.__dict__.update(function.__dict__)
        return made

    return make  # type: ignore[return-value]


def portable(value: Any) -> Any:
    """Replace functions in a tree that pickle cannot find by name.

    The library's are pickled by their code and closure; the user's, such as lambdas, by
    cloudpickle, if it is installed.
    """
    return tree.map(_portable, value)


def _portable(x: Any) -> Any:
    if type(x) is not types.FunctionType or found_by_name(x):
        return x
    if x.__module__.partition(".")[0] == _LIBRARY and "<locals>" in x.__qualname__:
        return Closure(x)
    return ByValue(x) if importlib.util.find_spec("cloudpickle") else x


def found_by_name(x: Any) -> bool:
    """Whether another process finds an object by its module and name."""
    return is_global(x) and x.__module__ != "__main__"


def is_global(x: Any) -> bool:
    """Whether an object is found by its module and name, be it of the script that runs."""
    found: Any = sys.modules.get(getattr(x, "__module__", None) or "")
    for name in getattr(x, "__qualname__", "").split("."):
        found = getattr(found, name, None)
    return found is x


class ByValue:
    """The pickled form of a user function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __reduce__(self) -> Any:
        import cloudpickle

        return pickle.loads, (cloudpickle.dumps(self.function),)


class Closure:
    """The pickled form of a function that a function of the library has defined and returned."""

    def __init__(self, function: types.FunctionType) -> None:
        self.function = function

    def __reduce__(self) -> Any:
        f = self.function
        place = [c is f.__code__ for c in _codes(f.__module__, f.__qualname__)].index(True)
        cells = [cell.cell_contents for cell in f.__closure__ or ()]
        given = portable((cells, f.__defaults__, f.__kwdefaults__, f.__dict__))
        return _closed, (f.__module__, f.__qualname__, place, f.__name__, *given)


def _closed(
    module: str, qualname: str, place: int, name: str,
    cells: list[Any], defaults: Any, keywords: Any, attributes: dict[str, Any],
) -> types.FunctionType:  # fmt: skip
    code = list(_codes(module, qualname))[place]
    names = vars(importlib.import_module(module))
    function = types.FunctionType(code, names, name, defaults, tuple(map(types.CellType, cells)))
    function.__kwdefaults__, function.__qualname__ = keywords, qualname
    function.__dict__.update(attributes)
    return function


def _codes(module: str, qualname: str) -> Iterator[types.CodeType]:
    """Yield the code of the functions of this name inside a function of a module."""
    outer: Any = importlib.import_module(module)
    for name in qualname.partition(".<locals>")[0].split("."):
        outer = getattr(outer, name)
    stack = [inspect.unwrap(outer).__code__]
    while stack:
        code = stack.pop()
        if code.co_qualname == qualname:
            yield code
        stack += [c for c in code.co_consts if isinstance(c, types.CodeType)]
