"""Dot-product attention, as a function and as a layer with a cache for decoding."""

import math
from dataclasses import field
from typing import Any, NamedTuple

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import DtypeError, ShapeError
from ..core.integers import several
from ..core.lazy import answering
from ..core.trace import Tracer
from ..lax.slicing import dynamic_update_slice_in_dim
from ..ops.operand import operand
from ..ops.structure import cast
from ..random import Key
from ..special.exponentials import subtract_max
from . import init
from .apply import complaint
from .layers import Dense, Dropout, check_last_axis, check_lengths
from .module import Module, module
from .normalization import widened
from .positional import rotary


class Cache(NamedTuple):
    """The keys and values of earlier positions, and their number.

    ``key`` and ``value`` are [..., max_length, heads, head_features], ``length`` is an integer.
    """

    key: Any
    value: Any
    length: Any


# functions


@answering
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
    """softmax(scale query keyᵀ + bias) value, for each head.

    Args:
        query: [..., queries, heads, features].
        key, value: [..., keys, kv_heads, features]; heads is a multiple of kv_heads, and each of
            these is shared by heads / kv_heads heads.
        bias: array that broadcasts to [..., heads, queries, keys], added to the scores; -inf
            masks.
        mask: booleans that broadcast to [..., heads, queries, keys], False where a query does not
            attend to a key. The result of a fully masked query is 0.
        scale: float, by default 1 / sqrt(features).
        is_causal: whether query i attends to the keys 0 to i only.

    Raises:
        ShapeError: if the shapes do not fit.
        DtypeError: if the mask is not boolean.

    Source: Vaswani et al. 2017, equation 1 (arXiv:1706.03762).

    >>> x = np.ones((2, 5, 4, 8))
    >>> dot_product_attention(x, x, x, is_causal=True).shape
    (2, 5, 4, 8)
    """
    q, k, v = operand(query), operand(key), operand(value)
    k, v = _shared(None, q, k, v)
    return _mixed(_weights(None, q, k, bias, mask, scale, is_causal), v)


@answering
def causal_mask(queries: int, keys: int) -> np.ndarray:
    """Boolean mask [queries, keys], in which query i attends to the keys 0 to i.

    >>> causal_mask(2, 2)
    array([[ True, False],
           [ True,  True]])
    """
    return np.tri(queries, keys, dtype=bool)


def _refusal(layer: Any, text: str, kind: type[Exception] = ShapeError) -> Exception:
    """An error of a layer, or of the function if the layer is None."""
    return kind(f"dot_product_attention: {text}") if layer is None else complaint(layer, text, kind)


