"""NumPy's order of complex numbers: by real part, then by imaginary part; nan is an extremum."""

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax


def position(x: Any, axis: int, largest: bool) -> Any:
    """Where the first extremum along an axis is; the first nan, if there is one."""
    if not jnp.iscomplexobj(x):
        return (jnp.argmax if largest else jnp.argmin)(x, axis=axis)
    pick, worst = (jnp.max, -jnp.inf) if largest else (jnp.min, jnp.inf)
    odd = jnp.isnan(x)
    found = ~odd
    for part in (x.real, x.imag):
        best = pick(jnp.where(found, part, worst), axis=axis, keepdims=True)
        found &= part == best
    return jnp.argmax(odd | (found & ~jnp.any(odd, axis, keepdims=True)), axis=axis)


def extremum(x: Any, axes: Sequence[int], largest: bool) -> Any:
    """The extremum of complex numbers along axes."""
    rest = [d for d in range(x.ndim) if d not in axes]
    many = math.prod(x.shape[d] for d in axes)
    flat = jnp.transpose(x, [*rest, *axes]).reshape(*(x.shape[d] for d in rest), many)
    return jnp.take_along_axis(flat, position(flat, -1, largest)[..., None], -1)[..., 0]


def either(x: Any, y: Any, beyond: Any) -> Any:
    """The one of two complex numbers that is beyond the other, ``greater`` or ``less``; a nan."""
    first = beyond(x.real, y.real) | ((x.real == y.real) & ~beyond(y.imag, x.imag))
    return jnp.where(jnp.isnan(x) | (first & ~jnp.isnan(y)), x, y)


def extremum_at(x: Any, key: Any, v: Any, how: str) -> Any:
    """``x`` with the extremum of complex numbers at an index: "max" or "min"."""
    write = lambda x, v: getattr(x.at[key], how)(v, mode="drop")
    worst = -jnp.inf if how == "max" else jnp.inf
    real = write(x.real, v.real)
    met = v.real == real.at[key].get(mode="fill")
    imag = write(jnp.where(x.real == real, x.imag, worst), jnp.where(met, v.imag, worst))
    odd = jnp.isnan(x).at[key].max(jnp.isnan(v), mode="drop")
    return jnp.where(jnp.isnan(x), x, jnp.where(odd, jnp.nan, lax.complex(real, imag)))


def argsort(x: Any, axis: int) -> Any:
    """The stable order along an axis; numbers with a nan part are last."""
    if not jnp.iscomplexobj(x):
        return jnp.argsort(x, axis=axis, stable=True)
    odd = [jnp.isnan(part) for part in (x.real, x.imag)]
    parts = [jnp.where(o, 0, p) for o, p in zip(odd, (x.real, x.imag), strict=True)]
    return jnp.lexsort((parts[1], parts[0], *odd[::-1]), axis=axis)
