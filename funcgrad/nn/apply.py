"""Calls of a model: the training pass, updated statistics, and errors with the path of the layer.

A layer reports new values of its statistics to :func:`refresh`, and the enclosing :func:`apply`
returns a model that holds them. Nothing is changed in place, so both work in any transform.
"""

import dataclasses
import functools
import inspect
import math
import sys
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import MISSING
from typing import Any, NoReturn

import numpy as np

from ..answers.misfits import ArgumentError, told
from ..core import tree
from ..core.avals import check_class, dtype_of, is_arraylike, shape_of
from ..core.errors import (
    FuncgradError,
    LeakedTracerError,
    ShapeError,
    TrainingWarning,
    UninitializedError,
)
from ..core.frames import warn
from ..core.lazy import answering
from ..core.registry import load
from ..core.trace import Tracer
from ..ops.stop_gradient import stop_gradient
from ..ops.structure import cast
from ..random import Key
from ..transforms.reverse import TapeTracer
from .traverse import is_module, modules_in, path_of, replace_fields, text_of


class RefreshError(FuncgradError, RuntimeError):
    """Updated statistics that cannot be put into the model.

    >>> import numpy as np, funcgrad as fg
    >>> from funcgrad import nn
    >>> norm = nn.BatchNorm(2).init(fg.random.key(0))
    >>> nn.apply(nn.Sequential(norm, norm), np.ones((4, 2)), key=fg.random.key(1))
    Traceback (most recent call last):
    funcgrad.nn.apply.RefreshError: apply: one BatchNorm with new statistics is at two paths: ...

    The two places would differ after the update. The fix is one field that is called twice. A layer
    that ``fg.checkpoint`` takes as an argument is a copy: call ``nn.apply(layer, x, key=key)``
    there, and report the layer that it returns: ``nn.refresh(self, layer=layer)``.
    """


class Reports:
    """The field values that layers report in one call of a model, by the layer's identity."""

    def __init__(self) -> None:
        self.found: dict[
            int, tuple[Any, dict[str, Any]]
        ] = {}  # holds the module, so that its id stays unique

    def add(self, layer: Any, values: dict[str, Any]) -> None:
        self.found[id(layer)] = layer, {**self.of(layer), **values}

    def of(self, layer: Any) -> dict[str, Any]:
        return self.found.get(id(layer), (layer, {}))[1]


reports: ContextVar[Reports | None] = ContextVar("reports", default=None)
# wraps each call of a module, see nn/summary.py
watcher: ContextVar[Callable[..., Any] | None] = ContextVar("watcher", default=None)


@answering
def refresh(layer: Any, /, **values: Any) -> None:
    """Report new values of a layer's fields to the enclosing ``apply``.

    Without an ``apply`` they are discarded. They are constants to every derivative, and are cast
    to the dtypes of the old values.

    Args:
        layer: a module of the model, usually ``self``.
        **values: new values of fields that hold arrays or modules.

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
            f"refresh: only fields that hold arrays or modules can be refreshed: got {wrong[0]!r} "
            f"of {type(layer).__name__}, which has {list(type(layer).__children__)}"
        )
    collected = reports.get()
    if collected is None:
        if any(is_trained(x) for x in values.values()):
            warn(
                f"{described(layer)}: its new statistics are lost: got a training pass outside of "
                f"nn.apply; write y, model = nn.apply(model, x, key=key)",
                TrainingWarning,
            )
    else:
        new = {name: _like(value, getattr(layer, name)) for name, value in values.items()}
        collected.add(layer, new)


def _like(value: Any, old: Any) -> Any:
    """A new value as a constant, cast to the dtype of the old one."""
    value = stop_gradient(value)
    if is_arraylike(value) and is_arraylike(old):
        return cast(value, dtype_of(old))
    return value


@answering
def latest(layer: Any, name: str) -> Any:
    """The value of a layer's field, as last refreshed in this call.

    >>> from funcgrad import nn
    >>> latest(nn.Dropout(0.5), "rate")
    0.5
    """
    collected = reports.get()
    known = {} if collected is None else collected.of(layer)
    return known[name] if name in known else getattr(layer, name)


@answering
def apply(model: Any, /, *args: Any, key: Key | None = None, **kwargs: Any) -> tuple[Any, Any]:
    """Call a model; return the result and the model with updated statistics.

    Args:
        model: a module, or a callable tree.
        *args: positional arguments of the call.
        key: a key for the training pass, with dropout and the batch statistics of batch norm;
            None to predict.
        **kwargs: keyword arguments of the call.

    Raises:
        LeakedTracerError: if a layer refreshed its statistics in a transform that has ended.
        RefreshError: if a layer with new statistics is a copy, or is at two paths of the model.

    >>> from funcgrad import nn, random
    >>> model = nn.Sequential(nn.Dense(2, 3), nn.BatchNorm(3)).init(random.key(0))
    >>> y, model = apply(model, random.normal(random.key(1), (8, 2)), key=random.key(2))
    >>> y.shape, model[1].mean.shape
    ((8, 3), (3,))
    """
    if not callable(model):
        raise TypeError(
            f"apply: the first argument must be a model: got {told(model)}; write apply(model, x)"
        )
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
        if id(m) in known and id(m) in collected.found:  # a transform would copy it twice
            raise RefreshError(
                f"apply: one {type(m).__name__} with new statistics is at two paths: got "
                f"{known[id(m)]!r} and {text_of(path)!r}; hold it in one field, and call it twice"
            )
        known[id(m)] = text_of(path)
    for i, (layer, values) in collected.found.items():
        who = type(layer).__name__
        if i not in known:
            raise RefreshError(
                f"apply: a {who} refreshed its statistics, but is a copy of a layer, made by a "
                f"transform in the model's call: call nn.apply on it there, "
                f"and report the layer that it returns: nn.refresh(self, field=layer)"
            )
        if any(isinstance(x, Tracer) and x._trace.dead for x in tree.leaves(values)):
            raise LeakedTracerError(
                f"apply: the {who} at {known[i]!r} refreshed its statistics in a transform that "
                f"has ended, such as vmap, scan or checkpoint in the model's call: return "
                f"them from there with nn.apply, or name the axis of vmap in axis_name"
            )
    return replace_fields(model, lambda path, m: collected.of(m))


def takes_key(layer: Any) -> bool:
    """Whether a layer or function has a parameter ``key``."""
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


def is_trained(x: Any) -> bool:
    """Whether a value is differentiated now, in a call of a model whose parameters are too."""
    if not _is_on_a_tape(x):
        return False
    frame: Any = sys._getframe(1)
    model = None
    while frame is not None:  # to the outermost model
        if frame.f_code.co_name == "ready_call":
            model = frame.f_locals["self"]
        frame = frame.f_back
    leaves = tree.leaves(model)
    return not leaves or any(map(_is_on_a_tape, leaves))


def _is_on_a_tape(x: Any) -> bool:
    while isinstance(x, Tracer) and not isinstance(x, TapeTracer):
        x = getattr(x, "value", None)  # below vmap, say
    return isinstance(x, TapeTracer)


def ready(call: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``__call__`` to check that parameters are drawn, and to add the path to errors."""

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
            told = error
            if not isinstance(error, FuncgradError) or isinstance(error, ArgumentError):
                answered = load("funcgrad.answers.binding").answered
                told = answered(error, type(self).__name__, call, (self, *args), kwargs)
            if told is not error:
                raise told from None
            if getattr(error, "layer", self) is not self:
                _locate(error, self)
            raise

    return ready_call


