"""Writes in place to traced arrays and buffers, with NumPy's meaning."""

import operator
from typing import Any

import numpy as np

from ..core.avals import aval_of, broadcast_shapes, dtype_of, is_inexact, shape_of
from ..core.buffers import holds_traced, plain, plain_in
from ..core.errors import DtypeError, MutationError, ShapeError
from ..core.memory import View, are_same, write_in_place
from ..core.registry import overrides
from ..core.trace import ConcreteTracer, Tracer, is_concrete
from ..ops import elementwise as ew
from ..ops.assign import set_at_p
from ..ops.index import Index, indexed_shape
from ..ops.operand import holds_tracer, operand
from ..ops.structure import broadcast_to, cast, reshape
from ..transforms.sameness import have_same_elements
from .aliasing import is_scalar, keep_layout, write_content
from .dispatch import Casting
from .indexing import getitem, parse, unknown_mask
from .masked import Masked, refuse_other_mask


def setitem(x: Any, index: Any, value: Any) -> None:
    """Write in place: ``x[index] = value``, by NumPy's rules.

    Raises:
        TypeError: NumPy's, if ``x`` is a scalar.
    """
    if type(index) in _ELEMENT and _element_written(x, index, value):
        return  # nearly always in a loop over elements
    if not shape_of(x) and is_concrete(x) and is_scalar(x):
        raise TypeError(f"'numpy.{x.dtype}' object does not support item assignment")
    if isinstance(value, Tracer) and type(value._memory) is View and _reads(x, index, value):
        return  # of x[index] += v: the view has written already
    keep_layout(x)
    mask = unknown_mask(x, index)
    if mask is not None:
        write_content(x, _where(x, mask, value))
        return
    array, key, arrays = parse(plain(x), index)
    shape = indexed_shape(shape_of(array), key, [shape_of(a) for a in arrays])
    value = assigned(value, dtype_of(x), shape)
    if array is plain(x) and write_in_place(x, value, arrays, key):
        return
    new = set_at_p(array, value, *arrays, index=key)
    write_content(x, reshape(new, shape_of(x)))


overrides[operator.setitem] = setitem


def _element_written(x: Any, index: Any, value: Any) -> bool:
    """Write an element of an array of float64, if its trace has a buffer for it."""
    if type(value) in (int, float):
        value = np.float64(value)
    known = value.value if isinstance(value, ConcreteTracer) else value
    if type(known) is not np.float64 or not isinstance(x, ConcreteTracer):
        return False
    key, shape = index if type(index) is tuple else (index,), x.shape
    if not shape or len(shape) != len(key) or x.dtype is not _FLOAT:
        return False
    for i, n in zip(key, shape, strict=True):
        if type(i) is not int or not -n <= i < n:
            return False
    keep_layout(x)
    return write_in_place(x, value, (), Index(key))


_FLOAT, _ELEMENT = np.dtype(float), (int, tuple)


def _reads(x: Any, index: Any, value: Any) -> bool:
    """Whether a value is the view ``x[index]``."""
    entries = index if type(index) is tuple else (index,)
    basic = all(e is None or e is Ellipsis or type(e) in (int, slice) for e in entries)
    part = getitem(x, index) if basic else None
    return isinstance(part, Tracer) and are_same(part, value)


def _where(x: Any, mask: Any, value: Any) -> Any:
    """The content after ``x[mask] = value``, where the number of elements is not known."""
    rest = shape_of(x)[mask.ndim :]
    which = reshape(mask, (*mask.shape, *[1] * len(rest)))
    if isinstance(value, Masked) and len(shape_of(value.values)) == len(shape_of(x)):
        if not have_same_elements(value.mask, mask):
            refuse_other_mask()
        return ew.where(which, assigned(value.values, dtype_of(x), shape_of(x)), plain(x))
    if not holds_tracer(value):
        value = np.asarray(value)
    if len(shape_of(value)) > len(rest):
        raise MutationError(
            f"x[mask] = values: an unknown mask takes an unknown number of values: got "
            f"{aval_of(value)}; write x[...] = numpy.where(mask, values, x)"
        )
    value = broadcast_to(assigned(value, dtype_of(x), rest), shape_of(x))
    return ew.where(which, value, plain(x))


