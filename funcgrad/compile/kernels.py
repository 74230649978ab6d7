"""Kernels: the statements of elementwise operations, products, gathers and scatters."""

import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import Aval, Shape
from ..ops.elementwise import quotient
from ..ops.families import PYTHON_TYPES, python_operator
from ..ops.index import ARRAY, FEW_ELEMENTS, Index, getitem_p, indexed_shape
from ..ops.paths import UNTHREADED
from .statements import Statements
from .text import index, lengths
from .values import Value

# on two scalars an operator takes a tenth of a ufunc's time
_INFIX: dict[np.ufunc, str] = {
    np.add: "+", np.subtract: "-", np.multiply: "*", np.true_divide: "/", np.less: "<",
    np.less_equal: "<=", np.greater: ">", np.greater_equal: ">=", np.equal: "==",
    np.not_equal: "!=",
}  # fmt: skip
# operators on Python scalars, see ops/families.py
_PYTHON: dict[np.ufunc, str] = {
    **{ufunc: f"{{}} {sign} {{}}" for ufunc, sign in _INFIX.items() if ufunc is not np.true_divide},
    np.negative: "-{}", np.positive: "+{}", np.absolute: "abs({})", np.invert: "~{}",
    np.power: "pow({}, {})", np.floor_divide: "{} // {}", np.remainder: "{} % {}",
    np.left_shift: "{} << {}", np.right_shift: "{} >> {}", np.bitwise_and: "{} & {}",
    np.bitwise_or: "{} | {}", np.bitwise_xor: "{} ^ {}",
}  # fmt: skip
# whose third positional argument is not ``out``
_KEYWORD = (np.maximum, np.minimum)
# whose operands have the same dtype
_OF_ONE_DTYPE = frozenset({*_INFIX, np.maximum, np.minimum, np.power})
_EXACT = 1 << 24  # below it, integers are exact in float32

_TABLE = 1 << 17  # elements whose flat indices are kept for all calls
_FEW_PARTS = 6
_NARROW, _SMALL_MATRIX = 4, 8192  # columns, and elements of the second operand
_ROWS = 64  # of one product
_MANY_PRODUCTS = 1 << 20  # products of elements, from which the overhead does not count
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")
_BUFFER = 8192  # elements of NumPy's own buffers


def _types(values: Sequence[Value]) -> list[type]:
    """The types of Python scalars."""
    return [PYTHON_TYPES[x.aval.dtype.kind] for x in values]


def elementwise(w: Statements, prim: Any, ins: Sequence[Value], out: Value) -> None:
    """Apply a function elementwise: a ufunc with ``out``, or an operator on scalars."""
    if not out.aval.shape:
        return _scalar(w, prim, ins, out)
    if prim.function in _OF_ONE_DTYPE:
        x, y = ins
        ins = [_constant(w, x, y.aval.dtype), _constant(w, y, x.aval.dtype)]
    name = w.function(prim)
    keyword = prim.function in _KEYWORD or not isinstance(prim.function, np.ufunc)
    if prim.fills:
        return w.call(name, ins, out, keyword)
    return w.assign_view(out, f"{name}({', '.join(map(str, ins))})")


def _constant(w: Statements, x: Value, dtype: np.dtype) -> Value:
    """A literal operand as the array of shape () to which NumPy converts it at each call.

    The conversion takes 0.1 to 0.2 us, half of a ufunc's time on a small array.
    """
    if x.number is None:
        return x
    value, kind = x.number, type(x.number)
    fits = kind is float or kind is dtype.type or (kind is int and abs(value) < _EXACT)
    if dtype.char not in "fd" or not dtype.isnative or not fits:
        return x
    with np.errstate(all="ignore"):
        text = str(dtype.type(value))
        silent = value == 0 or np.finfo(dtype).tiny <= abs(dtype.type(value)) < math.inf
    if not silent:  # the conversion may warn
        return x
    of = "" if dtype.char == "d" else f", {w.dtype(dtype)}"
    made = f"{w.numpy('array')}({text}{of})"
    return Value(w.globals.constant(made, f"c{text.removesuffix('.0')}"), x.aval)


