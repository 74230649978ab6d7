"""Attention: products of queries and keys that say how values are mixed; layers made of it."""

import math
from dataclasses import field
from typing import Any, NamedTuple

import numpy as np

from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import DtypeError, ShapeError
from ..core.integers import several
from ..core.trace import Tracer
from ..lax.slicing import dynamic_update_slice_in_dim
from ..ops.operand import operand
from ..ops.structure import cast
from ..random import Key
from ..special.exponentials import shifted
from . import init
from .apply import complaint
from .layers import Dense, Dropout, check_last_axis, check_lengths
from .module import Module, module
from .normalization import widened
from .positional import rotary


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
        bias: numbers that broadcast to [..., heads, queries, keys]; -inf is like a mask.
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
    k, v = _shared(None, q, k, v)
    return _mixed(_weights(None, q, k, bias, mask, scale, is_causal), v)


def causal_mask(queries: int, keys: int) -> np.ndarray:
    """Return which keys each query sees, [queries, keys]: those up to its own place.

    >>> causal_mask(2, 2)
    array([[ True, False],
           [ True,  True]])
    """
    return np.tri(queries, keys, dtype=bool)


def _refusal(layer: Any, text: str, kind: type[Exception] = ShapeError) -> Exception:
    """Return an error of a layer, or of the function where there is none."""
    return kind(f"dot_product_attention: {text}") if layer is None else complaint(layer, text, kind)