def assigned(value: Any, dtype: np.dtype, shape: tuple[int, ...]) -> Any:
    """A value as it is written into elements of this dtype and shape.

    Raises:
        DtypeError: if a traced value would lose its derivative in integers.
        ValueError: NumPy's, if it does not broadcast to the shape.
    """
    value = written_as(value, dtype)
    given, extra = shape_of(value), len(shape_of(value)) - len(shape)
    if extra > 0 and given[:extra] == (1,) * extra:  # NumPy drops leading axes of length 1
        value = reshape(value, given[extra:])
    if shape_of(value) and not broadcasts(shape_of(value), shape):
        if not shape:
            raise ValueError("setting an array element with a sequence.")
        text = f"could not broadcast input array from shape {given} into shape {shape}"
        raise ValueError(text.replace(", ", ","))
    return value


def written_as(value: Any, dtype: np.dtype) -> Any:
    """A value in the dtype of the array into which it is written."""
    if not holds_tracer(value):
        if isinstance(value, np.ndarray):
            return operand(value).astype(dtype, copy=False)
        return np.array(value, dtype)  # or NumPy's error for a scalar out of range
    value = operand(value)
    if is_inexact(dtype_of(value)) and not is_inexact(dtype):
        raise DtypeError(
            f"x[index] = value: an array of integers would lose the derivative: got "
            f"{aval_of(value)} for an array of {dtype}; make the array x.astype(float)"
        )
    return cast(value, dtype)


def broadcasts(given: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    try:
        return broadcast_shapes(given, shape) == shape
    except ValueError:
        return False


# augmented assignment, and out=


def in_place(x: Any, y: Any, name: str) -> Any:
    """The result of an augmented assignment: ``x`` with the elements of ``y``."""
    store(x, y, name)
    return x


def store(x: Any, y: Any, who: str, casting: Casting = "same_kind", where: Any = True) -> None:
    """Write a result into an array, as ``out=`` does.

    Raises:
        MutationError: if the array is an ndarray, which cannot hold traced values.
        ValueError, TypeError: NumPy's, if shape or dtype do not fit.
    """
    if not isinstance(x, Tracer):
        if not holds_traced(y):
            np.copyto(x, plain_in(y), casting, where)
            return
        raise MutationError(
            f"{who}: out= is an ndarray, which cannot hold traced values: got {aval_of(y)}; use "
            f"the returned value"
        )
    if type(x._memory) is View and not x._memory.writeable:
        raise ValueError("output array is read-only")
    if not broadcasts(shape_of(y), shape_of(x)):
        text = (
            f"non-broadcastable output operand with shape {shape_of(x)} doesn't match the "
            f"broadcast shape {shape_of(y)}"
        )
        raise ShapeError(text.replace(", ", ","))
    if not np.can_cast(dtype_of(y), dtype_of(x), casting):
        raise _casting_error(who, dtype_of(y), dtype_of(x), casting)
    if where is not True:
        y = ew.where(where, cast(y, dtype_of(x)), plain(x))
    setitem(x, Ellipsis, y)


def _casting_error(who: str, given: np.dtype, wanted: np.dtype, casting: Casting) -> Exception:
    """The error of NumPy for a result that cannot be cast to the dtype of ``out``."""
    empty = np.zeros(0, given)
    try:
        np.add(empty, empty, out=np.zeros(0, wanted), casting=casting)
    except TypeError as err:
        ufunc = getattr(np, _UFUNCS.get(who, who), None)
        vars(err)["ufunc"] = ufunc if isinstance(ufunc, np.ufunc) else np.add
        return err
    return DtypeError(f"{who}: cannot cast the result from {given} to {wanted}")


_UFUNCS = {
    "sub": "subtract", "mul": "multiply", "div": "divide", "pow": "power", "prod": "multiply",
    "max": "maximum", "min": "minimum", "cumprod": "multiply",
}  # fmt: skip

overrides["in_place"] = in_place
overrides["is_scalar"] = is_scalar
overrides["store"] = store
