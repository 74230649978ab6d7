"""NumPy's functions as this namespace offers them: NumPy's own, until a tracer is passed in."""

import functools
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import numpy as np

from ..core.errors import FuncgradError, shorten
from ..core.lazy import publish
from ..core.registry import overrides
from ..core.trace import Tracer
from ..ops.operand import holds_tracer, operand

_LISTS = (list, tuple)
_USUAL = (FuncgradError, ValueError, TypeError, IndexError)  # of which the frames say nothing
_OF_UFUNCS = (
    "accumulate", "at", "identity", "nargs", "nin", "nout", "ntypes", "outer", "reduce",
    "reduceat", "types",
)  # fmt: skip


def fill(namespace: ModuleType, numpys: ModuleType) -> None:
    """Give a namespace all public names of one of NumPy's but its modules, and publish them.

    What stands there already stays, unless it is a rule of the table alone.
    """
    names: list[str] = []
    for name in numpys.__all__:
        value = vars(numpys).get(name)
        if isinstance(value, ModuleType) or name not in vars(numpys):
            continue
        # only what is loaded: the namespace imports it, and may not load more while it is made
        own = vars(namespace).get(name)
        rule = dict.get(overrides, value) if callable(value) and value.__hash__ else None
        if callable(value) and rule is not None and own in (None, rule):
            setattr(namespace, name, faced(name, value, namespace.__name__))
        elif own is None:
            setattr(namespace, name, value)
        names.append(name)
    namespace.__all__ = names  # type: ignore[attr-defined]
    publish(namespace.__name__)


def offered(name: str, value: Any, module: str) -> Any:
    """Return what a namespace offers for one of NumPy's names."""
    return value if _rule(value) is None else faced(name, value, module)


def _rule(value: Any) -> Any:
    """Return what a name of NumPy's means to tracers, None for what it does not hand over."""
    known = overrides.home(value) is not None or hasattr(value, "_implementation")
    return overrides.get(value) if known and not isinstance(value, type) else None


def faced(name: str, function: Callable[..., Any], module: str) -> Callable[..., Any]:
    """Return a NumPy function that takes tracers wherever arrays may stand, also in lists.

    NumPy hands over a call only for a tracer among the arguments it looks at; this looks at all.
    Without tracers NumPy runs, at the cost of that look.
    """
    override = overrides[function]
    ufunc = function if isinstance(function, np.ufunc) else None

    def call(*args: Any, **kwargs: Any) -> Any:
        if not (_traced(args) or (kwargs and _traced(kwargs.values()))):
            return function(*args, **kwargs)
        try:
            if ufunc is None:
                return override(*args, **kwargs)
            if kwargs:
                return overrides[np.ufunc](ufunc, "__call__", args, kwargs)
            return override(*map(operand, args))
        except _USUAL as err:
            shorten(err)
            raise

    functools.update_wrapper(call, override, assigned=("__doc__",), updated=())
    call.__wrapped__ = function  # type: ignore[attr-defined]  # whose signature this has
    call.__name__ = call.__qualname__ = name
    call.__module__ = module
    if ufunc is not None:
        call.__doc__ = f"Apply numpy.{ufunc.__name__} elementwise; see it for the arguments."
        for attribute in _OF_UFUNCS:
            setattr(call, attribute, getattr(ufunc, attribute))
    overrides[call] = override  # who asks for the meaning of a NumPy function may be given this
    return call


def _traced(args: Iterable[Any]) -> bool:
    for x in args:  # noqa: SIM110, any() takes twice as long
        if isinstance(x, Tracer) or (type(x) in _LISTS and holds_tracer(x)):
            return True
    return False