def _shared(layer: Any, q: Any, k: Any, v: Any) -> tuple[Any, Any]:
    """Return keys and values repeated for the heads that share them."""
    ranked = all(len(shape_of(x)) > 2 for x in (q, k, v))
    fits = ranked and shape_of(k)[-1] == shape_of(q)[-1] and shape_of(k)[:-1] == shape_of(v)[:-1]
    heads, shared = (shape_of(q)[-2], shape_of(k)[-2]) if fits else (1, 0)
    if not shared or heads % shared or shape_of(q)[:-3] != shape_of(k)[:-3]:
        raise _refusal(
            layer,
            f"query, key and value must be [..., time, heads, features], of one batch, key and "
            f"value of as many places and heads: got {aval_of(q)}, {aval_of(k)} and {aval_of(v)}",
        )
    if heads == shared:
        return k, v
    return np.repeat(k, heads // shared, axis=-2), np.repeat(v, heads // shared, axis=-2)


def _weights(layer: Any, q: Any, k: Any, bias: Any, mask: Any, scale: Any, causal: bool) -> Any:
    """Return how much of each value a query gets, [..., heads, queries, keys]."""
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
        text = f"the mask must be boolean: got {aval_of(mask)}; numbers to be added are a bias"
        raise _refusal(layer, text, DtypeError)
    if causal:
        before = causal_mask(*shape_of(scores)[-2:])
        mask = before if mask is None else mask & before
    if 0 in shape_of(scores):  # there is no largest of none
        return scores
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    e = np.exp(shifted(scores, -1))
    total = np.sum(e, axis=-1, keepdims=True)
    if mask is not None or bias is not None:
        total = np.where(total == 0, 1, total)  # of a query that sees nothing
    return cast(e / total, np.dtype(np.float16)) if half else e / total


def _check_fit(layer: Any, name: str, x: Any, scores: Any) -> None:
    """Raise unless an argument broadcasts to the scores without making them larger."""
    want, got = shape_of(scores), () if x is None else shape_of(x)
    pairs = zip(want[::-1], got[::-1], strict=False)
    if len(got) > len(want) or any(n not in (1, m) for m, n in pairs):
        raise _refusal(
            layer,
            f"the {name} must broadcast to [..., heads, queries, keys], here {list(want)}: got "
            f"{aval_of(x)}",
        )


def _mixed(weights: Any, v: Any) -> Any:
    y = np.matmul(weights, np.moveaxis(v, -2, -3))  # [..., H, T, S] x [..., H, S, D]
    return np.moveaxis(y, -3, -2)


# layers


@module
class MultiHeadAttention(Module):
    """Attend with several heads, each to its own part of the features.

    ``attention(x)`` attends to x itself, ``attention(x, memory)`` to another sequence, and
    ``attention(x, memory, values)`` takes values from a third. With a cache it decodes: see
    ``init_cache``.

    Args:
        features: the length of the last axis of x, and of the result.
        num_heads: a divisor of features.
        kv_heads: how many heads keys and values have, a divisor of num_heads; as many unless
            given.
        memory_features: the length of the last axis of memory, features unless given.
        value_features: of values, memory_features unless given.
        use_bias: whether the four linear maps have biases.
        dropout: in training, the rate at which weights are dropped.
        use_rotary: whether queries and keys are turned by their positions; see :func:`rotary`.
        causal: whether a place sees only those up to it, unless a call says otherwise.

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
                f"MultiHeadAttention: num_heads must divide features, and kv_heads num_heads: got "
                f"{self.num_heads}, {self.features} and {shared}"
            )
        if self.use_rotary and self.features // self.num_heads % 2:
            raise ValueError(
                f"MultiHeadAttention: use_rotary turns pairs of a head's features, of which there "
                f"must be an even number: got {self.features // self.num_heads}"
            )
        Dropout(self.dropout)  # complains of a wrong rate
        if self.query is not None:  # as dataclasses.replace makes one
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
        """Return the result, [..., time, features]; with a cache, the pair of it and the cache.

        Args:
            x: [..., time, features], the queries.
            memory: [..., places, memory_features], the keys; x unless given.
            values: [..., places, value_features], the values; memory unless given.
            mask: booleans that broadcast to [..., num_heads, time, places], False where a query
                does not see a key. With a cache, places are all it can hold.
            key_mask: booleans [..., places], False at padding, which no query sees.
            bias: numbers that broadcast as the mask does, added to the scores.
            is_causal: whether a place sees only those up to it; as described unless given.
            cache: of the places before x; x then stands behind them, and sees those and, if
                causal, itself up to each place.
            key: in training, for dropout.
        """
        check_last_axis(self, x, self.features)
        if len(shape_of(x)) < 2:
            raise complaint(self, f"x must be [..., time, features]: got {aval_of(x)}")
        is_causal = self.causal if is_causal is None else is_causal
        if memory is not None and (cache is not None or is_causal):
            raise complaint(self, "is_causal and cache are for attention to x itself", ValueError)
        source = x if memory is None else memory
        q, k = self._heads(self.query(x)), self._heads(self.key(source))
        v = self._heads(self.value(source if values is None else values))
        seen = 0 if cache is None else cache.length
        if self.use_rotary:
            places = np.arange(shape_of(k)[-3])
            q, k = rotary(q, seen + np.arange(shape_of(q)[-3])), rotary(k, seen + places)
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
        if isinstance(cache.length, Tracer):  # what did not fit lies over what did
            y = np.where(cache.length <= shape_of(cache.key)[-3], y, np.nan)
        return y, cache

    def init_cache(self, batch: Any, max_length: int, *, dtype: Any = np.float32) -> Cache:
        """Return an empty cache, for decoding: ``y, cache = layer(x, cache=cache)``.

        More places than it can hold raise, or give nan where their number is traced.

        Args:
            batch: the leading axes of x, a number or a tuple.
            max_length: how many places it can hold.
            dtype: of keys and values.
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
    """Return which keys each query sees, of a mask of both and one of keys alone."""
    if key_mask is None:
        return mask
    if dtype_of(key_mask) != np.bool_:
        got = aval_of(key_mask)
        raise complaint(layer, f"key_mask must be boolean: got {got}; True is seen", DtypeError)
    key_mask = np.expand_dims(key_mask, (-3, -2))  # [..., S] -> [..., 1, 1, S]
    return key_mask if mask is None else mask & key_mask


def _remembered(
    layer: Any, k: Any, v: Any, cache: Cache, mask: Any, causal: bool
) -> tuple[Any, Any, Cache, Any]:
    """Return all keys and values, the cache with the new ones, and which of them are seen."""
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
            f"the cache is full: got {count} places for one that holds {held}{room}; give "
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
