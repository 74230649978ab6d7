"""Attention: products of queries and keys that say how values are mixed; layers made of it."""

import math
from dataclasses import field
from typing import Any, NamedTuple

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import DtypeError, ShapeError
from ..lax.slicing import dynamic_update_slice_in_dim
from ..ops.operand import operand
from ..ops.structure import cast
from ..random import Key
from . import init
from .calls import complaint
from .functions import softmax
from .layers import Dense, Dropout, check_last_axis, check_lengths
from .module import Module, module
from .positions import rotary


class Cache(NamedTuple):
    """The keys and values of positions seen before, and how many there are.

    ``key`` and ``value`` are [..., max_length, heads, head_features], ``length`` is an integer.
    """

    key: Any
    value: Any
    length: Any


# functions


def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    *,
    scale: float | None = None,
    is_causal: bool = False,
) -> Any:
    """Return softmax(scale query keyᵀ + bias) value, for each head.

    Args:
        query: [..., queries, heads, features].
        key, value: [..., keys, kv_heads, features]; each of kv_heads, of which heads is a
            multiple, serves as many heads.
        bias: numbers that broadcast to [..., heads, queries, keys].
        mask: booleans that broadcast to [..., heads, queries, keys], False where a query does not
            see a key. A query that sees none gives 0.
        scale: 1 / sqrt(features) unless given.
        is_causal: whether query i sees the keys up to i only.

    Raises:
        ShapeError: if the shapes do not fit.
        DtypeError: if the mask is not boolean.

    Source: Vaswani et al. 2017, equation 1 (arXiv:1706.03762).

    >>> x = np.ones((2, 5, 4, 8))
    >>> dot_product_attention(x, x, x, is_causal=True).shape
    (2, 5, 4, 8)
    """
    q, k, v = operand(query), operand(key), operand(value)
    k, v = _shared(q, k, v)
    weights, sees = _weights(q, k, bias, mask, scale, is_causal)
    return _mixed(weights, sees, v)


def causal_mask(queries: int, keys: int) -> np.ndarray:
    """Return which keys each query sees, [queries, keys]: those up to its own place.

    >>> causal_mask(2, 2)
    array([[ True, False],
           [ True,  True]])
    """
    return np.tri(queries, keys, dtype=bool)


