"""Random words in JAX: those of both generators, bit for bit.

Threefry is JAX's own; Philox is written in 64-bit integers.
Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 4.3.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..core.avals import Shape
from .rules import At, row

_M0, _M1 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)  # multipliers of a round
_W0, _W1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)  # steps of the key
_BITS, _SPLIT, _FOLD_IN = range(3)  # uses of a stream, see funcgrad/random/philox.py


def _product(a: Any, b: Any) -> tuple[Any, Any]:
    """The high and the low word of a product of 64-bit words."""
    half, low = np.uint64(32), np.uint64(0xFFFFFFFF)
    a0, a1, b0, b1 = a & low, a >> half, b & low, b >> half
    cross = ((a0 * b0) >> half) + ((a1 * b0) & low) + ((a0 * b1) & low)
    high = a1 * b1 + ((a1 * b0) >> half) + ((a0 * b1) >> half) + (cross >> half)
    return high, a * b


def _philox(keys: Any, use: int, data: Any, num: int) -> Any:
    """The first ``num`` words of one use of each key: u64[n,num]."""
    n, blocks = len(keys), -(-num // 4)
    spread = lambda x: jnp.broadcast_to(jnp.asarray(x, jnp.uint64), (n, blocks))
    c0, c1 = spread(jnp.arange(1, blocks + 1)), spread(jnp.reshape(data, (-1, 1)))
    c2, c3 = spread(0), spread(use)
    k0, k1 = keys[:, :1], keys[:, 1:]  # [n, 1], against blocks
    for _ in range(10):
        high0, low0 = _product(_M0, c0)
        high1, low1 = _product(_M1, c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = k0 + _W0, k1 + _W1
    return jnp.stack([c0, c1, c2, c3], -1).reshape(n, -1)[:, :num]


def _of_each(function: Any, keys: Any, *data: Any) -> Any:
    """Apply a function of JAX's random keys to the words of each key."""
    own = jax.random.wrap_key_data(keys.astype(jnp.uint32), impl="threefry2x32")
    return jax.vmap(function)(own, *data)


@row("random_bits")
def _bits(at: At, keys: Any, *, shape: Shape, dtype: np.dtype, impl: str) -> Any:
    flat, num = jnp.reshape(keys, (-1, 2)), math.prod(shape)
    if impl == "threefry2x32":
        drawn = _of_each(lambda key: jax.random.bits(key, (num,), dtype), flat)
    else:
        words = _philox(flat, _BITS, 0, -(-num * dtype.itemsize // 8))
        if dtype.itemsize < 8:
            words = lax.bitcast_convert_type(words, dtype).reshape(len(flat), -1)
        drawn = words[:, :num]
    return drawn.reshape(at.outs[0].shape)


@row("random_split")
def _split(at: At, keys: Any, *, shape: Shape, impl: str) -> Any:
    flat, num = jnp.reshape(keys, (-1, 2)), math.prod(shape)
    if impl == "threefry2x32":
        found = _of_each(lambda key: jax.random.key_data(jax.random.split(key, num)), flat)
    else:
        found = _philox(flat, _SPLIT, 0, 2 * num)
    return found.reshape(at.outs[0].shape)


@row("random_fold_in")
def _fold_in(at: At, keys: Any, data: Any, *, impl: str) -> Any:
    shape = at.outs[0].shape[:-1]
    flat = jnp.broadcast_to(keys, (*shape, 2)).reshape(-1, 2)
    data = jnp.broadcast_to(jnp.asarray(data).astype(jnp.uint64), shape).reshape(-1)
    if impl == "threefry2x32":
        fold = lambda key, x: jax.random.key_data(jax.random.fold_in(key, x))
        return _of_each(fold, flat, data.astype(jnp.uint32)).reshape(*shape, 2)
    return _philox(flat, _FOLD_IN, data, 2).reshape(*shape, 2)