def no_number(self: Any, *other: Any) -> NoReturn:
    raise TypeError(
        f"{type(self).__name__}: a model is not a number: got it in arithmetic; combine its arrays "
        f"by funcgrad.tree.map(lambda p, g: p - 0.1 * g, model, grads)"
    )


def check_drawn(layer: Any) -> None:
    """Raise unless every parameter of a layer has a value."""
    for name, spec in layer.__params__.items():
        if getattr(layer, name) is None and spec.shape_in(layer) is not None:
            raise _uninitialized(layer, name)


def _uninitialized(layer: Any, name: str) -> Exception:
    is_part = any(getattr(layer, other) is not None for other in layer.__params__)
    cure = "nn.combine the parts" if is_part else "write model = model.init(funcgrad.random.key(0))"
    text = f"the parameter {name!r} has no value yet: got None; {cure} first"
    return complaint(layer, text, UninitializedError, repr(layer))


def complaint(
    layer: Any, text: str, kind: type[Exception] = ShapeError, who: str | None = None
) -> Exception:
    """An error of a layer, to which the enclosing models add its path."""
    who = described(layer) if who is None else who
    error: Any = kind(f"{who}: {text}")
    error.layer, error.path, error.parts = layer, "", (who, text)
    return error


def cure_of_axes(x: Any, length: int) -> str:
    """The cure where the last axis of an array is not of the length that a layer takes."""
    shape = shape_of(x)
    if dtype_of(x).kind == "O":
        return "give an array of numbers; None comes from a function without a return statement"
    if any(math.prod(shape[i:]) == length for i in range(1, len(shape) - 1)):
        return "merge the axes after the batch axis by nn.Flatten()"
    if length in shape[1:-1] or (len(shape) == 2 and length == shape[0]):
        d = shape.index(length, len(shape) > 2)
        return f"move that axis to the end: np.moveaxis(x, {d}, -1)"
    if length == 1 and len(shape) < 3:
        return "write x[..., None]"
    return f"build the layer for {shape[-1]}" if shape else "give x an axis"


def described(layer: Any) -> str:
    """The text of a layer with its required arguments."""
    every: Any = dataclasses.fields(type(layer))
    needed = [f for f in every if f.init and f.default is f.default_factory is MISSING]
    arguments = ", ".join(
        repr(getattr(layer, f.name)) for f in needed if f.name in layer.__static__
    )
    return f"{type(layer).__name__}({arguments})"


def _locate(error: Any, outer: Any) -> None:
    """Add to a layer's error the path of the layer in an enclosing module."""
    path = path_of(error.layer, outer)
    if path is None:  # a copy, whose path is unknown
        return
    error.path = ".".join(filter(None, (text_of(path), error.path)))
    error.layer = outer
    who, text = error.parts
    error.args = (f"{who} at {error.path!r}: {text}",)
