"""The passes of the compiler, in order: from a traced program to the one that is written."""

import sys
from collections.abc import Callable, Sequence

from ..core.dead_code import dce
from ..core.jaxpr import Jaxpr, check_jaxpr
from .code_motion import hoist
from .constant_folding import fold_literals
from .cse import cse
from .errstate import merge_spans
from .finite_checks import drop_tokens, insert_checks
from .fusion import fuse
from .inlining import inline, lower
from .packing import pack
from .rewrite import on_programs
from .scheduling import schedule
from .simplification import simplify

Pass = Callable[[Jaxpr], Jaxpr]

# fmt: off
FIRST: tuple[Pass, ...] = (
    inline,         # called programs, in place of their calls
    dce,            # dead-code elimination
    insert_checks,  # finite checks, in place of the marks of derivatives
)
PASSES: tuple[Pass, ...] = (
    hoist,          # loop-invariant code motion
    lower,          # operations made of faster ones
    fold_literals,  # constant folding
    simplify,       # algebraic identities
    cse,            # common subexpression elimination
    simplify, fold_literals, cse, dce,
)
LAST: tuple[Pass, ...] = (  # for the outermost program alone, just before its source is written
    pack,           # equal chains over small arrays, as one
    schedule,       # the order with the lower peak memory
    drop_tokens,    # which ordered equations after checks
    fuse,           # chains over big arrays, block by block
    merge_spans,    # of equations without floating-point warnings
)
# fmt: on


def optimize(jaxpr: Jaxpr, check: bool = sys.flags.dev_mode) -> Jaxpr:
    """Optimise a program, and the programs that its equations hold.

    Args:
        jaxpr: the program.
        check: whether to type-check the program after each pass; by default in Python's
            development mode, ``python -X dev``.
    """
    if "optimized" not in jaxpr.memo:
        inner = lambda program: on_programs(program, lambda held: optimize(held, check))
        jaxpr.memo["optimized"] = _passed(jaxpr, (*FIRST, inner, *PASSES), check)
    return jaxpr.memo["optimized"]


def finish(jaxpr: Jaxpr, check: bool = sys.flags.dev_mode) -> Jaxpr:
    """Apply the passes that only source needs: packing, scheduling, fusion over blocks."""
    return _passed(jaxpr, LAST, check)


def _passed(jaxpr: Jaxpr, changes: Sequence[Pass], check: bool) -> Jaxpr:
    for change in changes:
        jaxpr = change(jaxpr)
        if check:
            check_jaxpr(jaxpr)
    return jaxpr
