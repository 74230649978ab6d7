"""Layers: modules that are called with an array, and in training with a key.

``layer(x)`` predicts; ``layer(x, key=k)`` is the training pass, in which dropout is applied.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import DtypeError, TrainingWarning, shown
from ..core.frames import warn
from ..core.integers import not_integers, whole
from ..core.trace import Tracer
from ..numpy.indexing import take
from ..ops.operand import asarray
from ..random import Key, bernoulli
from . import init
from .annotations import Array
from .apply import complaint, cure_of_axes, described, is_trained
from .module import Module, module, param
from .spatial import is_whole


def check_lengths(layer: Any, *names: str, least: int = 0) -> None:
    """Convert these fields to Python integers; raise unless they are integers >= ``least``."""
    for name in names:
        given = getattr(layer, name)
        if is_whole(given, least):
            setattr(layer, name, whole(given))
        else:
            raise ValueError(
                f"{type(layer).__name__}: {name} must be an integer, {least} or more: "
                f"got {shown(given)}"
            )


def check_last_axis(layer: Any, x: Any, length: int) -> None:
    """Raise unless the last axis has this length, of numbers."""
    dtype = dtype_of(x)
    if dtype.names or dtype.kind in "US":
        names = "np.stack([x[name] for name in x.dtype.names], axis=-1)"
        cure = names if dtype.names else "numbers, as np.unique(x, return_inverse=True)[1]"
        raise DtypeError(f"{described(layer)}: x must hold numbers: got {dtype}; write {cure}")
    if shape_of(x)[-1:] != (length,):
        text = f"the last axis of x must have length {length}: got {aval_of(x)}"
        raise complaint(layer, f"{text}; {cure_of_axes(x, length)}")


@module
class Dense(Module):
    """Affine map of the last axis, then an activation: ``activation(x @ kernel + bias)``.

    Args:
        in_features: the length of the last axis of x, shape [..., in_features].
        out_features: the length of the last axis of the result.
        use_bias: whether a bias is added.
        activation: elementwise function, applied to the result.
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
    kernel: Array = param("kernel_init", lambda self: (self.in_features, self.out_features))
    bias: Array | None = param(
        "bias_init", lambda self: (self.out_features,) if self.use_bias else None
    )

    def __post_init__(self) -> None:
        check_lengths(self, "in_features", "out_features")

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        check_last_axis(self, x, self.in_features)
        return activate(np.matmul(x, self.kernel), self.bias, self.activation)


def activate(y: Any, bias: Any, activation: Callable[[Any], Any] | None) -> Any:
    """Add the bias and apply the activation, where they are not None."""
    if bias is not None:
        y = y + bias
    return y if activation is None else activation(y)


@module
class Embedding(Module):
    """Look up rows of a table: an index i gives ``embedding[i]``.

    Args:
        num_embeddings: the number of rows.
        features: the length of a row.
        embedding_init: draws ``embedding``, shape [num_embeddings, features].

    Raises (on call):
        DtypeError: if the dtype of x is not integer.
        IndexError: if a known index is not in [0, num_embeddings).

    >>> from funcgrad import random
    >>> table = Embedding(10, 4).init(random.key(0))
    >>> table(np.array([[1, 2, 3]])).shape, table.attend(np.ones((2, 4))).shape
    ((1, 3, 4), (2, 10))
    """

    num_embeddings: int
    features: int
    embedding_init: init.Initializer = field(
        default=init.variance_scaling(1.0, "fan_in", "normal", in_axis=-1, out_axis=-2),
        kw_only=True,
    )
    embedding: Array = param("embedding_init", lambda self: (self.num_embeddings, self.features))

    def __post_init__(self) -> None:
        check_lengths(self, "num_embeddings", "features")

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        if dtype_of(x).kind not in "iu":
            raise complaint(self, not_integers("indices", x), DtypeError)
        if not isinstance(x, Tracer):
            x = asarray(x)
            if x.size and not 0 <= x.min() <= x.max() < self.num_embeddings:
                text = f"indices must be in [0, {self.num_embeddings}): got {x.min()} to {x.max()}"
                cure = f"set num_embeddings to {x.max() + 1}" if x.min() >= 0 else "count from 0"
                raise complaint(self, f"{text}; {cure}", IndexError)
        return take(self.embedding, x, axis=0)

    def attend(self, x: Any) -> Any:
        """Logits over the rows: the product of x, shape [..., features], with each row.

        It lets input and output share one table.
        """
        check_last_axis(self, x, self.features)
        return np.matmul(x, self.embedding.T)


@module
class Flatten(Module):
    """Merge all axes but the first: [batch, ...] becomes [batch, features].

    >>> Flatten()(np.ones((2, 3, 4))).shape
    (2, 12)
    """

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        shape = shape_of(x)
        if not shape:
            raise complaint(self, f"x must have a batch axis: got {aval_of(x)}; write x[None]")
        return np.reshape(x, (shape[0], math.prod(shape[1:])))


@module
class Dropout(Module):
    """In training, set each element to 0 with probability ``rate`` and scale the others up.

    Args:
        rate: float in [0, 1], the fraction of elements dropped. The others are multiplied by
            1 / (1 - rate), which keeps the expectation. Without a key x is unchanged.
        broadcast_dims: axes that share one draw: with the spatial axes, whole channels are
            dropped.

    Raises:
        ValueError: if the rate is outside [0, 1].

    Source: Srivastava et al. 2014, sections 4 and 10 (JMLR 15).

    >>> from funcgrad import random
    >>> print(Dropout(0.5)(np.ones(6), key=random.key(0)))
    [2. 2. 0. 2. 2. 2.]
    """

    rate: float
    broadcast_dims: Sequence[int] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ValueError(f"Dropout: rate must be in [0, 1]: got {self.rate}")
        self.broadcast_dims = tuple(self.broadcast_dims)

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        if key is None or self.rate == 0:
            if self.rate and is_trained(x):
                warn(
                    f"{described(self)}: it drops nothing in a training pass without a key: got "
                    f"key=None; write model(x, key=key)",
                    TrainingWarning,
                )
            return x
        if self.rate == 1:
            return np.zeros_like(x)
        keep = bernoulli(key, 1.0 - self.rate, self.drawn_shape(x))
        # a product with 0 and 1 costs one pass, a choice by np.where a dozen
        return x * (keep.astype(dtype_of(x)) * (1 / (1 - self.rate)))

    def drawn_shape(self, x: Any) -> tuple[int, ...]:
        """The shape of the draw, which broadcasts to x."""
        shape = list(shape_of(x))
        for d in self.broadcast_dims:
            if not -len(shape) <= d < len(shape):
                raise complaint(self, f"x has no axis {d} of broadcast_dims: got {aval_of(x)}")
            shape[d] = 1
        return tuple(shape)
