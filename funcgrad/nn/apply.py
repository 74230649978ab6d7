"""What happens when a model is called: the training pass, its statistics, its complaints.

A layer that keeps statistics gives their new values to :func:`refresh`, and the :func:`apply`
around the call puts them into the model that it returns. Nothing is changed in place, so the two
work within any transform.
"""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import MISSING
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import check_class, dtype_of, is_arraylike
from ..core.errors import FuncgradError, LeakedTracerError, ShapeError, UninitializedError
from ..core.trace import Tracer
from ..ops.stop_gradient import stop_gradient
from ..ops.structure import cast
from ..random import Key
from .traverse import is_module, modules_in, path_of, rebuilt, text_of


class RefreshError(FuncgradError, RuntimeError):
    """New statistics that cannot be put into the model.

    ``nn.apply(model, x, key=key)`` fails where the model hands a layer to ``fg.checkpoint`` as an
    argument, which makes a copy; return ``nn.apply(layer, x, key=key)`` from there, and report
    the layer that it gives: ``nn.refresh(self, layer=layer)``.
    """


class Reports:
    """The new values of fields that layers report in one call of a model, by identity."""

    def __init__(self) -> None:
        self.found: dict[int, tuple[Any, dict[str, Any]]] = {}  # the module is kept, so its id is

    def add(self, layer: Any, values: dict[str, Any]) -> None:
        self.found[id(layer)] = layer, {**self.of(layer), **values}

    def of(self, layer: Any) -> dict[str, Any]:
        return self.found.get(id(layer), (layer, {}))[1]


reports: ContextVar[Reports | None] = ContextVar("reports", default=None)
# who watches the calls of modules: told of each before and after it
watcher: ContextVar[Callable[..., Any] | None] = ContextVar("watcher", default=None)


def refresh(layer: Any, /, **values: Any) -> None:
    """Report new values of a layer's fields to the ``apply`` around the call.

    Without an ``apply`` they are lost, as where a loss is computed by ``model(x, key=key)``. They
    are constants to every derivative, and keep the dtypes of the old values.

    Args:
        layer: a module of the model, mostly ``self``.
        **values: new values for fields that hold arrays or modules.

    >>> from funcgrad import nn, random
    >>> @nn.module
    ... class Counter:
    ...     calls: nn.Array = nn.state(nn.init.zeros)
    ...     def __call__(self, x, *, key=None):
    ...         nn.refresh(self, calls=nn.latest(self, "calls") + 1)
    ...         return x
    >>> print(nn.apply(Counter().init(random.key(0)), 2.0)[1].calls)
    1.0
    """
    wrong = [name for name in values if name not in type(layer).__children__]
    if wrong:
        raise RefreshError(
            f"refresh: only fields that hold arrays or modules are refreshed: got {wrong[0]!r} of "
            f"{type(layer).__name__}, which has {list(type(layer).__children__)}"
        )
    collected = reports.get()
    if collected is not None:
        new = {name: _like(value, getattr(layer, name)) for name, value in values.items()}
        collected.add(layer, new)


def _like(value: Any, old: Any) -> Any:
    """Return a new value as a constant, in the dtype of the old one."""
    value = stop_gradient(value)
    if is_arraylike(value) and is_arraylike(old):
        return cast(value, dtype_of(old))
    return value


def latest(layer: Any, name: str) -> Any:
    """Return a field of a layer: what this call has refreshed it to, if it has, else its value.

    >>> from funcgrad import nn
    >>> latest(nn.Dropout(0.5), "rate")
    0.5
    """
    collected = reports.get()
    known = {} if collected is None else collected.of(layer)
    return known[name] if name in known else getattr(layer, name)


def apply(model: Any, /, *args: Any, key: Key | None = None, **kwargs: Any) -> tuple[Any, Any]:
    """Return what a model gives, and the model with its statistics refreshed.

    Args:
        model: a module, or a tree that can be called.
        *args: what it is called with.
        key: a key for the training pass, in which dropout draws, and batch norm takes the
            statistics of the batch; None to predict.
        **kwargs: given on to the model.

    Raises:
        LeakedTracerError: if a layer refreshed its statistics inside a transform that has ended.
        RefreshError: if a layer that did is not one of the model, but a copy; or stands at two
            places of it.

    >>> from funcgrad import nn, random
    >>> model = nn.Sequential(nn.Dense(2, 3), nn.BatchNorm(3)).init(random.key(0))
    >>> y, model = apply(model, random.normal(random.key(1), (8, 2)), key=random.key(2))
    >>> y.shape, model[1].mean.shape
    ((8, 3), (3,))
    """
    if key is not None and takes_key(model):
        kwargs["key"] = key
    collected = Reports()
    before = reports.set(collected)
    try:
        y = model(*args, **kwargs)
    finally:
        reports.reset(before)
    return y, (_refreshed(model, collected) if collected.found else model)


