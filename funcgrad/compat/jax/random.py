"""``jax.random``: keys with JAX's bits, and draws in JAX's dtypes."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import random as ours
from ...core.lazy import kept as _kept
from .arrays import lowered, raised
from .config import canonicalize_dtype, default_dtype
from .keys import KEY_DTYPE, KeyArray
from .refusals import refused
from .scalars import dtype_in

_INTEGERS = {"randint", "categorical", "poisson", "geometric", "binomial"}


def key(seed: Any, impl: Any = None, **_: Any) -> KeyArray:
    """Key from a seed, with JAX's bits."""
    return KeyArray(ours.key(lowered(seed), impl="threefry2x32"))


PRNGKey = key


def _floating(name: str, default: Any) -> np.dtype[Any] | None:
    if default is inspect.Parameter.empty:
        return None
    try:
        kind = np.dtype(default).kind
    except TypeError:
        return None
    return default_dtype(kind) if kind in "fci" else None


def __getattr__(name: str) -> Any:
    if name.startswith("__") or not hasattr(ours, name):
        raise refused("jax.random", name)
    return _kept(__name__, name, function(getattr(ours, name)))


def function(fun: Callable[..., Any]) -> Callable[..., Any]:
    """A function of funcgrad.random for JAX's arrays and default dtypes."""
    named = inspect.signature(fun).parameters
    place = list(named).index("dtype") if "dtype" in named else -1

    @functools.wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        kwargs.pop("out_sharding", None)
        args = tuple([dtype_in(x) for x in args])
        if place >= 0 and len(args) > place:
            args = (*args[:place], canonicalize_dtype(args[place]), *args[place + 1 :])
        elif place >= 0 and kwargs.get("dtype") is not None:
            kwargs["dtype"] = canonicalize_dtype(dtype_in(kwargs["dtype"]))
        elif place >= 0:
            kwargs["dtype"] = _floating(fun.__name__, named["dtype"].default)
            if kwargs["dtype"] is None:
                del kwargs["dtype"]
        with np.errstate(all="ignore"):
            return raised(fun(*lowered(args), **lowered(kwargs)))

    call.__doc__ = f"See funcgrad.random.{fun.__name__}."
    return call


def rayleigh(key: KeyArray, scale: Any, shape: Any = None, dtype: Any = float) -> Any:
    """Draws of the Rayleigh distribution, by JAX's formula."""
    shape = np.shape(scale) if shape is None else shape
    draw = __getattr__("uniform")(key, shape, dtype)
    return scale * np.sqrt(-2 * np.log(draw))


def key_data(keys: KeyArray) -> Any:
    """The words of a key."""
    return raised(keys.key.data)


def wrap_key_data(key_bits_array: Any, impl: Any = None) -> KeyArray:
    """A key from its words."""
    return KeyArray(ours.wrap_key_data(lowered(key_bits_array), impl="threefry2x32"))


def key_impl(keys: KeyArray) -> str:
    """The name of the generator."""
    return keys.key.impl


def clone(key: KeyArray) -> KeyArray:
    """The key itself."""
    return key


def key_dtype(impl: Any = None) -> Any:
    """The dtype of keys."""
    return KEY_DTYPE
