"""Algebra: a table of identities, each applied where shape, dtype and weakness stay the same.

A pattern is a primitive of patterns, ``X``, ``Y``, ``Z`` stand for any value, ``A`` and ``B`` for
numbers written into the program; a number stands for itself. What needs more than a pattern
(parameters, shapes) is a function below the table.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.avals import PYTHON_SCALARS, Aval
from ..core.errors import FuncgradError
from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal
from ..ops.assign import add_at_p, set_at_p
from ..ops.bits import blend, keep
from ..ops.compare import logical_not
from ..ops.elementwise import add, conj, div, mul, neg, pos, pow, safe_mul, square, sub
from ..ops.index import scatter_add_p
from ..ops.pointwise import Elementwise
from ..ops.structure import (
    broadcast_p,
    convert_p,
    reshape_p,
    sum_p,
    transpose_p,
    truncate_p,
)
from .rewrite import Builder, rewritten


class Term(NamedTuple):
    """A primitive of terms."""

    prim: Any
    terms: tuple[Any, ...]


def of(prim: Any) -> Callable[..., Term]:
    return lambda *terms: Term(prim, terms)


class Hole(NamedTuple):
    """Any value, or any number written into the program."""

    name: str
    number: bool = False


X, Y = Hole("X"), Hole("Y")
A, B = Hole("A", number=True), Hole("B", number=True)
_add, _sub, _mul, _div, _neg = map(of, (add, sub, mul, div, neg))
_COMMUTES = frozenset({add, mul})

# fmt: off
TABLE: tuple[tuple[Term, Any], ...] = (
    (_add(X, 0),                   X),                       # x + 0 = x
    (_sub(X, 0),                   X),                       # x - 0 = x
    (_sub(0, X),                   _neg(X)),                 # 0 - x = -x
    (_mul(X, 1),                   X),                       # x 1 = x
    (_mul(X, -1),                  _neg(X)),                 # x (-1) = -x
    (_div(X, 1),                   X),                       # x / 1 = x
    (_neg(_neg(X)),                X),                       # -(-x) = x
    (of(pos)(X),                   X),                       # +x = x
    (of(logical_not)(of(logical_not)(X)), X),                # not not x = x
    (of(conj)(of(conj)(X)),        X),                       # the conjugate's conjugate
    (_add(X, _neg(Y)),             _sub(X, Y)),              # x + (-y) = x - y
    (_sub(X, _neg(Y)),             _add(X, Y)),              # x - (-y) = x + y
    (_neg(_sub(X, Y)),             _sub(Y, X)),              # -(x - y) = y - x
    (_mul(_neg(X), A),             _mul(X, _neg(A))),        # (-x) a = x (-a)
    (_mul(_neg(X), _neg(Y)),       _mul(X, Y)),              # (-x) (-y) = x y
    (_mul(_mul(X, A), B),          _mul(X, _mul(A, B))),     # (x a) b = x (a b)
    (_mul(_div(X, A), B),          _mul(X, _div(B, A))),     # (x / a) b = x (b / a)
    (_mul(X, X),                   of(square)(X)),           # x x = x**2
    (of(pow)(X, 1),                X),                       # x**1 = x
)
# fmt: on
_BY_PRIM = {
    prim: [row for row in TABLE if row[0].prim is prim] for prim in {row[0].prim for row in TABLE}
}  # fmt: skip


def simplify(jaxpr: Jaxpr) -> Jaxpr:
    """Apply the table and the functions below, each equation once its operands are simple."""

    def step(build: Builder, eqn: Eqn) -> Sequence[Atom] | None:
        if len(eqn.outs) != 1:
            return None
        atom = _simpler(build, eqn)
        if atom is None:
            return None
        made = build.maker(atom)
        if made is not None and build.eqns and made is build.eqns[-1]:
            build.eqns.pop()  # what an equation has become may be simpler still
            again = step(build, made)
            if again is not None:
                return again
            build.add(made)
        return (atom,)

    return rewritten(jaxpr, step)


def _simpler(build: Builder, eqn: Eqn) -> Atom | None:
    """Return what an equation becomes by the first rule that fits."""
    for left, right in _BY_PRIM.get(eqn.prim, ()):
        found = _applied(build, eqn, left, right)
        if found is not None:
            return found
    default = _ELEMENTWISE if isinstance(eqn.prim, Elementwise) else ()
    for rule in _RULES.get(eqn.prim, default):
        found = rule(build, eqn)
        if found is not None:
            return found
    return None


# patterns


def _applied(build: Builder, eqn: Eqn, left: Term, right: Any) -> Atom | None:
    """Return what an equation becomes by one row of the table, None where it does not fit."""
    orders = [eqn.ins, eqn.ins[::-1]] if eqn.prim in _COMMUTES else [eqn.ins]
    for ins in orders:
        holes: dict[str, Atom] = {}
        if all(_fits(build, t, a, holes) for t, a in zip(left.terms, ins, strict=True)):
            return _kept(build, eqn, lambda h=holes: _built(build, right, h))
    return None


def _fits(build: Builder, term: Any, atom: Atom, holes: dict[str, Atom]) -> bool:
    if isinstance(term, Hole):
        if term.number and not (isinstance(atom, Literal) and _finite(atom)):
            return False
        return holes.setdefault(term.name, atom) is atom
    if isinstance(term, Term):
        eqn = build.maker(atom)
        if eqn is None or eqn.prim is not term.prim:
            return False
        orders = [eqn.ins, eqn.ins[::-1]] if eqn.prim in _COMMUTES else [eqn.ins]
        for ins in orders:
            trial = dict(holes)
            if all(_fits(build, t, a, trial) for t, a in zip(term.terms, ins, strict=True)):
                holes.update(trial)
                return True
        return False
    return is_value(atom, term)


def is_value(atom: Atom, value: Any) -> bool:
    """Return whether an atom is this number, written into the program."""
    return (
        isinstance(atom, Literal)
        and not isinstance(atom.value, (bool, np.bool_))
        and bool(atom.value == value)
    )


def _finite(atom: Literal) -> bool:
    return not isinstance(atom.value, (bool, np.bool_)) and bool(np.isfinite(atom.value))


def _built(build: Builder, term: Any, holes: dict[str, Atom]) -> Atom:
    if isinstance(term, Hole):
        return holes[term.name]
    atoms = [_built(build, t, holes) for t in term.terms]
    if all(isinstance(a, Literal) for a in atoms):
        with np.errstate(all="raise"):
            return Literal(term.prim.run(*(a.value for a in atoms))[0])
    return build(term.prim, *atoms)


def _kept(build: Builder, eqn: Eqn, make: Callable[[], Atom | None]) -> Atom | None:
    """Return what ``make`` builds, if it is of the equation's own aval; else undo it."""
    start = len(build.eqns)
    try:
        atom = make()
    except (FuncgradError, ArithmeticError, TypeError):
        atom = None
    if atom is not None and atom.aval == eqn.outs[0].aval:
        return atom
    del build.eqns[start:]
    return None