def _shared(q: Any, k: Any, v: Any) -> tuple[Any, Any]:
    """Return keys and values repeated for the heads that share them."""
    (_, heads, features), (count, shared, _) = shape_of(q)[-3:], shape_of(k)[-3:]
    fits = shape_of(k)[-1] == features and shape_of(v)[-3:-1] == (count, shared)
    if not fits or not shared or heads % shared:
        raise ShapeError(
            f"dot_product_attention: query, key and value must be [..., time, heads, features], "
            f"key and value of as many places and heads: got {aval_of(q)}, {aval_of(k)} and "
            f"{aval_of(v)}"
        )
    if heads == shared:
        return k, v
    return np.repeat(k, heads // shared, axis=-2), np.repeat(v, heads // shared, axis=-2)


def _weights(q: Any, k: Any, bias: Any, mask: Any, scale: Any, causal: bool) -> tuple[Any, Any]:
    """Return the weights [..., heads, queries, keys], and which queries see a key at all."""
    scale = 1 / math.sqrt(shape_of(q)[-1]) if scale is None else scale
    q = np.moveaxis(q * scale, -2, -3)  # [..., T, H, D] -> [..., H, T, D]
    k = np.moveaxis(k, -3, -1)  # [..., S, H, D] -> [..., H, D, S]
    scores = np.matmul(q, k)
    if bias is not None:
        scores = scores + cast(operand(bias), dtype_of(scores))
    if mask is not None and dtype_of(mask) != np.bool_:
        raise DtypeError(
            f"dot_product_attention: the mask must be boolean: got {aval_of(mask)}; numbers to be "
            f"added are a bias"
        )
    if causal:
        before = causal_mask(*shape_of(scores)[-2:])
        mask = before if mask is None else mask & before
    if mask is None:
        return softmax(scores), None
    sees = np.any(mask, axis=-1, keepdims=True)
    # a query that sees nothing gets equal weights here, and 0 in the end
    scores = np.where(mask, scores, float(np.finfo(dtype_of(scores)).min) / 2)
    return softmax(scores), sees


def _mixed(weights: Any, sees: Any, v: Any) -> Any:
    y = np.matmul(weights, np.moveaxis(v, -2, -3))  # [..., H, T, S] x [..., H, S, D]
    y = y if sees is None else np.where(sees, y, 0)
    return np.moveaxis(y, -3, -2)


# layers


@module
class MultiHeadAttention(Module):
    """Attend with several heads, each to its own part of the features.

    ``attention(x)`` attends to x itself, ``attention(x, memory)`` to another sequence.

    Args:
        features: the length of the last axis of x, and of the result.
        num_heads: a divisor of features.
        kv_heads: how many heads keys and values have, a divisor of num_heads; as many unless
            given.
        memory_features: the length of the last axis of memory, features unless given.
        use_bias: whether the four linear maps have biases.
        dropout: in training, the rate at which weights are dropped.
        use_rotary: whether queries and keys are turned by their positions; see :func:`rotary`.

    Source: Vaswani et al. 2017, section 3.2.2 (arXiv:1706.03762).

    >>> from funcgrad import random
    >>> layer = MultiHeadAttention(16, 4).init(random.key(0))
    >>> layer(np.ones((2, 5, 16)), is_causal=True).shape
    (2, 5, 16)
    """

    features: int
    num_heads: int
    kv_heads: int | None = None
    memory_features: int | None = None
    use_bias: bool = True
    dropout: float = 0.0
    use_rotary: bool = False
    kernel_init: init.Initializer = field(default=init.glorot_uniform(), kw_only=True)
    query: Module | None = field(default=None, kw_only=True)
    key: Module | None = field(default=None, kw_only=True)
    value: Module | None = field(default=None, kw_only=True)
    out: Module | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_lengths(self, "features", "num_heads", least=1)
        shared = self.num_heads if self.kv_heads is None else self.kv_heads
        if self.features % self.num_heads or shared < 1 or self.num_heads % shared:
            raise ValueError(
                f"MultiHeadAttention: num_heads must divide features, and kv_heads num_heads: got "
                f"{self.num_heads}, {self.features} and {shared}"
            )
        if self.query is not None:  # as dataclasses.replace makes one
            return
        width = self.features // self.num_heads * shared
        memory = self.features if self.memory_features is None else self.memory_features
        dense = lambda a, b: Dense(a, b, self.use_bias, kernel_init=self.kernel_init)  # type: ignore[call-arg]
        self.query = dense(self.features, self.features)  # type: ignore[misc]
        self.key, self.value = dense(memory, width), dense(memory, width)  # type: ignore[misc]
        self.out = dense(self.features, self.features)  # type: ignore[misc]

    def __call__(
        self,
        x: Any,
        memory: Any = None,
        *,
        mask: Any = None,
        bias: Any = None,
        is_causal: bool = False,
        cache: Cache | None = None,
        key: Key | None = None,
    ) -> Any:
        """Return the result, [..., time, features]; with a cache, the pair of it and the cache.

        Args:
            x: [..., time, features], the queries.
            memory: [..., places, memory_features], the keys and values; x unless given.
            mask: booleans that broadcast to [..., num_heads, time, places], False where a query
                does not see a key; for padding ``padded[:, None, None, :]``.
            bias: numbers that broadcast alike, added to the scores.
            is_causal: whether a place sees only those up to it.
            cache: of the places before x; x then stands behind them, and sees those and, if
                causal, itself up to each place.
            key: in training, for dropout.
        """
        check_last_axis(self, x, self.features)
        if memory is not None and (cache is not None or is_causal):
            raise complaint(self, "is_causal and cache are for attention to x itself")
        source = x if memory is None else memory
        q = self._heads(self.query(x))  # type: ignore[misc]
        k, v = self._heads(self.key(source)), self._heads(self.value(source))  # type: ignore[misc]
        seen = 0 if cache is None else cache.length
        if self.use_rotary:
            places = seen + np.arange(shape_of(q)[-3])
            q, k = rotary(q, places), rotary(k, places)
        if cache is not None:
            k, v, cache, mask = _remembered(self, k, v, cache, mask, is_causal)
        k, v = _shared(q, k, v)
        weights, sees = _weights(q, k, bias, mask, None, is_causal and cache is None)
        if self.dropout and key is not None:
            weights = Dropout(self.dropout)(weights, key=key)
        y = _mixed(weights, sees, v)
        y = self.out(np.reshape(y, (*shape_of(y)[:-2], self.features)))  # type: ignore[misc]
        return y if cache is None else (y, cache)

    def init_cache(self, batch: Any, max_length: int, *, dtype: Any = np.float32) -> Cache:
        """Return an empty cache, for decoding place after place.

        Args:
            batch: the leading axes of x, a number or a tuple.
            max_length: how many places it can hold.
            dtype: of keys and values.
        """
        lead = (batch,) if isinstance(batch, int) else tuple(batch)
        heads = self.num_heads if self.kv_heads is None else self.kv_heads
        shape = (*lead, max_length, heads, self.features // self.num_heads)
        return Cache(np.zeros(shape, dtype), np.zeros(shape, dtype), np.zeros((), np.int64))

    def _heads(self, x: Any) -> Any:
        size = self.features // self.num_heads
        shape = shape_of(x)
        return np.reshape(
            x, (*shape[:-1], shape[-1] // size, size)
        )  # [..., T, H D] -> [..., T, H, D]


def _remembered(
    layer: Any, k: Any, v: Any, cache: Cache, mask: Any, causal: bool
) -> tuple[Any, Any, Cache, Any]:
    """Return all keys and values, the cache with the new ones, and which of them are seen."""
    count, room = shape_of(k)[-3], shape_of(cache.key)[-3]
    if shape_of(k)[:-3] != shape_of(cache.key)[:-3] or count > room:
        raise complaint(
            layer, f"the cache {aval_of(cache.key)} must have the batch of x, and room for it"
        )
    axis = len(shape_of(k)) - 3
    put = lambda old, new: dynamic_update_slice_in_dim(
        old, cast(new, dtype_of(old)), cache.length, axis
    )
    k, v = put(cache.key, k), put(cache.value, v)
    places, own = np.arange(room), cache.length + np.arange(count)
    last = own[:, None] if causal else own[-1:, None]
    seen = places <= last
    if mask is not None:
        seen = seen & mask
    return k, v, Cache(k, v, cache.length + count), seen