def _scalar(w: Statements, prim: Any, ins: Sequence[Value], out: Value) -> None:
    real = all(x.aval.dtype.kind in "iuf" for x in ins)
    strong = real and any(not x.aval.weak for x in ins)
    function = np.true_divide if prim is quotient and w.silent else prim.function
    infix = _INFIX.get(function) if isinstance(function, np.ufunc) else None
    if infix is not None and strong:
        expression = f"{ins[0]} {infix} {ins[1]}"
    elif strong and function is np.negative and ins[0].aval.dtype.kind == "f":
        expression = f"-{ins[0]}"
    elif out.aval.weak and python_operator(prim.function, _types(ins)) is not None:
        return w.assign(out, _PYTHON[prim.function].format(*ins))
    else:
        expression = f"{w.function(prim)}({', '.join(map(str, ins))})"
        if not isinstance(prim.function, np.ufunc) and not out.aval.weak:
            expression += "[()]"  # a scalar, not an array
    # a function that is no ufunc keeps a Python scalar, as np.imag does
    weak = out.aval.weak and isinstance(prim.function, np.ufunc)
    w.assign(out, f"{expression}.item()" if weak else expression)


def convert(w: Statements, x: Value, dtype: np.dtype, out: Value) -> None:
    """Cast; complex to real keeps the real part."""
    drops = x.aval.dtype.kind == "c" and dtype.kind in "fiu"
    source = f"{x}.real" if drops else str(x)
    if not out.aval.shape:
        native = dtype.newbyteorder("=")  # as the dtype of all scalars is
        w.assign(out, f"{w.dtype(native)}({source})")
    elif out.allocated:
        w.line(f"{w.numpy('copyto')}({out}, {source}, 'unsafe')", out.aval)
    else:
        w.assign(out, f"{source}.astype({w.dtype(dtype)})")


def broadcast(w: Statements, x: Value, axes: Sequence[int], out: Value) -> None:
    """Repeat a value along new axes of ``out``, which is a copy."""
    w.allocate(out)
    if x.aval.shape:
        shape = out.aval.shape
        expanded = tuple(1 if d in axes else n for d, n in enumerate(shape))
        leading = tuple(axes) == tuple(range(len(axes)))
        w.line(f"{out}[...] = {x if leading else x.reshaped(expanded)}", out.aval)
    else:
        w.line(f"{out}.fill({x})", out.aval)


# products


def matmul(w: Statements, a: Value, b: Value, out: Value) -> None:
    """Multiply matrices; without batch axes by dot, whose overhead is half that of matmul."""
    ranks, dtypes = (len(a.aval.shape), len(b.aval.shape)), {a.aval.dtype, b.aval.dtype}
    plain = max(ranks) <= 2 and len(dtypes) == 1 and a.aval.dtype.char in "fdFD"
    outer = ranks == (2, 2) and a.aval.shape[0] > 1 and b.aval.shape[1] > 1
    if plain and outer and (rows := _rows_at_once(a, b)):
        return _by_rows(w, a, b, out, rows)
    if a.aval.shape[-1] != 1 or (plain and outer):
        return w.call(w.numpy("dot" if plain else "matmul"), [a, b], out)
    # columns times rows: dot would skip products with 0, of nan too
    if min(ranks) >= 2 and out.aval.size > _BUFFER and len(dtypes) == 1:
        # in half the time of multiply and matmul
        return w.call(w.numpy("einsum"), [repr("...ij,...jk->...ik"), a, b], out, keyword=True)
    if not plain or ranks != (2, 2):
        return w.call(w.numpy("matmul"), [a, b], out)
    w.call(w.numpy("multiply"), [a, b], out)
    # a sum of one product is added to 0: it is not -0.0
    zero = _constant(w, Value("0.0", Aval((), out.aval.dtype), number=0.0), out.aval.dtype)
    return w.call(w.numpy("add"), [out, zero], out)