# what needs more than a pattern


def _division(build: Builder, eqn: Eqn) -> Atom | None:
    """x / a = x (1 / a) for a power of two, exactly; for another number to the last bit."""
    x, a = eqn.ins
    if not isinstance(a, Literal) or x.aval.dtype.kind not in "fc" or not x.aval.shape:
        return None
    if not _finite(a) or a.value == 0:
        return None
    inverse = 1 / a.value
    if not np.isfinite(inverse) or abs(inverse) < np.finfo(x.aval.dtype).tiny:
        return None
    if type(a.value) in PYTHON_SCALARS:
        inverse = complex(inverse) if isinstance(a.value, complex) else float(inverse)
    return _kept(build, eqn, lambda: build(mul, x, inverse))


def _of_ones(build: Builder, eqn: Eqn) -> Atom | None:
    """A cotangent that is a number other than 0 needs no guard: safe_mul(a, x) = a x."""
    t, c = eqn.ins
    known = _repeated_number(build, t)
    if known is None or not known:
        return None
    return _kept(build, eqn, lambda: build(mul, t, c))


def _repeated_number(build: Builder, atom: Atom) -> Any:
    """Return the number of which a value consists, None where it is not one."""
    while (eqn := build.maker(atom)) is not None and eqn.prim in (broadcast_p, reshape_p):
        atom = eqn.ins[0]
    return atom.value if isinstance(atom, Literal) and np.isfinite(atom.value) else None


