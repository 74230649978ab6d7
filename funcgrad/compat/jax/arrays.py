"""Arrays with JAX's interface: ndarrays outside of transforms, and wrapped tracers inside.

A call crosses to this library by ``lowered`` (to ndarrays and tracers) and back by ``raised``.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ... import numpy as ours
from ...core import tree
from ...core.avals import aval_of, dtype_of
from ...core.buffers import Buffer, plain
from ...core.errors import UnsupportedError
from ...core.trace import Tracer
from ...ops.structure import cast
from ...random.keys import Key
from .arguments import axes_of, keywords
from .config import as_dtype, canonicalize_dtype
from .devices import CPU, Device
from .indexing import elements
from .keys import KeyArray
from .promotion import promoted
from .views import view
from .weak_types import STRONG, is_weak, operands_in, weakened

_METHODS = (
    "all", "any", "argmax", "argmin", "argsort", "compress", "conj", "conjugate",
    "cumprod", "cumsum", "diagonal", "dot", "max", "mean", "min", "nonzero", "prod", "ptp",
    "ravel", "repeat", "reshape", "round", "searchsorted", "sort", "squeeze", "std", "sum",
    "swapaxes", "take", "trace", "transpose", "var",
)  # fmt: skip


class Methods:
    """Methods that ndarrays lack, or that follow JAX's dtypes."""

    __slots__ = ()
    weak: bool  # made of Python scalars: its dtype gives way to that of other operands
    T = property(lambda self: weakened(raised(own(self).T), (self,)))
    mT = property(lambda self: weakened(raised(own(self).mT), (self,)))  # noqa: N815, of NumPy
    real = property(lambda self: weakened(raised(np.real(own(self))), (self,)))
    imag = property(lambda self: weakened(raised(np.imag(own(self))), (self,)))

    @property
    def weak_type(self) -> bool:
        return self.weak or aval_of(own(self)).weak

    @property
    def aval(self) -> Any:
        return aval_of(own(self))

    def block_until_ready(self) -> Any:
        return self

    def copy_to_host_async(self) -> None:
        """Do nothing: arrays are in memory."""

    def is_deleted(self) -> bool:
        return False

    def delete(self) -> None:
        """Do nothing: memory is freed with the last reference."""

    def devices(self) -> set[Device]:
        return {CPU}

    device = CPU
    committed = False
    is_fully_addressable = True
    is_fully_replicated = True

    @property
    def sharding(self) -> Any:
        raise UnsupportedError("x.sharding: one process computes; leave it out")

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            "arrays of compat.jax are immutable: write x = x.at[index].set(value) instead of "
            "x[index] = value"
        )

    def __getitem__(self, index: Any) -> Any:
        return weakened(raised(elements(own(self), lowered(index))), (self,))

    def __iter__(self) -> Iterator[Any]:
        return iter([self[i] for i in range(len(self))])  # type: ignore[arg-type]

    def astype(self, dtype: Any, copy: bool = False, device: Any = None) -> Any:
        x, dtype = own(self), as_dtype(dtype)
        if dtype.kind not in "c" and dtype_of(x).kind == "c":
            x = np.real(x)
        return raised(
            cast(x, canonicalize_dtype(dtype)) if isinstance(x, Tracer) else x.astype(dtype)
        )

    def view(self, dtype: Any = None, *rest: Any) -> Any:
        of_class = isinstance(dtype, type) and issubclass(dtype, np.ndarray)
        if isinstance(self, np.ndarray) and of_class:
            return np.ndarray.view(self, dtype)
        return raised(view(own(self), as_dtype(dtype)))

    def flatten(self, order: str = "C") -> Any:
        return call_numpy(np.ravel, self, order)

    def copy(self, order: str = "C") -> Any:
        return call_numpy(np.copy, self)

    def __pos__(self) -> Any:
        return self

    def __pow__(self, other: Any) -> Any:
        return apply_ufunc(np.power, (self, other))

    def clip(self, min: Any = None, max: Any = None, **_: Any) -> Any:
        """Elements limited to bounds."""
        x = self if min is None else apply_ufunc(np.maximum, (min, self))
        return x if max is None else apply_ufunc(np.minimum, (max, x))

    def __round__(self, ndigits: int | None = None) -> Any:
        return call_numpy(np.round, self, ndigits or 0)

    def __reversed__(self) -> Iterator[Any]:
        return reversed(list(self))