def _refreshed(model: Any, collected: Reports) -> Any:
    known: dict[int, str] = {}
    for path, m in modules_in(model):
        if id(m) in known and id(m) in collected.found:  # a transform would make two of it
            raise RefreshError(
                f"apply: the {type(m).__name__} at {known[id(m)]!r} and at {text_of(path)!r} is "
                f"one, and refreshed its statistics, but a tree holds two: hold it in one place, "
                f"and call it twice"
            )
        known[id(m)] = text_of(path)
    for i, (layer, values) in collected.found.items():
        who = type(layer).__name__
        if i not in known:
            raise RefreshError(
                f"apply: a {who} refreshed its statistics, but is no layer of the model, only a "
                f"copy of one, made by a transform in the model's call: call nn.apply on it there, "
                f"and report what it returns: nn.refresh(self, field=layer)"
            )
        if any(isinstance(x, Tracer) and x._trace.dead for x in tree.leaves(values)):
            raise LeakedTracerError(
                f"apply: the {who} at {known[i]!r} refreshed its statistics inside a transform "
                f"that has ended, such as vmap, scan or checkpoint in the model's call: return "
                f"them from there with nn.apply, or name the axis of vmap in axis_name"
            )
    return rebuilt(model, lambda path, m: collected.of(m))


def takes_key(layer: Any) -> bool:
    """Return whether calling a layer, or a function, may be told a key."""
    return _class_takes_key(layer.__class__) if is_module(layer) else _takes_key(layer)


@functools.lru_cache(256)
def _class_takes_key(cls: type) -> bool:
    return _takes_key(cls.__call__)


def _takes_key(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # a ufunc has no signature, and no key
        return False
    return any(p.name == "key" or p.kind is p.VAR_KEYWORD for p in parameters)


# calling a module


def ready(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a ``__call__`` that asks whether parameters are drawn, and says where it failed."""

    @functools.wraps(call)
    def ready_call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        check_drawn(self)
        for x in args:
            if type(x) is not np.ndarray and isinstance(x, np.ndarray):
                check_class(x)
        watch = watcher.get()
        try:
            if watch is not None:
                return watch(call, self, args, kwargs)
            return call(self, *args, **kwargs)
        except Exception as error:
            if getattr(error, "layer", self) is not self:
                _locate(error, self)
            raise

    return ready_call


def check_drawn(layer: Any) -> None:
    """Raise unless every parameter of a layer has a value."""
    for name, spec in layer.__params__.items():
        if getattr(layer, name) is None and spec.shape_in(layer) is not None:
            raise _uninitialized(layer, name)


def _uninitialized(layer: Any, name: str) -> Exception:
    text = (
        f"the parameter {name!r} has no value yet: call .init(key) on the model first: "
        f"model = model.init(funcgrad.random.key(0)); or nn.combine the parts of one"
    )
    return complaint(layer, text, UninitializedError, repr(layer))


def complaint(
    layer: Any, text: str, kind: type[Exception] = ShapeError, who: str | None = None
) -> Exception:
    """Return an error of a layer, to which the models around it add the path."""
    who = described(layer) if who is None else who
    error: Any = kind(f"{who}: {text}")
    error.layer, error.path, error.parts = layer, "", (who, text)
    return error


def described(layer: Any) -> str:
    """Return a layer as one writes it, with the arguments that it cannot do without."""
    every: Any = dataclasses.fields(type(layer))
    needed = [f for f in every if f.init and f.default is f.default_factory is MISSING]
    told = ", ".join(repr(getattr(layer, f.name)) for f in needed if f.name in layer.__static__)
    return f"{type(layer).__name__}({told})"


def _locate(error: Any, outer: Any) -> None:
    """Say in a layer's error where in the module around it the layer stands."""
    path = path_of(error.layer, outer)
    if path is None:  # a copy: what is around it, is not known
        return
    error.path = ".".join(filter(None, (text_of(path), error.path)))
    error.layer = outer
    who, text = error.parts
    error.args = (f"{who} at {error.path!r}: {text}",)