def _no_op(build: Builder, eqn: Eqn) -> Atom | None:
    """A reshape, cast, transpose, sum or broadcast that changes nothing."""
    (x,), (out,) = eqn.ins, eqn.outs
    if x.aval != out.aval:
        return None
    perm = eqn.params.get("perm")
    return x if perm is None or list(perm) == sorted(perm) else None


def _twice(build: Builder, eqn: Eqn) -> Atom | None:
    """Two reshapes are the last of them; two transposes are one, and so two casts to wider."""
    inner = build.maker(eqn.ins[0])
    if inner is None or inner.prim is not eqn.prim:
        return None
    x = inner.ins[0]
    if eqn.prim is reshape_p:
        return _kept(build, eqn, lambda: build(reshape_p, x, shape=eqn.params["shape"]))
    first, second = inner.params["perm"], eqn.params["perm"]
    perm = tuple(first[d] for d in second)
    if list(perm) == sorted(perm):
        return x
    return _kept(build, eqn, lambda: build(transpose_p, x, perm=perm))


def _moves_ones(build: Builder, eqn: Eqn) -> Atom | None:
    """A transpose that moves only axes of length 1 is a reshape."""
    x, perm = eqn.ins[0], eqn.params["perm"]
    moved = [d for d in perm if x.aval.shape[d] != 1]
    if moved != sorted(moved) or list(perm) == sorted(perm):
        return None
    return build(reshape_p, x, shape=eqn.outs[0].aval.shape)


def _cast_number(build: Builder, eqn: Eqn) -> Atom | None:
    """A number repeated and then cast is that number cast and then repeated."""
    inner = build.maker(eqn.ins[0])
    if inner is None or inner.prim is not broadcast_p or inner.ins[0].aval.shape:
        return None
    number = build(eqn.prim, inner.ins[0], dtype=eqn.params["dtype"])
    return _kept(build, eqn, lambda: build(broadcast_p, number, **inner.params))


def _sum_of_repeated(build: Builder, eqn: Eqn) -> Atom | None:
    """Sum over axes along which a value repeats: it times their length."""
    inner = build.maker(eqn.ins[0])
    if inner is None or inner.prim is not broadcast_p or eqn.outs[0].aval.dtype.kind not in "fc":
        return None
    axes, new = set(eqn.params["axes"]), inner.params["axes"]
    if not axes <= set(new):
        return None
    shape = inner.params["shape"]
    count = math.prod(shape[d] for d in axes)
    rest = tuple(n for d, n in enumerate(shape) if d not in axes)
    left = [d for d in new if d not in axes]
    places = tuple(d - sum(a < d for a in axes) for d in left)

    def make() -> Atom:
        y = build(mul, inner.ins[0], count)
        return build(broadcast_p, y, shape=rest, axes=places) if places else y

    return _kept(build, eqn, make)


def _unrepeated(build: Builder, eqn: Eqn) -> Atom | None:
    """An operand need not be repeated where NumPy's broadcasting does it, or all of them are."""
    makers = [build.maker(a) for a in eqn.ins]
    if not any(m is not None and m.prim is broadcast_p for m in makers):
        return None
    out = eqn.outs[0].aval
    atoms = [_narrow(build, a, m) for a, m in zip(eqn.ins, makers, strict=True)]
    try:
        shape = np.broadcast_shapes(*(a.aval.shape for a in atoms))
    except ValueError:
        return None
    if shape == out.shape:
        return _kept(build, eqn, lambda: build(eqn.prim, *atoms, **eqn.params))
    return _computed_once(build, eqn, atoms, out)


