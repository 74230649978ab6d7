"""The lines of the operations that many primitives share: ufuncs, reductions, products, copies."""

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from ..core.jaxpr import NotFiniteError
from ..ops.families import PYTHON_TYPES, python_operator
from ..ops.index import FEW, Index, indexed_shape
from .text import index, lengths
from .values import Value

# on two numbers Python's operators take a tenth of a ufunc's time
_INFIX = {np.add: "+", np.subtract: "-", np.multiply: "*", np.true_divide: "/", np.less: "<",
          np.less_equal: "<=", np.greater: ">", np.greater_equal: ">=", np.equal: "==",
          np.not_equal: "!="}  # fmt: skip
# what Python's operators give for Python scalars, see ops/families.py
_PYTHON = {
    **{ufunc: f"{{}} {sign} {{}}" for ufunc, sign in _INFIX.items() if ufunc is not np.true_divide},
    np.negative: "-{}", np.positive: "+{}", np.absolute: "abs({})", np.invert: "~{}",
    np.power: "pow({}, {})", np.floor_divide: "{} // {}", np.remainder: "{} % {}",
    np.left_shift: "{} << {}", np.right_shift: "{} >> {}", np.bitwise_and: "{} & {}",
    np.bitwise_or: "{} | {}", np.bitwise_xor: "{} ^ {}",
}  # fmt: skip
# whose third positional argument is not ``out``
_KEYWORD = (np.maximum, np.minimum)
_DOT_LIMIT = 4096  # above it, add.reduce is as fast, and adds float32 more exactly

_BUFFER = 8192  # elements of NumPy's own buffers


def _types(values: Sequence[Value]) -> list[type]:
    """Return the types of Python scalars."""
    return [PYTHON_TYPES[x.aval.dtype.kind] for x in values]


