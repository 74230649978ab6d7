"""The ndarray interface of tracers: NumPy's two protocols, operators, methods, refusals.

Operators look their primitive up by name; functions and methods look up the override of the NumPy
function. A conversion that would drop a derivative raises and names the cure.
"""

import numbers
import operator
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from .avals import Aval
from .errors import FuncgradError, MissingAttributeError, OutError
from .explanations import ABSENT, not_converted, not_plain
from .frames import shorten
from .memory import snapshot
from .registry import branches, load, overrides, primitives

_MISSING = "funcgrad.core.missing"  # loaded by the first error
_PLAIN = frozenset({np.ndarray, bool, int, float, complex, np.float64, np.float32})  # nearly all


def _other(x: Any) -> Any:
    """The other operand of an operator, NotImplemented where its reflected method must answer.

    That is so for a class that overrides ufuncs, by NumPy's rules, and for arrays of objects.
    """
    if x is None or isinstance(x, (NDArrayMixin, np.ndarray, np.generic, int, float, complex, str)):
        return x  # None and strings too: NumPy raises its own error for them
    if _defers(x):
        return NotImplemented
    if isinstance(x, numbers.Real):
        return float(x)  # a fraction, say
    y = overrides["operand"](x)
    return NotImplemented if isinstance(y, np.ndarray) and y.dtype.hasobject else y


def _defers(x: Any) -> bool:
    """Whether an operand is of a class, not NumPy's, that overrides ufuncs.

    Such a class may support tracers, as a container of arrays does; tracers do not support it.
    """
    return not isinstance(x, (np.ndarray, np.generic)) and hasattr(type(x), "__array_ufunc__")


def marked(method: Any, name: str, **marks: Any) -> Any:
    """Name a method, and set the attributes that numpy/coverage.py reads."""
    method.__name__ = name
    vars(method).update(marks)
    return method


