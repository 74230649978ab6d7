"""Encodings of the positions in a sequence: sinusoidal, rotary, ALiBi and learned."""

import math
from dataclasses import field
from typing import Any

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import ShapeError
from ..core.lazy import answering
from ..core.trace import Tracer
from ..numpy.indexing import take
from ..ops.operand import operand
from ..ops.structure import cast
from ..random import Key
from . import init
from .annotations import Array
from .apply import complaint
from .layers import check_last_axis, check_lengths
from .module import Module, module, param


@answering
def sinusoidal_positions(length: int, features: int, *, dtype: Any = np.float32) -> np.ndarray:
    """Sines and cosines of positions, [length, features], to be added to embeddings.

    Args:
        length: the number of positions.
        features: the number of features: sines at even indices, cosines at odd ones.
        dtype: dtype of the result.

    Source: Vaswani et al. 2017, section 3.5 (arXiv:1706.03762).

    >>> sinusoidal_positions(2, 4).round(3)
    array([[0.   , 1.   , 0.   , 1.   ],
           [0.841, 0.54 , 0.01 , 1.   ]], dtype=float32)
    """
    angles = np.arange(length)[:, None] * 10_000.0 ** (
        -np.arange(0, features, 2) / max(features, 1)
    )
    pairs = np.stack([np.sin(angles), np.cos(angles)], axis=-1)
    return pairs.reshape(length, 2 * pairs.shape[1])[:, :features].astype(dtype)


@answering
def alibi(num_heads: int, queries: int, keys: int, *, dtype: Any = np.float32) -> np.ndarray:
    """A bias of attention scores that is linear in distance, [num_heads, queries, keys].

    The last query is at the position of the last key; each head has its own slope.

    Args:
        num_heads: 8 heads have the slopes 1/2, 1/4, ..., 1/256. If it is not a power of two, the
            heads above the next smaller power have slopes between those.
        queries, keys: the numbers of positions.
        dtype: dtype of the result.

    Source: Press et al. 2021, section 3 (arXiv:2108.12409).

    >>> alibi(2, 1, 3)
    array([[[-0.125     , -0.0625    , -0.        ]],
    <BLANKLINE>
           [[-0.0078125 , -0.00390625, -0.        ]]], dtype=float32)
    """
    if num_heads < 1:
        raise ValueError(f"alibi: num_heads must be 1 or more: got {num_heads}")
    full = 2 ** int(math.log2(num_heads))
    slopes = [2.0 ** (-8 * (i + 1) / full) for i in range(full)]
    slopes += [2.0 ** (-4 * (2 * i + 1) / full) for i in range(num_heads - full)]
    offsets = np.arange(keys) - (np.arange(queries) + keys - queries)[:, None]
    return (-np.reshape(slopes, (-1, 1, 1)) * np.abs(offsets)).astype(dtype)


@answering
def rotary(
    x: Any, positions: Any = None, *, base: float = 10_000.0, interleaved: bool = False
) -> Any:
    """Rotate queries or keys by angles proportional to their position.

    The product of a rotated query and key depends on the distance of their positions.

    Args:
        x: [..., time, heads, features], features even.
        positions: integers [..., time]; by default 0, 1, 2, ...
        base: pair i of n rotates by position * base**(-i / n).
        interleaved: whether a pair is two neighbouring features, as in the paper, or one feature
            of each half, as in most current models.

    Raises:
        ShapeError: if the number of features is odd.

    Source: Su et al. 2021, equation 34 (arXiv:2104.09864).

    >>> rotary(np.ones((1, 2, 1, 2))).round(3)[0, 1, 0]
    array([-0.301,  1.382])
    """
    x = operand(x)
    if positions is None:
        positions = np.arange(shape_of(x)[-3])
    angles = np.expand_dims(positions, (-1, -2)) * _frequencies(shape_of(x)[-1], base)
    cosine, sine = cast(np.cos(angles), dtype_of(x)), cast(np.sin(angles), dtype_of(x))
    half = shape_of(x)[-1] // 2
    a, b = (x[..., ::2], x[..., 1::2]) if interleaved else (x[..., :half], x[..., half:])
    turned = [a * cosine - b * sine, b * cosine + a * sine]
    if interleaved:
        return np.reshape(np.stack(turned, axis=-1), shape_of(x))
    return np.concatenate(turned, axis=-1)


def _frequencies(features: int, base: float) -> np.ndarray:
    if features % 2:
        raise ShapeError(
            f"rotary: the number of features of x must be even: got {features}; add one"
        )
    return base ** (-np.arange(features // 2) / (features // 2))


@module
class PositionalEmbedding(Module):
    """Add a learned vector to each position.

    Args:
        max_length: the largest number of positions.
        features: the length of the last axis of x, shape [..., time, features].
        embedding_init: draws ``embedding``, shape [max_length, features].

    >>> from funcgrad import random
    >>> PositionalEmbedding(8, 4).init(random.key(0))(np.ones((2, 5, 4))).shape
    (2, 5, 4)
    """

    max_length: int
    features: int
    embedding_init: init.Initializer = field(default=init.normal(0.02), kw_only=True)
    embedding: Array = param("embedding_init", lambda self: (self.max_length, self.features))

    def __post_init__(self) -> None:
        check_lengths(self, "max_length", "features", least=1)

    def __call__(self, x: Any, *, start: Any = 0, key: Key | None = None) -> Any:
        """x plus the vectors of its positions, which begin at ``start``."""
        check_last_axis(self, x, self.features)
        time = shape_of(x)[-2] if len(shape_of(x)) > 1 else 0
        known = 0 if isinstance(start, Tracer) else int(start)
        if not 0 <= known <= known + time <= self.max_length or len(shape_of(x)) < 2:
            where = f" from position {known}" if known else ""
            raise complaint(
                self, f"x must have at most {self.max_length} positions: got {aval_of(x)}{where}"
            )
        return x + take(self.embedding, start + np.arange(time), axis=0)