def _computed_once(build: Builder, eqn: Eqn, atoms: Sequence[Atom], out: Aval) -> Atom | None:
    """A function of repeated values is that function's value, repeated."""

    def make() -> Atom:
        y: Any = build(eqn.prim, *atoms, **eqn.params)
        if y.aval.weak:
            y = build(convert_p if out.dtype.kind in "fc" else truncate_p, y, dtype=out.dtype)
        have = y.aval.shape
        lead = len(out.shape) - len(have)
        wide = [d for d, n in enumerate(have) if n != out.shape[lead + d]]
        kept = tuple(n for d, n in enumerate(have) if d not in wide)
        y = build(reshape_p, y, shape=kept) if wide else y
        return build(
            broadcast_p, y, shape=out.shape, axes=(*range(lead), *(lead + d for d in wide))
        )

    return _kept(build, eqn, make)


def _narrow(build: Builder, atom: Atom, maker: Eqn | None) -> Atom:
    """Return an operand as it was before it was repeated, with axes of length 1 where it must."""
    if maker is None or maker.prim is not broadcast_p:
        return atom
    shape, axes = maker.params["shape"], maker.params["axes"]
    x = maker.ins[0]
    if tuple(axes) == tuple(range(len(axes))):
        return x  # new axes in front come by themselves
    inner = tuple(1 if d in axes else n for d, n in enumerate(shape))
    lead = next(d for d in range(len(inner) + 1) if d not in axes)
    return build(reshape_p, x, shape=inner[lead:])


def _to_part(build: Builder, eqn: Eqn) -> Atom | None:
    """x + (zeros but for v in some places) = x with v added there; set there, where x is zero."""
    for x, y in (eqn.ins, eqn.ins[::-1]):
        inner = build.maker(y)
        out = eqn.outs[0].aval
        if inner is None or inner.prim is not scatter_add_p or not x.aval == y.aval == out:
            continue
        (v, *arrays), index = inner.ins, inner.params["index"]
        if not out.shape or v.aval.dtype != out.dtype:
            continue
        if not arrays and _is_zero_at(build, x, index, out.shape):
            return build(set_at_p, x, v, index=index)
        if arrays or 4 * v.aval.size < out.size:
            return build(add_at_p, x, v, *arrays, index=index)
    return None


def _is_zero_at(build: Builder, atom: Atom, index: Any, shape: Sequence[int]) -> bool:
    """Return whether a value is made of zeros by writing to other slices than these."""
    while (eqn := build.maker(atom)) is not None and eqn.prim in (set_at_p, scatter_add_p):
        plain = len(eqn.ins) == (1 if eqn.prim is scatter_add_p else 2)
        if not plain or not _disjoint(eqn.params["index"], index, shape):
            return False
        if eqn.prim is scatter_add_p:
            return True
        atom = eqn.ins[0]
    return False


def _disjoint(first: Sequence[Any], second: Sequence[Any], shape: Sequence[int]) -> bool:
    """Return whether two indices of slices and integers have no element in common, on one axis."""
    if not all(type(e) in (slice, int) for e in (*first, *second)):
        return False
    for a, b, n in zip(first, second, shape, strict=False):
        one, other = (range(n)[e] if type(e) is slice else range(n)[e : e + 1 or n] for e in (a, b))
        if set(one).isdisjoint(other):
            return True
    return False


_ELEMENTWISE: tuple[Any, ...] = (_unrepeated,)
# fmt: off
_RULES: dict[Any, tuple[Any, ...]] = {
    add:         (_to_part, _unrepeated),
    div:         (_division, _unrepeated),
    safe_mul:    (_of_ones, _unrepeated),
    reshape_p:   (_no_op, _twice),
    transpose_p: (_no_op, _twice, _moves_ones),
    convert_p:   (_no_op, _cast_number),
    truncate_p:  (_no_op,),
    broadcast_p: (_no_op,),
    sum_p:       (_no_op, _sum_of_repeated),
    keep:        (),  # bits of full arrays
    blend:       (),
}
# fmt: on