def binary(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """An operator and its reflection."""

    # prim(x, y) written out twice, because a method call is faster than the call of an object
    def forward(self: Any, other: Any) -> Any:
        prim, trace, kind = primitives[name], self._trace, type(other)
        try:
            alike = kind in _PLAIN or (kind is type(self) and other._trace is trace)
            if alike and not (trace.dead or branches):  # bind() inlined
                return trace.process(prim, (self, other), {})[0]
            if (other := _other(other)) is NotImplemented:
                return NotImplemented
            return prim.bind(self, other)[0]
        except (FuncgradError, TypeError, ValueError) as err:
            raise prim.explained(err, (self, other), {}) from None

    def reflected(self: Any, other: Any) -> Any:
        prim = primitives[name]
        try:
            trace = self._trace
            if type(other) in _PLAIN and not (trace.dead or branches):  # bind() inlined
                return trace.process(prim, (other, self), {})[0]
            if (other := _other(other)) is NotImplemented:
                return NotImplemented
            return prim.bind(other, self)[0]
        except (FuncgradError, TypeError, ValueError) as err:
            raise prim.explained(err, (other, self), {}) from None

    return marked(forward, name, primitive=name), marked(reflected, name, primitive=name)


def _power(self: Any, other: Any) -> Any:
    """``self ** other``: the square of booleans is int8, where np.power gives int64."""
    squares = type(other) is int and other == 2 and self.dtype.kind == "b" and self.shape
    return primitives["square"](self) if squares else _raised(self, other)


def _conjugate(self: Any, *args: Any, **kwargs: Any) -> Any:
    """``x.conj()``: the array itself if it is real, where numpy.conj copies."""
    real = self.dtype.kind != "c" and not (args or kwargs)
    return self if real else _conjugated(self, *args, **kwargs)


def _unary(name: str) -> Callable[..., Any]:
    return marked(lambda self: primitives[name](self), name, primitive=name)


def function(function: Callable[..., Any]) -> Callable[..., Any]:
    """The method that calls a NumPy function with the array as first argument."""
    name = function.__name__

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return overrides[function](self, *args, **kwargs)
        except OutError as err:
            return overrides["with_out"](overrides[function], err, (self, *args), kwargs)
        except _USUAL as err:
            shorten(err)
            binding = load("funcgrad.answers.binding")
            binding.check_method(function, kwargs)
            binding.note_operands(err, _CALLED.get(function, f"ndarray.{name}"), [self])
            raise

    return marked(method, name, function=function)


def conversion(name: str, cure: str) -> Callable[..., NoReturn]:
    def method(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
        raise not_plain(name, self.aval, cure)

    return marked(method, name, refusal=_LOST)


def _array(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
    raise not_converted(self.aval)


def _view(self: Any, dtype: Any = None, type: Any = None) -> Any:
    if dtype is np.ndarray:
        dtype, type = None, dtype
    if isinstance(dtype, int | tuple):  # as in PyTorch
        raise not_plain("ndarray.view", self.aval, "use reshape")
    if type not in (None, np.ndarray) or (dtype is not None and dtype != self.dtype):
        raise not_plain("ndarray.view", self.aval, "use astype")
    return self.copy() if overrides["is_scalar"](self) else self[...]


_CALLED = {operator.getitem: "x[index]"}  # by operators
_USUAL = (FuncgradError, ValueError, TypeError, IndexError)  # raised without our frames
_LOST = "as plain data it would lose its derivative"
_KEEP = (
    "keep it an array, or write stop_gradient(x).item() outside the traced function; to store it "
    "into an array make that by numpy.zeros(shape, like=x)"
)


_raised = binary("pow")[0]
marked(_power, "pow", primitive="pow")
marked(_conjugate, "conjugate", function=np.conjugate)
_conjugated, _reshape, _transpose = [function(f) for f in (np.conjugate, np.reshape, np.transpose)]


class NDArrayMixin:
    """The ndarray interface of a tracer: attributes, operators and methods."""

    __slots__ = ()
    __array_priority__ = 1000.0
    __hash__ = None  # type: ignore[assignment]  # as for ndarray: == is elementwise

    aval: Aval

    # NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        converts = False
        for x in inputs:
            if type(x) not in _PLAIN and not isinstance(x, (NDArrayMixin, np.ndarray, np.generic)):
                if _defers(x):
                    return NotImplemented
                converts = True
        call = method == "__call__" and not kwargs
        try:
            override = overrides[ufunc if call else np.ufunc]
        except KeyError:
            raise load(_MISSING).without_rule(ufunc) from None
        if call:
            return override(*map(overrides["operand"], inputs) if converts else inputs)
        try:
            return override(ufunc, method, inputs, kwargs)
        except _USUAL as err:
            shorten(err)
            raise

    def __array_function__(
        self, func: Callable[..., Any], types: Any, args: tuple, kwargs: dict[str, Any]
    ) -> Any:
        try:
            override = overrides[func]
        except KeyError:
            raise load(_MISSING).unsupported_function(func) from None
        try:
            return override(*args, **kwargs)
        except OutError as err:
            return overrides["with_out"](override, err, args, kwargs)
        except _USUAL as err:
            shorten(err)
            load("funcgrad.answers.binding").note_operands(err, f"numpy.{func.__name__}", args)
            raise

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return overrides["namespace"](api_version)

    # operators

    __add__, __radd__ = binary("add")
    __sub__, __rsub__ = binary("sub")
    __mul__, __rmul__ = binary("mul")
    __truediv__, __rtruediv__ = binary("div")
    __floordiv__, __rfloordiv__ = binary("floor_divide")
    __mod__, __rmod__ = binary("mod")
    __pow__, __rpow__ = _power, binary("pow")[1]
    __matmul__, __rmatmul__ = binary("matmul")
    __and__, __rand__ = binary("bitwise_and")
    __or__, __ror__ = binary("bitwise_or")
    __xor__, __rxor__ = binary("bitwise_xor")
    __lshift__, __rlshift__ = binary("left_shift")
    __rshift__, __rrshift__ = binary("right_shift")
    __lt__, __gt__ = binary("lt")[0], binary("gt")[0]
    __le__, __ge__ = binary("le")[0], binary("ge")[0]
    __eq__, __ne__ = binary("eq")[0], binary("ne")[0]  # type: ignore[assignment]
    __neg__, __pos__ = _unary("neg"), _unary("pos")
    __abs__, __invert__ = _unary("abs"), _unary("invert")

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __round__(self, ndigits: int | None = None) -> Any:
        if self.dtype.kind == "c":
            raise TypeError(f"round: complex values cannot be rounded: got {self.aval}")
        return overrides[np.round](self, ndigits or 0)

    # attributes

    @property
    def shape(self) -> tuple[int, ...]:
        return self.aval.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.aval.dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return self.aval.size

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    @property
    def device(self) -> str:
        return "cpu"

    def to_device(self, device: Any, /, *, stream: Any = None) -> Any:
        if device != "cpu" or stream is not None:
            raise ValueError(f"to_device: the only device is 'cpu': got {device!r}")
        return self

    @property
    def T(self) -> Any:  # noqa: N802, NumPy's name
        return overrides[np.transpose](self)

    @property
    def mT(self) -> Any:  # noqa: N802, NumPy's name
        return overrides[np.matrix_transpose](self)

    @property
    def real(self) -> Any:
        return overrides[np.real](self)

    @real.setter
    def real(self, value: Any) -> None:
        self.real[...] = value

    @property
    def imag(self) -> Any:
        return overrides[np.imag](self)

    @imag.setter
    def imag(self, value: Any) -> None:
        if self.dtype.kind != "c":
            raise TypeError("array does not have imaginary part to set")
        self.imag[...] = value

    def __getattr__(self, name: str) -> NoReturn:
        if name in ABSENT:
            raise MissingAttributeError(
                f"ndarray.{name}: {ABSENT[name]}; read it from the ndarray outside the traced code"
            )
        words = f"the traced array {self.aval} has no attribute {name!r}"
        raise AttributeError(
            words if name[0] == "_" else words + load(_MISSING).member("array", name)
        )

    # sequence behaviour

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, item: Any) -> bool:
        return bool((self == item).any())

    __getitem__ = function(operator.getitem)

    # methods that are functions of the same arguments

    all, any = function(np.all), function(np.any)
    argmax, argmin = function(np.argmax), function(np.argmin)
    argsort, argpartition = function(np.argsort), function(np.argpartition)
    choose, conj, conjugate = function(np.choose), _conjugate, _conjugate
    cumprod, cumsum = function(np.cumprod), function(np.cumsum)
    diagonal, dot = function(np.diagonal), function(np.dot)
    max, mean, min = function(np.max), function(np.mean), function(np.min)
    nonzero, prod = function(np.nonzero), function(np.prod)
    ravel, repeat, round = function(np.ravel), function(np.repeat), function(np.round)
    searchsorted, squeeze = function(np.searchsorted), function(np.squeeze)
    std, sum, swapaxes = function(np.std), function(np.sum), function(np.swapaxes)
    take, trace, var = function(np.take), function(np.trace), function(np.var)

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        return overrides["astype"](self, dtype, *args, **kwargs)

    def clip(self, min: Any = None, max: Any = None, out: Any = None, **options: Any) -> Any:
        return overrides[np.clip](self, min, max, out, **options)

    def copy(self, order: str = "C") -> Any:
        scalar = overrides["is_scalar"](self)
        return snapshot(self) if scalar else overrides[np.copy](self, order)

    def compress(self, condition: Any, axis: int | None = None, out: Any = None) -> Any:
        return overrides[np.compress](condition, self, axis, out)

    def flatten(self, order: str = "C") -> Any:
        return overrides[np.copy](overrides[np.ravel](self, order=order))

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
        shape = shape[0] if len(shape) == 1 else shape
        return _reshape(self, shape, order=order, copy=copy)

    def transpose(self, *axes: Any) -> Any:
        return _transpose(self, axes[0] if len(axes) == 1 else axes or None)

    # conversions that would drop the derivative

    __float__ = conversion("float()", _KEEP)
    __int__ = conversion("int()", _KEEP)
    __complex__ = conversion("complex()", _KEEP)
    __index__ = conversion("an index or a size", "compute it from stop_gradient(x) or a shape")
    item = conversion("ndarray.item", _KEEP)
    tolist = conversion("ndarray.tolist", "use list(x), whose elements stay traced")
    tobytes = conversion("ndarray.tobytes", _KEEP)
    tofile = conversion("ndarray.tofile", _KEEP)
    dump = conversion("ndarray.dump", _KEEP)
    dumps = conversion("ndarray.dumps", _KEEP)

    view = marked(_view, "ndarray.view", function=np.ndarray.view)
    getfield = conversion("ndarray.getfield", "use x.real, x.imag or indexing")
    __reduce__ = conversion("pickle", "pickle what the transform returns")  # type: ignore[assignment]
    __array__ = marked(_array, "NumPy conversion", refusal=_LOST)
    __dlpack__ = conversion("DLPack", "use funcgrad.numpy.asarray, which keeps it traced")

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # the CPU, in DLPack's numbers

    def __copy__(self) -> Any:
        return self.copy("K")

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy("K")
