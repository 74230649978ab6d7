"""Layers: modules that take an array, and in training a key.

``layer(x)`` predicts; ``layer(x, key=k)`` is the training pass, in which dropout draws.
"""

import functools
import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import ShapeError
from ..random import Key, bernoulli, fold_in
from . import init
from .annotations import Array
from .module import Module, module, param


@module
class Dense(Module):
    """Map the last axis linearly: ``activation(x @ kernel + bias)``.

    Args:
        in_features: the length of the last axis of x, shape [..., in_features].
        out_features: the length of the last axis of the result.
        use_bias: whether a bias is added.
        activation: a function applied to the result.
        kernel_init: draws ``kernel``, shape [in_features, out_features].
        bias_init: draws ``bias``, shape [out_features].

    Raises (on call):
        ShapeError: if the last axis of x is not of length in_features.

    >>> from funcgrad import random
    >>> Dense(3, 2).init(random.key(0))(np.ones((5, 3))).shape
    (5, 2)
    """

    in_features: int
    out_features: int
    use_bias: bool = True
    activation: Callable[[Any], Any] | None = None
    kernel_init: init.Initializer = field(default=init.lecun_normal(), kw_only=True)
    bias_init: init.Initializer = field(default=init.zeros, kw_only=True)
    # type checkers do not see that a param is keyword-only
    kernel: Array = param(  # type: ignore[misc]
        "kernel_init", lambda self: (self.in_features, self.out_features)
    )
    bias: Array | None = param(  # type: ignore[misc]
        "bias_init", lambda self: (self.out_features,) if self.use_bias else None
    )

    def __post_init__(self) -> None:
        for name in ("in_features", "out_features"):
            if not isinstance(getattr(self, name), int | np.integer) or getattr(self, name) < 0:
                raise ValueError(
                    f"Dense: {name} must be a length, 0 or more: got {getattr(self, name)!r}"
                )

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        if shape_of(x)[-1:] != (self.in_features,):
            raise ShapeError(
                f"Dense({self.in_features}, {self.out_features}): the last axis of x must have "
                f"length {self.in_features}: got {aval_of(x)}"
            )
        y = np.matmul(x, self.kernel)
        if self.bias is not None:
            y = y + self.bias
        return y if self.activation is None else self.activation(y)


@module
class Lambda(Module):
    """A function of one array as a layer without parameters.

    >>> Lambda(np.abs)(np.array([-1.0]))
    array([1.])
    """

    function: Callable[[Any], Any]

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        return self.function(x)


@module
class Flatten(Module):
    """Join all axes but the first: [batch, ...] becomes [batch, features].

    >>> Flatten()(np.ones((2, 3, 4))).shape
    (2, 12)
    """

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        shape = shape_of(x)
        if not shape:
            raise ShapeError(f"Flatten: x needs a first axis, the batch: got {aval_of(x)}")
        return np.reshape(x, (shape[0], math.prod(shape[1:])))


@module
class Dropout(Module):
    """In training, set each number to 0 with probability ``rate`` and scale the others up.

    Args:
        rate: float in [0, 1]; what is kept is multiplied by 1 / (1 - rate), so that the
            expectation stays. Without a key, x is returned as it is.

    Raises:
        ValueError: if the rate is outside [0, 1].

    Source: Srivastava et al. 2014, sections 4 and 10 (JMLR 15).

    >>> from funcgrad import random
    >>> print(Dropout(0.5)(np.ones(6), key=random.key(0)))
    [2. 2. 0. 2. 2. 2.]
    """

    rate: float

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ValueError(
                f"Dropout: rate is the probability of dropping a number, in [0, 1]: got {self.rate}"
            )

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        if key is None or self.rate == 0:
            return x
        if self.rate == 1:
            return np.zeros_like(x)
        keep = bernoulli(key, 1.0 - self.rate, shape_of(x))
        # a product with 0 and 1 costs one pass, a choice by np.where a dozen
        return x * (keep.astype(dtype_of(x)) * (1 / (1 - self.rate)))


@functools.cache
def takes_key(cls: type) -> bool:
    """Return whether calling a layer of this class may be told a key."""
    parameters = inspect.signature(cls.__call__).parameters.values()
    return any(p.name == "key" or p.kind is p.VAR_KEYWORD for p in parameters)


@module
class Sequential(Module):
    """Apply layers one after the other.

    Args:
        *layers: modules, or functions of one array. In training, a layer whose ``__call__`` has
            a parameter ``key`` gets the model's key folded with the layer's position.

    It has a length, iterates over its layers, and is indexed; a slice is a Sequential.

    >>> from funcgrad import nn, random
    >>> model = Sequential(Dense(4, 8), nn.relu, Dropout(0.1), Dense(8, 1)).init(random.key(0))
    >>> model(np.ones((5, 4))).shape
    (5, 1)
    """

    layers: tuple[Module, ...]

    def __init__(self, *args: Any, layers: Sequence[Any] = ()) -> None:
        chosen = tuple(map(_as_layer, args, range(len(args)))) or tuple(layers)
        self.layers = chosen  # type: ignore[misc]

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        layer: Any
        for i, layer in enumerate(self.layers):
            if key is not None and takes_key(layer.__class__):
                x = layer(x, key=fold_in(key, i))
            else:
                x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return Sequential(*self.layers[index])
        return self.layers[index]

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"


def _as_layer(layer: Any, i: int) -> Any:
    if isinstance(layer, Module):
        return layer
    if callable(layer) and not isinstance(layer, type):
        return Lambda(layer)
    cure = f"write {layer.__name__}(...)" if isinstance(layer, type) else "write Sequential(*list)"
    raise TypeError(f"Sequential: layer {i} must be a module or a function: got {layer!r}; {cure}")
