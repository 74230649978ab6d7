"""Regions: the equations of a program that are written in C, in groups."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..core.jaxpr import Eqn, Jaxpr, Literal, Var, programs_in
from .blas import openblas
from .costs import LARGE_PRODUCT
from .elementary import NAMES
from .functions import is_elementwise, is_in_table
from .literals import NotInCError, is_written
from .programs import function_parts

WORTH = 3  # operations from which a call pays
LONG = 2048  # elements from which NumPy's vectorised functions are faster than the C library's
VERY_LONG = 1 << 15  # elements from which they are faster than ours
LARGE_IN_LOOP = 1 << 19  # the same in a loop, where there is no BLAS to call from C
ALL_IN_LOOP = 1 << 24  # the same, where there is one
LONGEST = 400  # equations of a function, whose compile time grows faster than its length
VIEWS = "a view costs nothing"
LARGE_CONSTANT = 256  # elements of a constant, above which it is an operand

# 4 ns an element, and more
_SLOW = frozenset({"pow", "arctan2", "mod", "fmod", "floor_divide"})
# one call of NumPy takes longer than one of C
_WHOLE = (
    "solve inv cholesky lu slogdet det qr solve_triangular cofactor random_bits random_split "
    "random_fold_in"
)
_COSTLY = frozenset(_WHOLE.split())
_MADE = (
    "mean count_nonzero norm last_writer weighted unpadded wrapped random_seed random_uniform "
    "random_normal random_exponential random_gumbel random_laplace random_logistic random_cauchy "
    "random_below random_remainder random_gamma random_wald random_poisson random_binomial "
    "random_geometric inverse_of_regular inverse_of_qr_factor taint"
)
IN_PARTS = frozenset(_MADE.split())


class Part(NamedTuple):
    """A group of equations: written in C, or left to NumPy for a reason."""

    eqns: list[Eqn]
    reason: str  # "" if it is written in C
    worth: str = ""  # why the cost model chose C, if it was asked
    compilation: float = 0.0  # the milliseconds that it expects of the compiler


def parts_of(jaxpr: Jaxpr) -> list[Part]:
    """The equations in groups, in an order in which they can run.

    An equation joins the last group in C, unless it depends on an equation of NumPy after that.
    """
    groups: list[Part] = []
    home: dict[Any, int] = {}
    last = -1
    known: dict[Any, str] = {}
    for eqn in jaxpr.eqns:
        key = _key(eqn)
        if key not in known:
            known[key] = why_not(eqn)
        reason = known[key]
        ready = max((home.get(a, -1) for a in eqn.ins if isinstance(a, Var)), default=-1)
        at = last
        room = last >= 0 and len(groups[last].eqns) < LONGEST
        if not reason and room and last >= ready:
            groups[at].eqns.append(eqn)
        else:
            at = len(groups)
            groups.append(Part([eqn], reason))
            last = last if reason else at
        home.update((v, at) for v in eqn.outs)
    kept = [p for part in groups for p in ([part] if part.reason else _trimmed(part))]
    return [p if p.reason or _work(p.eqns) >= WORTH else Part(p.eqns, "a call costs more")
            for p in kept]  # fmt: skip


def _trimmed(part: Part) -> list[Part]:
    """A group without the views that only NumPy reads, which follow or precede it."""
    before: list[Eqn] = []
    after: list[Eqn] = []
    kept: list[Eqn] = []
    read: set[Any] = set()
    made = {v for eqn in part.eqns for v in eqn.outs}
    for eqn in reversed(part.eqns):
        if not is_view(eqn) or not read.isdisjoint(eqn.outs):
            kept.append(eqn)
            read.update(eqn.ins)
        else:
            (before if made.isdisjoint(eqn.ins) else after).append(eqn)
    rows = [Part(before[::-1], VIEWS), Part(kept[::-1], ""), Part(after[::-1], VIEWS)]
    return [row for row in rows if row.eqns]


def is_view(eqn: Eqn) -> bool:
    """Whether NumPy takes a view for an equation."""
    return eqn.prim.codegen.view is not None and len(eqn.ins) <= 1


def _work(eqns: Sequence[Eqn]) -> int:
    """How many operations of NumPy a call takes the place of; a loop counts as enough of them."""
    costly = lambda e: programs_in(e.params) or e.prim.name in _COSTLY
    return sum(WORTH if costly(e) else not is_view(e) for e in eqns)


# equations that are written in C


def _key(eqn: Eqn) -> Any:
    """What the text of an equation depends on, apart from names."""
    ins = [(a.aval, repr(a.value) if isinstance(a, Literal) else eqn.ins.index(a)) for a in eqn.ins]
    return eqn.prim, tuple(ins), tuple([v.aval for v in eqn.outs]), tuple(eqn.params.items())


def why_not(eqn: Eqn) -> str:
    """The reason why an equation is left to NumPy; "" if it is written in C."""
    try:
        _check(eqn)
        ins = tuple([a for a in dict.fromkeys(eqn.ins) if isinstance(a, Var)])
        alone = Jaxpr(ins, (), (eqn,), eqn.outs)
        function_parts(alone, "program", [f"x{i}" for i in range(len(ins))])
    except NotInCError as err:
        return str(err)
    return ""


def _check(eqn: Eqn, largest: int = LARGE_PRODUCT) -> None:
    """Raise if an equation, or one that it holds, is not written in C, or is slower there.

    ``largest``: multiplications of a product.
    """
    avals = [a.aval for a in (*eqn.ins, *eqn.outs)]
    for aval in avals:
        if not is_written(aval):
            raise NotInCError(f"{eqn.prim.name} of {aval.dtype.name}")
    held = programs_in(eqn.params)
    for program in held:
        for inner in program.eqns:
            _check(inner, LARGE_IN_LOOP if openblas() is None else ALL_IN_LOOP)
    if not eqn.outs:
        raise NotInCError(f"{eqn.prim.name} has no results")
    out = eqn.outs[0].aval
    name = eqn.prim.name
    least = LONG if name in _SLOW else VERY_LONG if name in NAMES else out.size + 1
    if is_elementwise(eqn.prim) and out.size >= least and out.dtype.kind != "c":
        raise NotInCError(f"{name} of {out} is faster in NumPy")
    if name == "matmul" and _multiplications(eqn) > largest:
        raise NotInCError(f"matmul to {out} is faster by BLAS")
    if name == "constant" and out.size > LARGE_CONSTANT:
        raise NotInCError("a large constant is an operand")


def _multiplications(eqn: Eqn) -> int:
    """The multiplications of a product of two matrices, one of a stack."""
    a, b = (x.aval.shape for x in eqn.ins)
    return math.prod(a[-2:]) * (b[-1] if len(b) > 1 else 1)


def is_coarse(eqn: Eqn) -> bool:
    """Whether an equation is written in C as the equations of which it is made.

    A function of many elements that has a kernel in NumPy is left to that.
    """
    prim = eqn.prim
    if prim.decompose is None or prim.codegen.in_c is not None:
        return False
    if not is_elementwise(prim):
        few = not prim.name.startswith("random_") or eqn.outs[0].aval.size < LONG
        return few and prim.name in IN_PARTS
    whole = all(a.aval.dtype.kind in "biu" for a in eqn.ins)
    if whole and eqn.outs[0].aval.dtype.kind in "fc":  # differences of its operands would wrap
        return False
    kinds = {a.aval.dtype.kind for a in (*eqn.ins, *eqn.outs)}
    known = is_in_table(prim, "c" in kinds) or not kinds <= set("biufc")
    return not known and eqn.outs[0].aval.size < LONG
