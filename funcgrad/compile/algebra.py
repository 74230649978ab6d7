"""Algebra: a table of identities of floating-point numbers, and matching of equations to it.

A pattern is a primitive applied to patterns. ``X`` and ``Y`` match any value, ``A`` and ``B``
literals; a number matches itself. A row applies where all values have the dtype of the result,
and where the literals it computes are normal numbers of that dtype. The identities keep the sign
of zero (``x + 0`` is not ``x`` for x = -0) and infinite complex numbers, whose product with 1
has a part that is nan.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.jaxpr import Atom, Eqn, Literal
from ..ops.compare import logical_not
from ..ops.elementwise import abs as abs_p, add, conj, div, mul, neg, pos, pow, square, sub
from .rewrite import Builder


class Term(NamedTuple):
    """A primitive applied to terms."""

    prim: Any
    terms: tuple[Any, ...]


class Hole(NamedTuple):
    """A pattern variable: any value, or any literal."""

    name: str
    number: bool = False


def of(prim: Any) -> Callable[..., Term]:
    return lambda *terms: Term(prim, terms)


X, Y = Hole("X"), Hole("Y")
A, B = Hole("A", number=True), Hole("B", number=True)
_add, _sub, _mul, _div, _neg = map(of, (add, sub, mul, div, neg))
_COMMUTES = frozenset({add, mul})
SAME = "two operands are the same"

# fmt: off
TABLE: tuple[tuple[Term, Any], ...] = (
    (_sub(X, 0),                   X),                       # x - 0 = x
    (_neg(_neg(X)),                X),                       # -(-x) = x
    (of(pos)(X),                   X),                       # +x = x
    (of(logical_not)(of(logical_not)(X)), X),                # not not x = x
    (of(conj)(of(conj)(X)),        X),                       # the conjugate's conjugate
    (_add(X, _neg(Y)),             _sub(X, Y)),              # x + (-y) = x - y
    (_sub(X, _neg(Y)),             _add(X, Y)),              # x - (-y) = x + y
    (_mul(_neg(X), _neg(Y)),       _mul(X, Y)),              # (-x) (-y) = x y
    (_mul(X, X),                   of(square)(X)),           # x x = x**2
    (of(pow)(X, 1),                X),                       # x**1 = x
    (of(abs_p)(_neg(X)),           of(abs_p)(X)),            # |-x| = |x|
    (of(abs_p)(_sub(0, X)),        of(abs_p)(X)),            # |0 - x| = |x|
)
REAL: tuple[tuple[Term, Any], ...] = (  # identities of real numbers alone
    (_mul(X, 1),                   X),                       # x 1 = x
    (_add(X, X),                   _mul(X, 2)),              # x + x = 2 x
    (of(conj)(X),                  X),                       # the conjugate of a real number
    (_mul(X, -1),                  _neg(X)),                 # x (-1) = -x
    (_div(X, 1),                   X),                       # x / 1 = x
    (_mul(_neg(X), A),             _mul(X, _neg(A))),        # (-x) a = x (-a)
    (_neg(_mul(X, A)),             _mul(X, _neg(A))),        # -(x a) = x (-a)
    (_mul(_mul(X, A), B),          _mul(X, _mul(A, B))),     # (x a) b = x (a b)
    (_mul(_div(X, A), B),          _mul(X, _div(B, A))),     # (x / a) b = x (b / a)
)
# fmt: on


def _needs(left: Term) -> frozenset[Any]:
    """What an equation that matches has: primitives that made operands, Literal, numbers, SAME."""
    inner = {part.prim for part in left.terms if isinstance(part, Term)}
    numbers = {part for part in left.terms if not isinstance(part, tuple)}
    literal = {Literal} if numbers or {A, B}.intersection(left.terms) else set()
    return frozenset(inner | numbers | literal | ({SAME} if left.terms == (X, X) else set()))


BY_PRIM = {  # each row with its needs
    prim: [(_needs(left), left, right) for left, right in (*REAL, *TABLE) if left.prim is prim]
    for prim in {left.prim for left, _ in (*REAL, *TABLE)}
}


def applied(build: Builder, eqn: Eqn, left: Term, right: Any) -> Atom | None:
    """Replace an equation by one row of the table; None where it does not match.

    Raises:
        ArithmeticError: if a new literal is not a normal number of the dtype.
    """
    dtype = eqn.outs[0].aval.dtype
    if isinstance(right, Term) and dtype.kind not in "fc" and right.prim is not square:
        return None  # integers overflow, and a literal must fit the dtype
    if dtype.kind == "c" and (left, right) in REAL:
        return None
    for ins in _orders(eqn):
        holes: dict[str, Atom] = {}
        if _all_fit(build, left, ins, holes, dtype):
            values = [a for a in holes.values() if not isinstance(a, Literal)]
            if all(a.aval.dtype == dtype for a in values):
                return _built(build, right, holes, dtype)
    return None


def _orders(eqn: Eqn) -> list[tuple[Atom, ...]]:
    return [eqn.ins, eqn.ins[::-1]] if eqn.prim in _COMMUTES else [eqn.ins]


def _all_fit(
    build: Builder, term: Term, ins: Sequence[Atom], holes: dict[str, Atom], dtype: np.dtype
) -> bool:
    for part, atom in zip(term.terms, ins, strict=True):  # a loop, because most fail at once
        if not _fits(build, part, atom, holes, dtype):
            return False
    return True


def _fits(build: Builder, term: Any, atom: Atom, holes: dict[str, Atom], dtype: np.dtype) -> bool:
    if isinstance(term, Hole):
        if term.number and not (isinstance(atom, Literal) and finite(atom)):
            return False
        return holes.setdefault(term.name, atom) is atom
    if isinstance(term, Term):
        eqn = build.maker(atom)
        if eqn is None or eqn.prim is not term.prim or atom.aval.dtype != dtype:
            return False
        for ins in _orders(eqn):
            trial = dict(holes)
            if _all_fit(build, term, ins, trial, dtype):
                holes.update(trial)
                return True
        return False
    return isinstance(atom, Literal) and not _is_truth(atom) and _is_number(atom.value, term)


def _is_number(value: Any, number: int) -> bool:
    """Whether a literal equals a number; -0.0 does not equal 0, as x - (-0) is not x for x = -0."""
    negative = np.signbit(np.real(value)) or np.signbit(np.imag(value))
    return bool(value == number) and not (number == 0 and negative)


def _is_truth(atom: Literal) -> bool:
    return isinstance(atom.value, (bool, np.bool_))


def finite(atom: Literal) -> bool:
    """Whether a literal is finite and not a bool."""
    return not _is_truth(atom) and bool(np.isfinite(atom.value))


def _built(build: Builder, term: Any, holes: dict[str, Atom], dtype: np.dtype) -> Atom:
    if isinstance(term, Hole):
        return holes[term.name]
    if not isinstance(term, Term):
        return Literal(term)
    atoms = [_built(build, t, holes, dtype) for t in term.terms]
    numbers = [a.value for a in atoms if isinstance(a, Literal)]
    if len(numbers) == len(atoms):
        return folded(lambda *xs: term.prim.run(*xs)[0], dtype, *numbers)
    return build(term.prim, *atoms)


def folded(function: Callable[..., Any], dtype: np.dtype, *numbers: Any) -> Literal:
    """The value of a function of literals, computed in a dtype.

    Raises:
        ArithmeticError: if an operand or the result is not a normal number of the dtype.
    """
    with np.errstate(all="raise"):
        values = [dtype.type(x) for x in numbers]
        y = function(*values)
    tiny = np.finfo(dtype).tiny
    if not all(np.isfinite(v) and abs(v) >= tiny for v in (*values, y)):
        raise ArithmeticError("a number is not normal")
    return Literal(y)
