"""The passes of the compiler, in order: from a traced program to the one that is written."""

import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

from ..core.dead_code import dce
from ..core.effects import has_effects
from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal, check_jaxpr, programs_in
from ..ops.assign import add_at_p
from ..ops.contract import matmul
from ..ops.half_angle import FEWEST
from ..ops.index import concatenate_p, getitem_p
from .code_motion import hoist
from .constant_folding import fold_literals
from .cse import cse
from .elements import stack_elements
from .errstate import merge_spans
from .finite_checks import after_p, drop_tokens, insert_checks
from .fusion import BIG, fuse
from .inlining import inline, lower, lower_large
from .mask_marks import MARKS, start_p
from .packing import LEAST, SHORTEST, pack
from .padding import slices_of_padded
from .planes import BROAD, long_axes_last
from .rerolling import reroll
from .rewrite import on_programs
from .scheduling import schedule
from .simplification import rules_of, simplify
from .unrolled import PRODUCTS, join_products
from .weighted import weigh
from .wrapping import rolls_of_wrapped

Pass = Callable[[Jaxpr], Jaxpr]

# fmt: off
FIRST: tuple[Pass, ...] = (
    inline,         # called programs, in place of their calls
    dce,            # dead-code elimination
    insert_checks,  # finite checks, in place of the marks of derivatives
    reroll,         # loops that Python unrolled
)
PASSES: tuple[Pass, ...] = (
    hoist,          # loop-invariant code motion
    lower,          # operations made of faster ones
    join_products,  # of loops that Python unrolled
    fold_literals,  # constant folding
    simplify,       # algebraic identities
    cse,            # common subexpression elimination
    dce,            # a value that nothing reads any more keeps no rule from applying
    simplify, fold_literals, simplify, cse,
    rolls_of_wrapped,  # several rolls of one array
    dce,
    slices_of_padded,  # sums of paddings
    dce,
    weigh,             # sums of neighbours times numbers
    stack_elements,    # of scalars
    dce,
)
LAST: tuple[Pass, ...] = (  # for the outermost program alone, just before its source is written
    lower_large,    # operations on many elements, which other languages than NumPy do not need
    long_axes_last, # of arrays that are made by broadcasting
    pack,           # equal chains over small arrays, as one
    schedule,       # the order with the lower peak memory
    drop_tokens,    # which ordered equations after checks
    fuse,           # chains over big arrays, block by block
    merge_spans,    # of equations without floating-point warnings
)
# fmt: on
LARGE = 500  # equations from which on a program is large
SEARCHING = frozenset({dce, simplify, cse})
MOVING = frozenset({reroll, long_axes_last, pack, schedule, merge_spans})  # not past an effect
AT_ONCE = frozenset({cse, dce})  # a second time changes nothing, nor cse after dce


FEWEST_OF: dict[Pass, int] = {  # elements of a result that a pass needs
    lower_large: FEWEST,
    long_axes_last: BROAD,
    fuse: BIG,
}
CHANGED_BY: dict[Pass, set[Any]] = {  # primitives of which a pass needs one
    rolls_of_wrapped: {concatenate_p, add_at_p},
    slices_of_padded: {add_at_p},
    weigh: {getitem_p},
    stack_elements: {concatenate_p},
}


def optimize(jaxpr: Jaxpr, check: bool = sys.flags.dev_mode) -> Jaxpr:
    """Optimise a program, and the programs that its equations hold.

    Args:
        jaxpr: the program.
        check: whether to type-check the program after each pass; by default in Python's
            development mode, ``python -X dev``.
    """
    if "optimized" not in jaxpr.memo:
        now = passed(jaxpr, FIRST, check)
        if any(eqn.params and programs_in(eqn.params) for eqn in now.eqns):
            now = on_programs(now, lambda held: optimize(held, check))
        now = passed(now, PASSES, check)
        jaxpr.memo["optimized"] = None if now is jaxpr else now  # itself would be a reference cycle
    return jaxpr.memo["optimized"] or jaxpr


def forget(jaxpr: Jaxpr) -> None:
    """Drop facts that compiling derived of a program, and of those that it holds."""
    for name in ("optimized", "alive"):
        jaxpr.memo.pop(name, None)
    for eqn in jaxpr.eqns:
        for program in programs_in(eqn.params) if eqn.params else ():
            forget(program)


def passed(jaxpr: Jaxpr, passes: Sequence[Pass], check: bool = sys.flags.dev_mode) -> Jaxpr:
    """Apply passes in order, except those that would change nothing."""
    idle = set[Pass]()
    for change in passes:
        if change in idle:
            continue
        before, jaxpr = jaxpr, change(jaxpr) if may_change(jaxpr, change) else jaxpr
        if jaxpr is before or (change is dce and jaxpr.eqns == before.eqns):
            jaxpr = before
            idle.add(change)  # also later, while the program stays the same
            continue
        idle = ({change} & AT_ONCE) | (idle & AT_ONCE if change is dce else set())
        if check:
            check_jaxpr(jaxpr)
    return jaxpr


def may_change(jaxpr: Jaxpr, change: Pass) -> bool:
    """Whether a pass may change a program, by a test that costs less than the pass."""
    eqns = jaxpr.eqns
    if change in MOVING and has_effects(jaxpr):
        return False
    if change in (inline, hoist):
        rules = ("inline", "applied") if change is inline else ("hoist",)
        return any(getattr(eqn.prim.holds, rule) is not None for eqn in eqns for rule in rules)
    if change is lower:
        return any(e.prim.codegen.lower is not None and not e.prim.codegen.lower_from for e in eqns)
    if change is insert_checks:
        return any(eqn.prim is start_p or eqn.prim in MARKS for eqn in eqns)
    if change is reroll:
        return len(eqns) > LARGE
    if change is join_products:
        return sum(eqn.prim is matmul for eqn in eqns) >= PRODUCTS
    if len(eqns) > LARGE and change in SEARCHING:
        return True  # nearly always, and the test would take as long
    if change is fold_literals:
        return any(e.ins and all(isinstance(a, Literal) for a in e.ins) for e in eqns)
    if change is dce:
        read = {a for eqn in eqns for a in eqn.ins}.union(jaxpr.outvars)
        return any(eqn.prim.holds.prune is not None or read.isdisjoint(eqn.outs) for eqn in eqns)
    if change is simplify:
        makers: dict[Atom, Eqn] = {v: eqn for eqn in eqns for v in eqn.outs}
        return any(len(eqn.outs) == 1 and rules_of(eqn, makers) for eqn in eqns)
    if change is cse:
        return len({eqn.prim for eqn in eqns}) < len(eqns)
    if change in CHANGED_BY:
        return any(eqn.prim in CHANGED_BY[change] for eqn in eqns)
    if change in FEWEST_OF:
        least = FEWEST_OF[change]
        return any(math.prod(v.aval.shape) >= least for eqn in eqns for v in eqn.outs)
    if change in (pack, schedule):
        return len(eqns) >= (LEAST * SHORTEST if change is pack else 3)
    if change is drop_tokens:
        return any(eqn.prim is after_p or (eqn.params and programs_in(eqn.params)) for eqn in eqns)
    if change is merge_spans:
        return any(eqn.is_silent for eqn in eqns)
    return True
