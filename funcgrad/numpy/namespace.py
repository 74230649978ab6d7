"""Wrappers of NumPy's functions that call a rule where an argument is traced, else NumPy."""

import functools
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import numpy as np

from ..core.buffers import applied, holds_traced
from ..core.errors import FuncgradError, OutError
from ..core.frames import shorten
from ..core.lazy import publish
from ..core.registry import overrides
from ..core.trace import Tracer, running
from ..ops.operand import holds_tracer, operand
from .dispatch import with_out

_LISTS = (list, tuple)
_EXPECTED = (FuncgradError, ValueError, TypeError, IndexError)  # raised without our frames
_OF_UFUNCS = (
    "accumulate", "at", "identity", "nargs", "nin", "nout", "ntypes", "outer", "reduce",
    "reduceat", "types",
)  # fmt: skip


def fill(namespace: ModuleType, numpys: ModuleType) -> None:
    """Give a namespace all public names of one of NumPy's, without its modules, and publish them.

    A name that the namespace defines itself stays, unless it is only the rule.
    """
    names: list[str] = []
    for name in numpys.__all__:
        value = vars(numpys).get(name)
        if isinstance(value, ModuleType) or name not in vars(numpys):
            continue
        # loaded rules only: a namespace may load no module while it is imported itself
        own = vars(namespace).get(name)
        rule = dict.get(overrides, value) if callable(value) and value.__hash__ else None
        if callable(value) and rule is not None and own in (None, rule):
            setattr(namespace, name, wrap(name, value, namespace.__name__))
        elif own is None:
            setattr(namespace, name, value)
        names.append(name)
    namespace.__all__ = names  # type: ignore[attr-defined]
    publish(namespace.__name__)


def wrap_if_traced(name: str, value: Any, module: str) -> Any:
    """Value of one of NumPy's names in a namespace: NumPy's, or a wrapper that takes tracers."""
    return value if _rule(value) is None else wrap(name, value, module)


def _rule(value: Any) -> Any:
    """Rule of one of NumPy's functions, None if NumPy does not dispatch it."""
    known = overrides.home(value) is not None or hasattr(value, "_implementation")
    return overrides.get(value) if known and not isinstance(value, type) else None


def wrap(name: str, function: Callable[..., Any], module: str) -> Callable[..., Any]:
    """NumPy function that takes tracers in place of arrays, also in lists.

    NumPy dispatches on some arguments of each function; this wrapper looks at all of them.
    """
    override = overrides[function]
    ufunc = function if isinstance(function, np.ufunc) else None
    calls = getattr(override, "calls", False)

    def call(*args: Any, **kwargs: Any) -> Any:
        traced = _traced(args) or (kwargs and _traced(kwargs.values()))
        if not traced and not (calls and running.get()):
            return function(*args, **kwargs)
        if not (calls or holds_traced(args) or holds_traced(kwargs.values())):
            return applied(function, override, args, kwargs)
        try:
            if ufunc is None:
                return override(*args, **kwargs)
            if len(args) > ufunc.nin:
                args, kwargs = args[: ufunc.nin], {**kwargs, "out": args[ufunc.nin :]}
            if kwargs:
                return overrides[np.ufunc](ufunc, "__call__", args, kwargs)
            return override(*map(operand, args))
        except OutError as err:
            return with_out(override, err, args, kwargs)
        except _EXPECTED as err:
            shorten(err)
            raise

    functools.update_wrapper(call, override, assigned=("__doc__",), updated=())
    call.__wrapped__ = function  # type: ignore[attr-defined]  # whose signature this has
    call.__name__ = call.__qualname__ = name
    call.__module__ = module
    if ufunc is not None:
        call.__doc__ = f"Apply numpy.{ufunc.__name__} elementwise; see it for the arguments."
        for attribute in _OF_UFUNCS:
            setattr(call, attribute, _of_ufunc(getattr(ufunc, attribute)))
    overrides[call] = override  # the wrapper has the rule of the function too
    return call


def _of_ufunc(found: Any) -> Any:
    """A method of a ufunc, which takes lists that hold tracers too, or an attribute."""
    if not callable(found):
        return found

    @functools.wraps(found)
    def method(x: Any, *args: Any, **kwargs: Any) -> Any:
        if type(x) in _LISTS and holds_tracer(x):
            x = operand(x)
        return found(x, *args, **kwargs)

    return method


def _traced(args: Iterable[Any]) -> bool:
    for x in args:  # noqa: SIM110, any() takes twice as long
        if isinstance(x, Tracer) or (type(x) in _LISTS and holds_tracer(x)):
            return True
    return False