class Kernels:
    """What a writer writes for each kind of operation."""

    numpy: Callable[..., str]
    function: Callable[..., str]
    dtype: Callable[..., str]
    need: Callable[..., str]
    call: Callable[..., None]
    assign: Callable[..., None]
    assign_view: Callable[..., None]
    line: Callable[..., None]
    constant: Callable[..., str]
    scratch: Callable[..., Any]
    copy: Callable[..., None]
    bind: Callable[..., str]
    indented: Callable[..., Any]
    fallback: Any
    masked: str
    signal: str

    def elementwise(self, prim: Any, ins: Sequence[Value], out: Value) -> None:
        if not out.aval.shape:
            return self._scalar(prim, ins, out)
        name = self.function(prim)
        keyword = prim.function in _KEYWORD or not isinstance(prim.function, np.ufunc)
        if prim.fills:
            return self.call(name, ins, out, keyword)
        return self.assign_view(out, f"{name}({', '.join(map(str, ins))})")

    def _scalar(self, prim: Any, ins: Sequence[Value], out: Value) -> None:
        real = all(x.aval.dtype.kind in "iuf" for x in ins)
        strong = real and any(not x.aval.weak for x in ins)
        infix = _INFIX.get(prim.function) if isinstance(prim.function, np.ufunc) else None
        if infix is not None and strong:
            expression = f"{ins[0]} {infix} {ins[1]}"
        elif out.aval.weak and python_operator(prim.function, _types(ins)) is not None:
            return self.assign(out, _PYTHON[prim.function].format(*ins))
        else:
            expression = f"{self.function(prim)}({', '.join(map(str, ins))})"
            if not isinstance(prim.function, np.ufunc) and not out.aval.weak:
                expression += "[()]"  # a number, not an array of one
        # what is no ufunc gives a Python number by itself, as np.imag does of one
        weak = out.aval.weak and isinstance(prim.function, np.ufunc)
        self.assign(out, f"{expression}.item()" if weak else expression)

    def convert(self, x: Value, dtype: np.dtype, out: Value) -> None:
        drops = x.aval.dtype.kind == "c" and dtype.kind in "fiu"
        source = f"{x}.real" if drops else str(x)
        if not out.aval.shape:
            self.assign(out, f"{self.dtype(dtype)}({source})")
        elif out.made:
            self.line(f"{self.numpy('copyto')}({out}, {source}, 'unsafe')", out.aval)
        else:
            self.assign(out, f"{source}.astype({self.dtype(dtype)})")

    def fill(self, out: Value, x: Value, axes: Sequence[int]) -> None:
        """Repeat a value along new axes, into memory of its own."""
        self.need(out)
        if x.aval.shape:
            shape = out.aval.shape
            expanded = tuple(1 if d in axes else n for d, n in enumerate(shape))
            leading = tuple(axes) == tuple(range(len(axes)))
            self.line(f"{out}[...] = {x if leading else x.reshaped(expanded)}", out.aval)
        else:
            self.line(f"{out}.fill({x})", out.aval)

    def silenced(self, silent: bool) -> Any:
        """Return a block for lines; where it is silent, NumPy does not warn of them."""
        head = f'with {self.numpy("errstate")}(all="ignore"):' if silent else ""
        return self.indented(head) if silent else nullcontext()

    def require(self, condition: str) -> None:
        """Write a check, which raises a signal for the fallback to be called where it fails."""
        self.signal = self.bind(NotFiniteError, "NotFinite")
        self.masked = self.bind(self.fallback, "masked")
        with self.indented(f"if not ({condition}):"):
            self.line(f"raise {self.signal}")

    # reductions

    def sum(self, x: Value, axes: Sequence[int], out: Value) -> None:
        """Sum; over one axis of a matrix by BLAS, which takes a third of the time."""
        shape, dtype = x.aval.shape, x.aval.dtype
        if len(shape) == 2 and len(axes) == 1 and x.contiguous and dtype.char in "fd":
            n = shape[axes[0]]
            if 1 < n <= _DOT_LIMIT and out.aval.size:  # BLAS gives -0.0 for a sum of one -0.0
                ones = self.ones(n, dtype)
                args = [ones, x] if axes[0] == 0 else [x, ones]
                return self.call(self.numpy("dot"), args, out)
        return self.reduce(np.add, x, axes, out)

    def ones(self, n: int, dtype: np.dtype) -> str:
        expression = f"{self.numpy('ones')}({n}, {self.dtype(dtype)})"
        return self.constant(expression, f"ones_{n}")

    def reduce(self, ufunc: np.ufunc, x: Value, axes: Sequence[int], out: Value) -> None:
        name = f"{self.numpy(ufunc.__name__)}.reduce"
        if not axes:  # nothing to reduce: a copy, or a cast
            return self.call(name, [x, "()", None], out)
        every = len(axes) == len(x.aval.shape)
        along = None if every else axes[0] if len(axes) == 1 else lengths(axes)
        if out.made and out.aval.shape:
            return self.call(name, [x, along, None], out)
        return self.call(name, [x, along], out)

    def accumulate(self, name: str, x: Value, axis: int, out: Value, reverse: bool) -> None:
        function = f"{self.numpy(name)}.accumulate"
        if not reverse:
            return self.call(function, [x, axis, None] if out.made else [x, axis], out)
        self.need(out)
        back = f"[{':, ' * axis}::-1]"
        self.line(f"{function}({x}{back}, {axis}, None, {out}{back})", out.aval)
        return None

    # products

    def matmul(self, a: Value, b: Value, out: Value) -> None:
        """Multiply; what is no stack of matrices by dot, which starts twice as fast."""
        ranks, dtypes = (len(a.aval.shape), len(b.aval.shape)), {a.aval.dtype, b.aval.dtype}
        plain = max(ranks) <= 2 and len(dtypes) == 1 and a.aval.dtype.char in "fdFD"
        name = "dot" if plain else "matmul"
        if a.aval.shape[-1] == 1:  # dot skips what a single 0 meets, nan too
            few = plain and ranks == (2, 2) and out.aval.size <= _BUFFER
            name = "multiply" if few else "matmul"  # the former takes buffers of that size
        self.call(self.numpy(name), [a, b], out)
        if name == "multiply":  # a sum of one product is added to 0: it is not -0.0
            self.call(self.numpy("add"), [out, 0.0], out)

    # parts of arrays

    def scatter(self, out: Value, x: Value, entries: Any, arrays: Any, placeholder: Any) -> None:
        new = not out.made and (out.home is None or not out.home.made)
        name = self.need(out)
        self.line(f"{name}.fill(0)", out.aval)
        if any(a.aval.shape for a in arrays):
            self._add_into(out, x, entries, arrays, placeholder, new)
        else:
            self.line(f"{name}[{index(entries, arrays, placeholder)}] = {x}")
        self.number(out)

    def _add_into(
        self, out: Value, v: Value, entries: Any, arrays: Any, placeholder: Any, new: bool
    ) -> None:
        """Add where index arrays say; whole rows as one flat index, five times as fast."""
        shape, add = out.aval.shape, self.numpy("add")
        slot = indexed_shape(shape, Index(entries), [a.aval.shape for a in arrays])
        whole = v.aval.shape == slot and v.aval.size > FEW
        if len(entries) == 1 < len(shape) and whole and (new or (out.static and out.contiguous)):
            width = math.prod(shape[1:])
            starts = self.constant(f"{self.numpy('arange')}({shape[0]}) * {width}", "starts")
            columns = self.constant(f"{self.numpy('arange')}({width})", "columns")
            places = f"({starts}[{arrays[0]}][..., None] + {columns}).reshape(-1)"
            line = f"{add}.at({out}.reshape(-1), {places}, {v}.reshape(-1))"
        else:
            # np.add.at reads a vector of values beside a matrix of indices past its end
            values = (
                v if v.aval.shape == slot else f"{self.numpy('broadcast_to')}({v}, {lengths(slot)})"
            )
            where = index(entries, arrays, placeholder)
            line = f"{add}.at({out}, {self.places(where)}, {values})"
        self.line(line, out.aval)

    def places(self, where: str) -> str:
        """Return an index as an argument: slices have no text outside of brackets."""
        return f"{self.numpy('s_')}[{where}]" if ":" in where else f"({where},)"

    def number(self, out: Value) -> None:
        """Make a number of an array of one that was needed to write to."""
        if not out.aval.shape:
            self.line(f"{out} = {out}[()]")

    def set(
        self, out: Value, x: Value, v: Value, entries: Any, arrays: Any, placeholder: Any
    ) -> None:
        if not out.aval.shape:
            self.line(f"{self.need(out)}[()] = {x}")
        elif out.text != x.text:
            self.copy(out, x)
        self.line(f"{out}[{index(entries, arrays, placeholder)}] = {v}", out.aval)
        self.number(out)

    def add_at(
        self, out: Value, x: Value, v: Value, entries: Any, arrays: Any, placeholder: Any
    ) -> None:
        if not out.aval.shape:
            self.line(f"{self.need(out)}[()] = {x}")
        elif out.text != x.text:
            self.copy(out, x)
        if any(a.aval.shape for a in arrays):
            self._add_into(out, v, entries, arrays, placeholder, False)
        else:
            self.line(f"{out}[{index(entries, arrays, placeholder)}] += {v}", out.aval)
        self.number(out)
