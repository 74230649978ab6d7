"""Functions of ``jax`` itself: devices, printing, callbacks, tests."""

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ...core import tree
from ...core.avals import dtype_of, shape_of
from ...core.errors import UnsupportedError
from ...core.registry import load
from ...core.trace import Tracer, is_concrete
from ...debug import callbacks
from ...ops.ravel import ravel_pytree as _ravel_pytree
from ...random.keys import Key
from . import sizes
from .arrays import inward, lowered, outward, raised
from .config import canonicalize_dtype
from .creation import array
from .devices import CPU, Device
from .keys import KEY_DTYPE
from .transforms import custom_vmap, point


def devices(backend: Any = None) -> list[Device]:
    """The only device."""
    return [CPU]


local_devices = devices


def device_count(backend: Any = None) -> int:
    """1, as there is one device."""
    return 1


local_device_count = process_count = host_count = device_count


def process_index(backend: Any = None) -> int:
    """0, as there is one process."""
    return 0


def default_backend() -> str:
    """The name of the only backend."""
    return "cpu"


def device_put(x: Any, device: Any = None, **_: Any) -> Any:
    """A tree with arrays for leaves."""
    return tree.map(lambda leaf: array(leaf) if _is_plain(leaf) else leaf, x)


def _is_plain(x: Any) -> bool:
    return isinstance(x, (bool, int, float, complex, np.generic)) or type(x) is np.ndarray


def device_get(x: Any) -> Any:
    """A tree with ndarrays for leaves; traced values and keys stay."""
    is_array = lambda leaf: isinstance(leaf, (np.ndarray, np.generic))
    return tree.map(lambda leaf: np.asarray(leaf) if is_array(leaf) else leaf, x)


def block_until_ready(x: Any) -> Any:
    """Pass a tree through: results are ready."""
    return x


class NoMesh:
    """The mesh of the only process."""

    empty, are_all_axes_explicit, axis_names, size = True, False, (), 1


class NoSharding:
    """The sharding of every array."""

    mesh, spec = NoMesh(), None


class ArrayType(NamedTuple):
    """Shape and dtype of an array."""

    shape: Any
    dtype: Any
    weak_type: bool = False

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def sharding(self) -> NoSharding:
        return NoSharding()


def typeof(x: Any) -> Any:
    """Shape and dtype of an array."""
    x = lowered(x)
    if isinstance(x, Key):
        return ArrayType(x.shape, KEY_DTYPE)
    return ArrayType(shape_of(x), canonicalize_dtype(dtype_of(x)))


def ravel_pytree(pytree: Any) -> tuple[Any, Callable[[Any], Any]]:
    """A vector of all elements of a tree, and the map back; see funcgrad.ravel_pytree."""
    flat, unravel = _ravel_pytree(lowered(pytree))
    return raised(flat), outward(unravel)


def check_grads(
    f: Callable[..., Any], args: Any, order: int, modes: Any = ("fwd", "rev"), **options: Any
) -> None:
    """Compare derivatives with central differences; see funcgrad.check_grads."""
    options = {k: v for k, v in options.items() if v is not None}
    load("funcgrad").check_grads(
        inward(f), point(tuple(args)), order=order, modes=tuple(modes), **options
    )


def debug_print(fmt: str, *args: Any, ordered: bool = False, **kwargs: Any) -> None:
    """Print values in order, under any transform; see funcgrad.debug.print."""
    callbacks.print(fmt, *lowered(args), **lowered(kwargs))


def debug_callback(
    callback: Callable[..., Any], *args: Any, ordered: bool = False, **kwargs: Any
) -> None:
    """Call a function with values, under any transform; see funcgrad.debug.callback."""
    call = functools.wraps(callback)(lambda *xs, **named: callback(*raised(xs), **raised(named)))
    callbacks.callback(call, *lowered(args), **lowered(kwargs))


def pure_callback(callback: Callable[..., Any], result: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a function with the values; under vmap, once for each example."""
    named = {k: v for k, v in kwargs.items() if k not in ("vmap_method", "sharding", "vectorized")}
    if all(map(_has_value, tree.leaves(lowered((args, named))))):
        return raised(callback(*args, **named))

    @custom_vmap
    def call(args: Any, named: Any) -> Any:
        raise UnsupportedError(
            "pure_callback: a compiled function calls no Python: call it outside of jit"
        )

    @call.def_vmap
    def examples(size: int, batched: Any, args: Any, named: Any) -> Any:
        pick = lambda i: lambda mapped, x: x[i] if mapped else x
        given = [tree.map(pick(i), tuple(batched), (args, named)) for i in range(size)]
        found = [pure_callback(callback, result, *some, **others) for some, others in given]
        stacked = tree.map(lambda *leaves: np.stack(leaves), *found)
        return stacked, tree.map(lambda _: True, stacked)

    return call(args, named)


def _has_value(x: Any) -> bool:
    return not isinstance(x, Tracer) or is_concrete(x)


@contextlib.contextmanager
def nothing(*args: Any, **kwargs: Any) -> Iterator[None]:
    """A block in which nothing changes."""
    yield


def effects_barrier() -> None:
    """Do nothing: results are ready."""


def copy_to_host_async(x: Any) -> Any:
    """Pass a tree through: arrays are in memory."""
    return x


def process_indices(backend: Any = None) -> list[int]:
    """The only process."""
    return [0]


def eval_jaxpr(jaxpr: Any, consts: Any, *args: Any) -> list[Any]:
    """The results of a program of ``make_jaxpr``, flat."""
    run = load("funcgrad.core.jaxpr").eval_jaxpr
    return list(raised(run(jaxpr, lowered(list(consts)), lowered(list(args)))))


def print_environment_info(return_string: bool = False) -> str | None:
    """Print the versions of this library, NumPy and Python."""
    own = load("funcgrad").__version__
    text = f"funcgrad: {own}\nnumpy:  {np.__version__}\npython: {sys.version}"
    if return_string:
        return text
    print(text)
    return None


def named_call(fun: Callable[..., Any], *, name: str | None = None) -> Callable[..., Any]:
    """The function itself."""
    return fun


def clear_caches() -> None:
    """Forget compiled programs."""
    load("funcgrad.core.cache")


def checkpoint_name(x: Any, name: str) -> Any:
    """A value with a name for policies; see funcgrad.checkpoint_name."""
    return raised(load("funcgrad").checkpoint_name(lowered(x), name))


def odeint(func: Callable[..., Any], y0: Any, t: Any, *args: Any, **options: Any) -> Any:
    """Solution of y' = func(y, t, *args); see funcgrad.scipy.integrate.odeint."""
    solve = load("funcgrad.scipy.ode").solution_at  # a list is a tree
    return raised(solve(inward(func), lowered(y0), lowered(t), lowered(args), **options))


def _segments(name: str) -> Callable[..., Any]:
    def call(
        data: Any, segment_ids: Any, num_segments: int | None = None, *ways: Any, **_: Any
    ) -> Any:
        return raised(sizes.segments(name, lowered(data), lowered(segment_ids), num_segments))

    call.__name__ = f"segment_{name}"
    call.__doc__ = "Slices with equal ids, combined."
    return call


SEGMENTS = {f"segment_{name}": _segments(name) for name in ("sum", "prod", "min", "max")}