def _method(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        spread = len(args) > 1 or (args and not isinstance(args[0], (tuple, list)))
        if name in ("reshape", "transpose") and spread:  # x.reshape(2, 3), and x.reshape((2, 3))
            args = (args,)
        if name in ("cumsum", "cumprod") and self.dtype.kind in "iu" and len(args) < 2:
            kwargs = {"dtype": self.dtype, **kwargs}  # integers keep their dtype
        return call_numpy(function, self, *args, **kwargs)

    method.__name__ = name
    return method


for _name in _METHODS:
    setattr(Methods, _name, _method(_name))


class ConcreteArray(Methods, np.ndarray):  # type: ignore[misc]
    """A read-only array outside of transforms."""

    __array_priority__ = 100.0
    __hash__ = None  # type: ignore[assignment]
    weak = False

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """NumPy's own result, an ndarray that takes writes, as for arrays of JAX."""
        into = kwargs.get("out") or ()
        if any(isinstance(x, Methods) for x in into) or method == "at":
            raise TypeError("arrays of compat.jax are immutable: leave out= away")
        scalar = any(isinstance(x, np.generic) for x in inputs)  # np.float32(2) * x
        if scalar or any(isinstance(x, TracedArray) for x in inputs):
            return apply_ufunc(ufunc, inputs, kwargs, method)
        inputs, kwargs = tree.map(_unwrapped, (inputs, kwargs))
        return getattr(ufunc, method)(*inputs, **kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if holds_traced(lowered((args, kwargs))):
            return call_numpy(func, *args, **kwargs)
        args, kwargs = tree.map(_unwrapped, (args, kwargs))
        return func(*args, **kwargs)  # NumPy's own array, which takes writes, as of JAX's arrays

    def __reduce__(self) -> Any:
        return concrete, (np.ndarray.view(self, np.ndarray),)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self

    def __format__(self, spec: str) -> str:
        x = np.ndarray.view(self, np.ndarray)
        return format(x[()] if not self.ndim else x, spec)

    def __repr__(self) -> str:
        text = repr(np.ndarray.view(self, np.ndarray))
        return "Array" + text.removeprefix("array")

    def __str__(self) -> str:
        return str(np.ndarray.view(self, np.ndarray))


class TracedArray(Methods):
    """A traced value of this library, with JAX's interface."""

    __slots__ = ("__weakref__", "value", "weak")
    __array_priority__ = 200.0

    def __init__(self, value: Tracer) -> None:
        self.value, self.weak = value, False

    shape = property(lambda self: self.value.shape)
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    dtype = property(lambda self: canonicalize_dtype(self.value.dtype))
    itemsize = property(lambda self: self.dtype.itemsize)
    nbytes = property(lambda self: self.size * self.itemsize)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return apply_ufunc(ufunc, inputs, kwargs, method)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return call_numpy(func, *args, **kwargs)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self.value, dtype)

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __complex__(self) -> complex:
        return complex(self.value)

    def __index__(self) -> int:
        return self.value.__index__()  # type: ignore[no-any-return]

    def item(self, *args: Any) -> Any:
        return self.value.item(*args)

    def tolist(self) -> Any:
        return self.value.tolist()

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"Traced<{self.value}>"

    def __format__(self, spec: str) -> str:
        return format(self.value, spec)


# crossing


def concrete(x: Any, weak: bool = False) -> ConcreteArray:
    """A read-only array with these elements, in the canonical dtype."""
    x = np.asarray(x)
    dtype = canonicalize_dtype(x.dtype) if x.dtype.kind in "iufc" else x.dtype
    y = (x if x.dtype == dtype else x.astype(dtype)).view(ConcreteArray)
    y.flags.writeable = False
    if weak:
        y.weak = True
    return y


def own(x: Any) -> Any:
    """The ndarray or tracer of an array."""
    return x.value if isinstance(x, TracedArray) else np.ndarray.view(x, np.ndarray)


def _unwrapped(x: Any) -> Any:
    return own(x) if isinstance(x, ConcreteArray) else x


def _is_key(x: Any) -> bool:
    return isinstance(x, Key)


def raised_leaf(x: Any) -> Any:
    if isinstance(x, Key):
        return KeyArray(x)
    if isinstance(x, Tracer):
        if isinstance(x, Buffer):
            return concrete(np.array(plain(x)))
        dtype = x.dtype
        if dtype != (narrow := canonicalize_dtype(dtype)) and not aval_of(x).weak:
            x = cast(x, narrow)
        return TracedArray(x)
    if isinstance(x, (np.ndarray, np.generic)) and not isinstance(x, ConcreteArray):
        return concrete(x) if x.dtype.kind in "biufc" else x
    return x


def raised(x: Any) -> Any:
    """A tree with JAX's arrays in place of ndarrays and tracers."""
    if isinstance(x, (np.ndarray, Tracer)):
        return raised_leaf(x)
    return tree.map(raised_leaf, x, is_leaf=_is_key)


def lowered_leaf(x: Any) -> Any:
    if isinstance(x, TracedArray):
        return x.value
    if isinstance(x, KeyArray):
        return x.key
    if isinstance(x, ConcreteArray):
        return x.item() if x.weak and not x.ndim else np.ndarray.view(x, np.ndarray)
    if isinstance(x, (np.ndarray, np.generic)):
        if x.dtype.kind in "iufc" and x.dtype != (narrow := canonicalize_dtype(x.dtype)):
            return x.astype(narrow)
        return x
    if hasattr(x, "__jax_array__") and not isinstance(x, type):
        return lowered_leaf(x.__jax_array__())
    return x


def lowered(x: Any) -> Any:
    """A tree with ndarrays and tracers in place of JAX's arrays."""
    if isinstance(x, (Methods, np.ndarray, Tracer)):
        return lowered_leaf(x)
    return tree.map(lowered_leaf, x, is_leaf=_is_key)


def holds_traced(x: Any) -> bool:
    """Whether a lowered tree has a tracer."""
    return any(isinstance(leaf, Tracer) for leaf in tree.leaves(x))


def inward(fun: Callable[..., Any]) -> Callable[..., Any]:
    """A function of JAX's arrays, for this library to call."""

    @functools.wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        return lowered(fun(*raised(args), **raised(kwargs)))

    return call


def outward(fun: Callable[..., Any]) -> Callable[..., Any]:
    """A function of this library, for JAX's arrays; functions among its results too."""

    @functools.wraps(fun)
    def call(*args: Any, **kwargs: Any) -> Any:
        with np.errstate(all="ignore"):
            return raised(fun(*lowered(args), **lowered(kwargs)))

    call.__doc__ = f"See {getattr(fun, '__module__', '')}.{getattr(fun, '__name__', 'call')}."
    return call


def apply_ufunc(ufunc: Any, inputs: Any, kwargs: Any = None, method: str = "__call__") -> Any:
    """Apply a ufunc by JAX's rules of promotion."""
    low = [lowered(x) for x in inputs]
    if method == "__call__" and not kwargs:
        low = promoted(ufunc, low, list(map(is_weak, inputs)))
        with np.errstate(all="ignore"):
            y = ufunc(*low)
        found = tuple(map(raised, y)) if isinstance(y, tuple) else raised_leaf(y)
        return found if ufunc.__name__ in STRONG else weakened(found, inputs)
    options = {k: v for k, v in lowered(kwargs or {}).items() if v is not None}
    with np.errstate(all="ignore"):
        return raised(getattr(ufunc, method)(*low, **options))


def call_numpy(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Apply a function of NumPy to JAX's arrays."""
    options = lowered(keywords(function.__name__, kwargs))
    low = lowered(axes_of(function.__name__, args))
    if holds_traced((low, options)):  # NumPy dispatches on some arguments only
        function = getattr(ours, function.__name__, function)
    with np.errstate(all="ignore"):
        found = raised(function(*low, **options))
    return found if function.__name__ in STRONG else weakened(found, tuple(operands_in(args)))