def _rows_at_once(a: Value, b: Value) -> int:
    """The number of rows for which one of many small products of BLAS pays, 0 for none.

    BLAS multiplies small matrices without copies into buffers of its own, but in one thread.
    """
    (m, k), n = a.aval.shape, b.aval.shape[1]
    small = k >= _NARROW and n >= 4 * _NARROW and k * n <= _SMALL_MATRIX
    if not small or m * k * n < _MANY_PRODUCTS or a.aval.dtype.char not in "fd":
        return 0
    if not (a.contiguous and b.contiguous and is_single_threaded()):
        return 0
    counts = (c for c in range(_ROWS // 2, 2 * _ROWS + 1) if m % c == 0 and m > c)
    return min(counts, key=lambda c: abs(math.log(c / _ROWS)), default=0)


def is_single_threaded() -> bool:
    """Whether BLAS is told to use one thread."""
    given = (os.environ.get(name) for name in BLAS_THREADS)
    return next((count for count in given if count), str(os.cpu_count())) == "1"


def _by_rows(w: Statements, a: Value, b: Value, out: Value, rows: int) -> None:
    """Multiply a few rows at a time, as a stack of matrices."""
    w.allocate(out)
    left, y = (
        w.view(x, x.reshaped(shape), Aval(shape, x.aval.dtype), True)
        for x in (a, out)
        for shape in [(x.aval.shape[0] // rows, rows, x.aval.shape[1])]
    )
    w.call(w.numpy("matmul"), [left, b], y)


def not_finite(w: Statements, xs: Sequence[Value]) -> str:
    """The condition that an element of the values is not finite.

    isfinite of small arrays is written into one bytearray, where a search for 0 takes 0.03 us.
    """
    small = [x for x in xs if x.aval.shape and 0 < x.aval.size <= UNTHREADED]
    large = [x for x in xs if x.aval.size and x not in small]
    size = start = sum(x.aval.size for x in small)
    flags = w.memory.constant(f"bytearray({size})", "finite") if size else ""
    for x in small:
        start -= x.aval.size
        span = f"{w.numpy('bool_')}, {x.aval.size}, {start}"
        made = f"{w.numpy('frombuffer')}({flags}, {span}).reshape({lengths(x.aval.shape)})"
        w.line(f"{w.numpy('isfinite')}({x}, {w.memory.constant(made, 'flags')})", x.aval)
    texts = [f"0 in {flags}"] if size else []
    return " or ".join([*texts, *(f"not {_is_finite(w, x)}" for x in large)]) or "False"


def _is_finite(w: Statements, x: Value) -> str:
    """The condition that a scalar or a large array is finite: x . x < inf is the fastest test.

    The product is taken row by row, because BLAS would start threads.
    """
    shape, dtype, inf = x.aval.shape, x.aval.dtype, w.numpy("inf")
    if not shape and dtype.kind == "f":
        return f"-{inf} < {x} < {inf}"
    if not shape or dtype == np.float16 or not 0 < shape[-1] <= UNTHREADED:
        return f"{w.numpy('isfinite')}({x}).all()"  # products of float16 overflow
    real = ".real" if dtype.kind == "c" else ""
    return f"{w.numpy('vecdot')}({x}, {x}).sum(){real} < {inf}"


# reads and updates at an index


def concatenate(w: Statements, xs: Sequence[Value], axis: int, out: Value) -> None:
    """Join arrays: a few by copies to views of the workspace, in a third of the time."""
    if not out.static or len(xs) > _FEW_PARTS:
        return w.call(w.numpy("concatenate"), [w.as_tuple(xs), axis], out)
    start = 0
    for x in xs:
        stop = start + x.aval.shape[axis]
        at = Index((*[slice(None)] * axis, slice(start, stop)))
        part = w.view(out, out.indexed(at, ()), x.aval, False)
        w.line(f"{part}[...] = {x}", part.aval)
        start = stop
    return None


def gather(w: Statements, x: Value, at: Index, arrays: Sequence[Value], out: Value) -> None:
    """Read at index arrays; whole slices by take."""
    axis = len(at) - 1
    slices = at[axis] is ARRAY and all(e == slice(None) for e in at[:axis])
    whole = slices and axis + 1 < x.aval.ndim and x.contiguous and out.aval.size > FEW_ELEMENTS
    if not whole or not arrays[0].aval.shape or not (out.static or not out.allocated):
        return w.assign(out, x.indexed(at, arrays))
    return w.call(w.part(getitem_p, "take"), [x, arrays[0], axis], out)


def scatter_add(w: Statements, x: Value, at: Index, arrays: Sequence[Value], out: Value) -> None:
    """Add into zeros at an index."""
    new = not out.allocated and (out.reshape_of is None or not out.reshape_of.allocated)
    name = w.allocate(out)
    w.line(f"{name}.fill(0)", out.aval)
    if any(a.aval.shape for a in arrays):
        _add_into(w, out, x, at, arrays, new)
    else:
        _set(w, out, x, at, arrays)
    w.to_scalar(out)


def _part(w: Statements, out: Value, v: Value, at: Index, arrays: Sequence[Value]) -> Value | None:
    """The view of a static array at an index, which is made once, if ``v`` fits its dtype."""
    basic = out.static and not arrays and all(type(e) in (slice, int) for e in at)
    slot = indexed_shape(out.aval.shape, at, []) if basic else ()
    if not slot or not v.aval.shape or v.aval.dtype != out.aval.dtype:
        return None
    return w.view(out, out.indexed(at, ()), Aval(slot, out.aval.dtype), False, static=True)


def _set(w: Statements, out: Value, v: Value, at: Index, arrays: Sequence[Value]) -> None:
    part = _part(w, out, v, at, arrays)
    if part is not None:
        return w.line(f"{part}[...] = {v}", part.aval)
    return w.line(f"{out}[{index(at, arrays)}] = {v}", out.aval)


def _add_into(
    w: Statements, out: Value, v: Value, at: Index, arrays: Sequence[Value], new: bool
) -> None:
    """Add at index arrays; elements or whole rows by one flat index, 5 to 8 times as fast."""
    shape, add = out.aval.shape, w.numpy("add")
    slot = indexed_shape(shape, at, [a.aval.shape for a in arrays])
    whole = v.aval.shape == slot and v.aval.size > FEW_ELEMENTS and all(e is ARRAY for e in at)
    several = len(shape) > 1 or len(slot) > 1  # a vector at a vector is fast as it is
    small = len(arrays) == 1 or max(shape[: len(arrays)], default=0) <= _TABLE
    if whole and several and small and (new or (out.static and out.contiguous)):
        places = _flat_places(w, shape, arrays)
        line = f"{add}.at({out}.reshape(-1), {places}, {v}.reshape(-1))"
    else:
        # np.add.at reads a vector of values beside a matrix of indices past its end
        values = v if v.aval.shape == slot else f"{w.numpy('broadcast_to')}({v}, {lengths(slot)})"
        where = index(at, arrays)
        line = f"{add}.at({out}, {_argument(w, where)}, {values})"
    w.line(line, out.aval)


def _flat_places(w: Statements, shape: Shape, arrays: Sequence[Value]) -> str:
    """The flat indices of the elements at index arrays of the first axes; tables check bounds."""
    if len(shape) == 1:
        return f"{arrays[0]}.reshape(-1)"
    *before, last = shape[: len(arrays)]
    width, arange = math.prod(shape[len(arrays) :]), w.numpy("arange")
    if not before and last * width <= _TABLE:
        table = w.memory.constant(f"{arange}({last * width}).reshape({last}, {width})", "rows")
        return f"{w.part(getitem_p, 'take')}({table}, {arrays[0]}, 0).reshape(-1)"
    terms = []
    for d, places in enumerate(arrays):
        stride = math.prod(shape[d + 1 :])
        made = f"{arange}({shape[d]})" + (f" * {stride}" if stride > 1 else "")
        terms.append(f"{w.memory.constant(made, 'starts')}[{places}]")
    if width == 1:
        return f"({' + '.join(terms)}).reshape(-1)"
    columns = w.memory.constant(f"{arange}({width})", "columns")
    return f"(({' + '.join(terms)})[..., None] + {columns}).reshape(-1)"


def _argument(w: Statements, where: str) -> str:
    """An index as an argument: a slice has no text outside brackets."""
    return f"{w.numpy('s_')}[{where}]" if ":" in where else f"({where},)"


def set_at(
    w: Statements, x: Value, v: Value, at: Index, arrays: Sequence[Value], out: Value
) -> None:
    """Copy ``x``, unless ``out`` lies over it, and set the elements at an index."""
    if not out.aval.shape:
        w.line(f"{w.allocate(out)}[()] = {x}")
    elif out.text != x.text:
        w.copy(out, x)
    _set(w, out, v, at, arrays)
    w.to_scalar(out)


def add_at(
    w: Statements, x: Value, v: Value, at: Index, arrays: Sequence[Value], out: Value
) -> None:
    """Copy ``x``, unless ``out`` lies over it, and add to the elements at an index."""
    if not out.aval.shape:
        w.line(f"{w.allocate(out)}[()] = {x}")
    elif out.text != x.text:
        w.copy(out, x)
    if any(a.aval.shape for a in arrays):
        _add_into(w, out, v, at, arrays, False)
    elif (part := _part(w, out, v, at, arrays)) is not None:
        w.line(f"{w.numpy('add')}({part}, {v}, {part})", part.aval)
    else:
        w.line(f"{out}[{index(at, arrays)}] += {v}", out.aval)
    w.to_scalar(out)
