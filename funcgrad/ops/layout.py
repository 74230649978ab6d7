"""Layout in memory: the strides of an array, in elements, and those of results of an operation."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..core.avals import Aval, Shape, shape_of
from ..core.buffers import fresh_copy
from ..core.errors import MissingRuleError
from ..core.jaxpr import Atom, Eqn, Literal, Var, programs_in
from ..core.memory import Owner, Steps, View, owner_of, snapshot
from ..core.registry import overrides
from ..core.trace import ConcreteTracer, Primitive, Tracer
from .assign import AddAt, SetAt
from .compare import logical_or
from .contract import Einsum, Matmul
from .convert import Convert
from .elementwise import pos
from .families import Elementwise
from .index import Getitem
from .structure import Reshape, Transpose

Strides: TypeAlias = tuple[int, ...]


def contiguous(shape: Shape) -> Strides:
    """The strides of an array in C order."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def is_contiguous(shape: Shape, strides: Strides) -> bool:
    """Whether the elements lie in C order without gaps; axes of length 1 have any stride."""
    pairs = zip(shape, strides, contiguous(shape), strict=True)
    return 0 in shape or all(n == 1 or s == c for n, s, c in pairs)


def laid_out(shape: Shape, strides: Strides, dtype: Any = np.int8) -> np.ndarray:
    """An array of this layout, whose elements are never read."""
    one = np.empty(1, dtype)
    return as_strided(one, shape, [n * one.itemsize for n in strides])