def _shared(layer: Any, q: Any, k: Any, v: Any) -> tuple[Any, Any]:
    """Keys and values, repeated for the heads that share them."""
    ranked = all(len(shape_of(x)) > 2 for x in (q, k, v))
    fits = ranked and shape_of(k)[-1] == shape_of(q)[-1] and shape_of(k)[:-1] == shape_of(v)[:-1]
    heads, shared = (shape_of(q)[-2], shape_of(k)[-2]) if fits else (1, 0)
    if not shared or heads % shared or shape_of(q)[:-3] != shape_of(k)[:-3]:
        raise _refusal(
            layer,
            f"query, key and value must be [..., time, heads, features] with one batch, key and "
            f"value with equal time and heads: got {aval_of(q)}, {aval_of(k)} and {aval_of(v)}; "
            f"write x[..., None, :] for one head",
        )
    if heads == shared:
        return k, v
    return np.repeat(k, heads // shared, axis=-2), np.repeat(v, heads // shared, axis=-2)


def _weights(layer: Any, q: Any, k: Any, bias: Any, mask: Any, scale: Any, causal: bool) -> Any:
    """The weights of the values, [..., heads, queries, keys]."""
    scale = 1 / math.sqrt(shape_of(q)[-1]) if scale is None else scale
    half = dtype_of(q) == np.float16
    q = np.moveaxis(widened(q) * scale, -2, -3)  # [..., T, H, D] -> [..., H, T, D]
    k = np.moveaxis(widened(k), -3, -1)  # [..., S, H, D] -> [..., H, D, S]
    scores = np.matmul(q, k)
    _check_fit(layer, "bias", bias, scores)
    _check_fit(layer, "mask", mask, scores)
    if bias is not None:
        scores = scores + cast(operand(bias), dtype_of(scores))
    if mask is not None and dtype_of(mask) != np.bool_:
        text = f"the mask must be boolean: got {aval_of(mask)}; pass numbers as bias="
        raise _refusal(layer, text, DtypeError)
    if causal:
        before = causal_mask(*shape_of(scores)[-2:])
        mask = before if mask is None else mask & before
    if 0 in shape_of(scores):  # the maximum of an empty axis does not exist
        return scores
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    e = np.exp(subtract_max(scores, -1))
    total = np.sum(e, axis=-1, keepdims=True)
    if mask is not None or bias is not None:
        total = np.where(total == 0, 1, total)  # of a fully masked query
    return cast(e / total, np.dtype(np.float16)) if half else e / total


def _check_fit(layer: Any, name: str, x: Any, scores: Any) -> None:
    """Raise unless an argument broadcasts to the shape of the scores."""
    want, got = shape_of(scores), () if x is None else shape_of(x)
    pairs = zip(want[::-1], got[::-1], strict=False)
    if len(got) > len(want) or any(n not in (1, m) for m, n in pairs):
        raise _refusal(
            layer,
            f"the {name} must broadcast to [..., heads, queries, keys] = {list(want)}: got "
            f"{aval_of(x)}; add an axis for heads: x[..., None, :, :]",
        )


def _mixed(weights: Any, v: Any) -> Any:
    y = np.matmul(weights, np.moveaxis(v, -2, -3))  # [..., H, T, S] x [..., H, S, D]
    return np.moveaxis(y, -3, -2)


# layers


@module
class MultiHeadAttention(Module):
    """Multi-head attention: each head works on its own part of the features.

    ``attention(x)`` attends to x itself, ``attention(x, memory)`` to another sequence, and
    ``attention(x, memory, values)`` takes the values from a third. For decoding with a cache see
    ``init_cache``.

    Args:
        features: the length of the last axis of x, and of the result.
        num_heads: a divisor of features.
        kv_heads: the number of heads of keys and values, a divisor of num_heads and by default
            num_heads.
        memory_features: the length of the last axis of memory, by default features.
        value_features: the length of the last axis of values, by default memory_features.
        use_bias: whether the four linear maps have biases.
        dropout: float in [0, 1], the rate of dropout of the weights in training.
        use_rotary: whether queries and keys are rotated by their positions; see :func:`rotary`.
        causal: the default of ``is_causal``: whether a position attends to earlier ones only.

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
    value_features: int | None = None
    use_bias: bool = True
    dropout: float = 0.0
    use_rotary: bool = False
    causal: bool = False
    kernel_init: init.Initializer = field(default=init.glorot_uniform(), kw_only=True)
    bias_init: init.Initializer = field(default=init.zeros, kw_only=True)
    query: Dense = field(default=None, kw_only=True)  # type: ignore[assignment]
    key: Dense = field(default=None, kw_only=True)  # type: ignore[assignment]
    value: Dense = field(default=None, kw_only=True)  # type: ignore[assignment]
    out: Dense = field(default=None, kw_only=True)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        check_lengths(self, "features", "num_heads", least=1)
        shared = self.num_heads if self.kv_heads is None else self.kv_heads
        if self.features % self.num_heads or shared < 1 or self.num_heads % shared:
            raise ValueError(
                f"MultiHeadAttention: num_heads must divide features, and kv_heads must divide "
                f"num_heads: got num_heads={self.num_heads}, features={self.features} and "
                f"kv_heads={shared}; choose features = num_heads * (features per head)"
            )
        if self.use_rotary and self.features // self.num_heads % 2:
            raise ValueError(
                f"MultiHeadAttention: use_rotary needs an even number of features per head: "
                f"got {self.features // self.num_heads}; double features"
            )
        Dropout(self.dropout)  # raises for a wrong rate
        if self.query is not None:  # from dataclasses.replace
            return
        n, width = self.features, self.features // self.num_heads * shared
        memory = n if self.memory_features is None else self.memory_features
        values = memory if self.value_features is None else self.value_features
        options: Any = {"kernel_init": self.kernel_init, "bias_init": self.bias_init}
        dense = lambda a, b: Dense(a, b, self.use_bias, **options)
        self.query, self.key = dense(n, n), dense(memory, width)
        self.value, self.out = dense(values, width), dense(n, n)

    def __call__(
        self,
        x: Any,
        memory: Any = None,
        values: Any = None,
        *,
        mask: Any = None,
        key_mask: Any = None,
        bias: Any = None,
        is_causal: bool | None = None,
        cache: Cache | None = None,
        key: Key | None = None,
    ) -> Any:
        """The result, [..., time, features]; with a cache, the pair (result, cache).

        Args:
            x: [..., time, features], the queries.
            memory: [..., keys, memory_features], by default x.
            values: [..., keys, value_features], by default memory.
            mask: booleans that broadcast to [..., num_heads, time, keys], False where a query
                does not attend to a key. With a cache, keys is its max_length.
            key_mask: booleans [..., keys], False at padding.
            bias: array that broadcasts like the mask, added to the scores.
            is_causal: whether a position attends to earlier ones only; by default ``causal``.
            cache: keys and values of the positions before x, to which x attends too.
            key: key for dropout, in training.
        """
        check_last_axis(self, x, self.features)
        if len(shape_of(x)) < 2:
            raise complaint(self, f"x must be [time, features]: got {aval_of(x)}; write x[None]")
        is_causal = self.causal if is_causal is None else is_causal
        if memory is not None and (cache is not None or is_causal):
            raise complaint(self, "memory excludes is_causal and cache; use mask", ValueError)
        source = x if memory is None else memory
        q, k = self._heads(self.query(x)), self._heads(self.key(source))
        v = self._heads(self.value(source if values is None else values))
        seen = 0 if cache is None else cache.length
        if self.use_rotary:
            positions = np.arange(shape_of(k)[-3])
            q, k = rotary(q, seen + np.arange(shape_of(q)[-3])), rotary(k, seen + positions)
        mask = _both(self, mask, key_mask)
        if cache is not None:
            k, v, cache, mask = _remembered(self, k, v, cache, mask, is_causal)
        k, v = _shared(self, q, k, v)
        weights = _weights(self, q, k, bias, mask, None, is_causal and cache is None)
        if self.dropout and key is not None:
            weights = Dropout(self.dropout)(weights, key=key)
        y = _mixed(weights, v)
        y = self.out(np.reshape(y, (*shape_of(y)[:-2], self.features)))
        if cache is None:
            return y
        if isinstance(cache.length, Tracer):  # positions beyond max_length have overwritten others
            y = np.where(cache.length <= shape_of(cache.key)[-3], y, np.nan)
        return y, cache

    def init_cache(self, batch: Any, max_length: int, *, dtype: Any = np.float32) -> Cache:
        """An empty cache for decoding: ``y, cache = layer(x, cache=cache)``.

        More than max_length positions raise, or give nan where their number is traced.

        Args:
            batch: int or tuple of int, the leading axes of x.
            max_length: the largest number of positions.
            dtype: dtype of keys and values.
        """
        lead = several(batch)
        heads = self.num_heads if self.kv_heads is None else self.kv_heads
        shape = (*lead, max_length, heads, self.features // self.num_heads)
        return Cache(np.zeros(shape, dtype), np.zeros(shape, dtype), np.zeros((), np.int64))

    def _heads(self, x: Any) -> Any:
        size = self.features // self.num_heads
        shape = shape_of(x)
        return np.reshape(x, (*shape[:-1], shape[-1] // size, size))  # [.., H D] -> [.., H, D]


def _both(layer: Any, mask: Any, key_mask: Any) -> Any:
    """Combine a mask of queries and keys with a mask of keys."""
    if key_mask is None:
        return mask
    if dtype_of(key_mask) != np.bool_:
        got = aval_of(key_mask)
        raise complaint(
            layer,
            f"key_mask must be boolean: got {got}; use True for keys that are attended to",
            DtypeError,
        )
    key_mask = np.expand_dims(key_mask, (-3, -2))  # [..., S] -> [..., 1, 1, S]
    return key_mask if mask is None else mask & key_mask


def _remembered(
    layer: Any, k: Any, v: Any, cache: Cache, mask: Any, causal: bool
) -> tuple[Any, Any, Cache, Any]:
    """All keys and values, the cache with the new ones, and the mask over them."""
    count, room = shape_of(k)[-3], shape_of(cache.key)[-3]
    if shape_of(k)[:-3] != shape_of(cache.key)[:-3]:
        raise complaint(
            layer, f"the cache must have the batch of x: got {aval_of(cache.key)} for {aval_of(k)}"
        )
    known = not isinstance(cache.length, Tracer)
    if count + (int(cache.length) if known else 0) > room:
        held = f"{int(cache.length)} of " if known else ""
        raise complaint(
            layer,
            f"the cache is full: got {count} positions for one that holds {held}{room}; give "
            f"init_cache a larger max_length",
        )
    axis = len(shape_of(k)) - 3
    put = lambda old, new: dynamic_update_slice_in_dim(
        old, cast(new, dtype_of(old)), cache.length, axis
    )
    k, v = put(cache.key, k), put(cache.value, v)
    own = cache.length + np.arange(count)
    seen = np.arange(room) <= (own[:, None] if causal else own[-1:, None])
    if mask is not None:
        seen = seen & mask
    return k, v, Cache(k, v, cache.length + count), seen