def strides_in_elements(x: np.ndarray) -> Strides:
    return tuple([n // x.itemsize for n in x.strides])


def strides_of(x: Any) -> Strides:
    """The strides of an array in memory, in elements; scalars have none."""
    if isinstance(x, np.ndarray):
        return strides_in_elements(x)
    if not isinstance(x, Tracer):
        return ()
    memory = x._memory
    if type(memory) is View:
        owner = memory.owner
        return strides_in_elements(through(memory.steps, owner.aval, strides_of(owner)))
    if type(memory) is Owner and memory.strides is not None:
        if isinstance(memory.strides, Tracer):
            memory.strides = strides_of(memory.strides)
        return memory.strides
    return strides_of(x.value) if isinstance(x, ConcreteTracer) else x._trace.strides(x)


def has_noted_strides(x: Any) -> bool:
    """Whether the strides may be others than those of the array at the bottom, a copy."""
    while isinstance(x, ConcreteTracer):
        x = owner_of(x)
        if x._memory is not None and x._memory.strides is not None:
            return True
        x = getattr(x, "value", None)
    return False


def through(steps: Steps, aval: Aval, strides: Strides) -> np.ndarray:
    """An array of the layout of the view to which steps lead, whose elements are never read."""
    layout = laid_out(aval.shape, strides, aval.dtype)
    for prim, params in steps:
        (layout,) = prim.run(layout, **params)
    return layout


def is_array(x: Any) -> bool:
    """Whether a 0-d value is an array, which is written in place, and no scalar."""
    return not overrides["is_scalar"](x) if isinstance(x, Tracer) else isinstance(x, np.ndarray)


def strides_of_strided(x: Any) -> Strides | None:
    """The strides of an array, in elements, None if it is in C order."""
    if isinstance(x, np.ndarray):
        return None if x.flags.c_contiguous else strides_in_elements(x)
    strides = strides_of(x)
    return None if is_contiguous(x.shape, strides) else strides


def strides_of_result(
    prim: Primitive, params: Any, shapes: Sequence[Shape], strides: Sequence[Strides], out: Shape
) -> Strides:
    """The strides of the result of an operation in ``_KEEPS``, as NumPy allocates it.

    Args:
        shapes: of the operands.
        strides: of the operands.
        out: the shape of the result.
    """
    if isinstance(prim, (Elementwise, Convert)):  # in the order of the operands
        given: Any = [*map(laid_out, shapes, strides), None]
        flags: Any = [*[["readonly"]] * len(shapes), ["writeonly", "allocate"]]
        result = np.nditer(given, ["zerosize_ok"], flags, order="K").operands[-1]
        return tuple(result.strides) if result.shape == out else contiguous(out)
    if isinstance(prim, (SetAt, AddAt)):
        return strides[0]
    if isinstance(prim, Getitem) and len(shapes) > 1:
        arrays = [_zeros(s, n, np.intp) for s, n in zip(shapes[1:], strides[1:], strict=True)]
        (y,) = prim.run(_zeros(shapes[0], strides[0], np.int8), *arrays, **params)
        return strides_in_elements(y) if 0 not in out else contiguous(out)
    is_view = isinstance(prim, (Transpose, Getitem))
    if is_view:
        return tuple(prim.run(laid_out(shapes[0], strides[0]), **params)[0].strides)
    after = None
    if isinstance(prim, Reshape):
        after = strides_after_reshape(shapes[0], strides[0], out)
    return contiguous(out) if after is None else after


class Layouts:
    """Strides of the variables of a program that is being staged, as far as they were asked.

    Those of an input are in C order, unless they were set, or ``operands`` has its value.
    """

    def __init__(self, operands: Mapping[Var, Any]) -> None:
        arrays = {v: x for v, x in operands.items() if isinstance(x, (np.ndarray, Tracer))}
        known = {v: strides_of_strided(x) for v, x in arrays.items() if x.shape}
        self.strides: dict[Var, Strides] = {v: s for v, s in known.items() if s is not None}
        self.makers: dict[Var, Eqn] = {}  # the equation of each variable
        self.searched = 0  # the number of equations searched for these

    def of(self, atom: Atom, eqns: Sequence[Eqn], consts: Iterable[tuple[Var, Any]]) -> Strides:
        """The strides of a variable, given the equations until now and the constants."""
        if isinstance(atom, Literal):
            return ()
        if atom in self.strides:
            return self.strides[atom]
        start = self.searched if self.searched <= len(eqns) else 0  # some may have been removed
        self.makers.update({var: eqn for eqn in eqns[start:] for var in eqn.outs})
        self.searched = len(eqns)
        waiting: list[Var] = [atom]
        while waiting:  # without recursion, since programs may be long
            var = waiting[-1]
            eqn = self.makers.get(var)
            if eqn is not None and depends(eqn, var):
                missing = [a for a in eqn.ins if isinstance(a, Var) and a not in self.strides]
                if missing:
                    waiting += missing
                    continue
                given = [() if isinstance(a, Literal) else self.strides[a] for a in eqn.ins]
                self.strides[var] = strides_in_program(eqn, var, given)
            else:
                known = [x for v, x in consts if v is var]
                self.strides[var] = strides_of(known[0]) if known else contiguous(var.aval.shape)
            waiting.pop()
        return self.strides[atom]


def depends(eqn: Eqn, var: Var) -> bool:
    """Whether the order of a result may be that of operands."""
    return keeps_layout(eqn.prim) or (len(var.aval.shape) > 1 and not programs_in(eqn.params))


def strides_in_program(eqn: Eqn, var: Var, strides: Sequence[Strides]) -> Strides:
    """The strides of a result of an equation, given those of its operands."""
    avals = tuple([a.aval for a in eqn.ins])
    return strides_made(
        eqn.prim, eqn.params, avals, tuple(strides), eqn.outs.index(var), var.aval.shape
    )


def strides_made(
    prim: Primitive, params: Any, avals: Sequence[Aval], strides: Any, place: int, shape: Shape
) -> Strides:
    """The strides of a result of an operation: by its rule, or by a run on zeros.

    Args:
        avals: of the operands.
        strides: of the operands.
        place: which result it is.
        shape: of the result.
    """
    composed = isinstance(prim, Elementwise) and not isinstance(prim.function, np.ufunc)
    if keeps_layout(prim) and not composed:
        return strides_of_result(prim, params, [a.shape for a in avals], strides, shape)
    if not has_own_order(prim, len(avals)) and all(
        is_contiguous(a.shape, s) for a, s in zip(avals, strides, strict=True)
    ):
        return contiguous(shape)
    key = prim, tuple(params.items()), tuple(avals), tuple(strides), place
    try:
        found = _strides_by_run(*key)
    except TypeError:  # a user's primitive may have a parameter that has no hash
        found = _strides_by_run.__wrapped__(*key)
    return contiguous(shape) if found is None else found


def has_own_order(prim: Primitive, count: int) -> bool:
    """Whether a result of operands in C order may be in another one."""
    return isinstance(prim, (Einsum, Transpose)) or (isinstance(prim, Getitem) and count > 1)


def gives_c_order(prim: Primitive, avals: Sequence[Aval], shape: Shape) -> bool:
    """Whether a result is in C order whatever its operands are: of no more than one stack axis."""
    if not isinstance(prim, Matmul):
        return False
    axes = shape[:-2] if all(len(a.shape) > 1 for a in avals) else shape[:-1]
    return sum(n > 1 for n in axes) <= 1


@functools.lru_cache(4096)  # a function that runs again asks again, and the run may take long
def _strides_by_run(
    prim: Primitive,
    params: tuple[tuple[str, Any], ...],
    avals: tuple[Aval, ...],
    strides: tuple[Strides, ...],
    place: int,
) -> Strides | None:
    """The strides of a result of an operation on zeros, None if they are not in its domain."""
    arrays = [_zeros(a.shape, s, a.dtype) for a, s in zip(avals, strides, strict=True)]
    try:
        with np.errstate(all="ignore"):
            y = prim.run(*arrays, **dict(params))[place]
    except (ValueError, ArithmeticError, MissingRuleError):  # a collective runs in no array
        return None
    return strides_in_elements(y) if isinstance(y, np.ndarray) else None


def _zeros(shape: Shape, strides: Strides, dtype: Any) -> np.ndarray:
    """Zeros of this layout."""
    spans = [(n - 1) * s if n else 0 for n, s in zip(shape, strides, strict=True)]
    memory = np.zeros(1 + sum(map(abs, spans)), dtype)
    start = sum(-n for n in spans if n < 0)
    return as_strided(memory[start:], shape, [n * memory.itemsize for n in strides])


def copy_in(strides: Strides, x: np.ndarray) -> np.ndarray:
    """A copy of an array with these strides, in elements, itself if it has them."""
    return x if strides_in_elements(x) == strides else new_copy_in(strides, x)


def new_copy_in(strides: Strides, x: np.ndarray) -> np.ndarray:
    """A copy of an array with these strides, in elements."""
    out = _zeros(x.shape, strides, x.dtype)
    out[...] = x
    return out


def bottom_of(x: Any) -> Any:
    """The array at the bottom of tracers with known values, or an abstract tracer."""
    while isinstance(x, ConcreteTracer):
        x = x.value
    return x


def laid_out_as(y: Any, strides: Any) -> Any:
    """A new array with the strides, in elements, that NumPy would give it."""
    if not isinstance(y, Tracer) or not y.shape:
        return y
    y = fresh_copy(y) if type(y._memory) is View else y
    bottom = bottom_of(y)
    if isinstance(bottom, np.ndarray):
        y.value = _relaid(y.value, strides)
    elif y._memory is None:
        bottom._trace.lay_out(bottom, strides)
    elif strides_of(bottom) != strides:  # a copy has the content of another array
        return laid_out_as(same_content(y), strides)
    if y._memory is not None:
        y._memory.strides = strides
    return y


def same_content(x: Any) -> Any:
    """A new value with the elements of another."""
    return logical_or(x, x) if x.dtype.kind == "b" else pos(x)


def _relaid(x: Any, strides: Any) -> Any:
    """A known value with these strides; tracers of outer traces, which others may hold, stay."""
    if isinstance(x, np.ndarray):
        return copy_in(strides, x)
    inner = _relaid(x.value, strides)
    if inner is not x.value:
        x = snapshot(x)
        x.value = inner
    return x


def in_c_order(y: Any) -> Any:
    """A new array that NumPy would give in C order."""
    return laid_out_as(y, contiguous(shape_of(y)))


def body_value(x: Any) -> Any:
    """A value that goes into a body of a loop or branch, or comes out: an array in C order.

    One order for all, because a staged body runs on values of which the order is not known.
    """
    if isinstance(x, Tracer) and x._memory is None and isinstance(bottom_of(x), Tracer):
        return x  # of an operation that holds the body
    return to_c_order(x)


def to_c_order(x: Any) -> Any:
    """A value in C order: itself, or a copy."""
    if isinstance(x, np.ndarray):
        return x if x.flags.c_contiguous else x.copy()
    if not isinstance(x, Tracer) or is_contiguous(x.shape, strides_of(x)):
        return x
    return in_c_order(same_content(x))


def zeros_in_order(x: Any) -> np.ndarray:
    """Zeros with the shape, dtype and order of axes of an array; no two share memory."""
    strides = strides_of(x)
    return _zeros(x.shape, without_gaps(x.shape, strides) if 0 in strides else strides, x.dtype)


def without_gaps(shape: Shape, strides: Strides) -> Strides:
    """The strides of a dense array that has the views which one of these strides has."""
    dense = strides_in_elements(np.empty_like(laid_out(shape, strides)))
    return tuple([-s if given < 0 else s for s, given in zip(dense, strides, strict=True)])


def keeps_layout(prim: Primitive) -> bool:
    """Whether results of an operation may be in another order than C."""
    return isinstance(prim, _KEEPS)


_KEEPS = (Elementwise, Convert, SetAt, AddAt, Transpose, Getitem, Reshape)


def strides_after_reshape(shape: Shape, strides: Strides, new: Shape) -> Strides | None:
    """The strides of a reshaped view, None where the elements must be copied.

    Groups of axes with equal numbers of elements are matched from the left; the old axes of a
    group must lie behind each other in memory.
    """
    old = [(n, s) for n, s in zip(shape, strides, strict=True) if n != 1]
    found: list[int] = []
    i = j = 0
    lengths = list(new)
    while j < len(lengths):
        if lengths[j] == 1:
            found.append(1)
            j += 1
            continue
        if 0 in new:
            return contiguous(new)
        first, count = i, old[i][0]
        start, size = j, lengths[j]
        i, j = i + 1, j + 1
        while count != size:
            if count < size:
                count *= old[i][0]
                i += 1
            else:
                size *= lengths[j]
                j += 1
        for (_, outer), (n, inner) in zip(old[first : i - 1], old[first + 1 : i], strict=True):
            if outer != n * inner:
                return None
        step = old[i - 1][1]
        group = []
        for n in reversed(lengths[start:j]):
            group.append(step)
            step *= n
        found += reversed(group)
    return tuple(found)
