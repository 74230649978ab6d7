"""The passes of the compiler, in order: from a traced program to the one that is written."""

import sys
from collections.abc import Callable, Sequence

from ..core.dead_code import dce
from ..core.jaxpr import Jaxpr, check_jaxpr
from .code_motion import hoist
from .constant_folding import fold
from .cse import cse
from .errstate import gathered
from .finite_checks import guard, released
from .fusion import fuse
from .inlining import inline, lower
from .packing import pack
from .rewrite import on_programs
from .scheduling import schedule
from .simplification import simplify

Pass = Callable[[Jaxpr], Jaxpr]

FIRST: tuple[Pass, ...] = (inline, dce, guard)
PASSES: tuple[Pass, ...] = (hoist, lower, fold, simplify, cse, simplify, fold, cse, dce)
# for the outermost program alone, just before its source is written
LAST: tuple[Pass, ...] = (pack, schedule, released, fuse, gathered)


def optimized(jaxpr: Jaxpr, check: bool = sys.flags.dev_mode) -> Jaxpr:
    """Optimise a program, and the programs that its equations hold.

    Args:
        jaxpr: the program.
        check: whether to type-check the program after each pass; by default in Python's
            development mode, ``python -X dev``.
    """
    if "optimized" not in jaxpr.memo:
        inner = lambda program: on_programs(program, lambda held: optimized(held, check))
        jaxpr.memo["optimized"] = _passed(jaxpr, (*FIRST, inner, *PASSES), check)
    return jaxpr.memo["optimized"]


def finished(jaxpr: Jaxpr, check: bool = sys.flags.dev_mode) -> Jaxpr:
    """Apply the passes that only source needs: packing, scheduling, fusion over blocks."""
    return _passed(jaxpr, LAST, check)


def _passed(jaxpr: Jaxpr, changes: Sequence[Pass], check: bool) -> Jaxpr:
    for change in changes:
        jaxpr = change(jaxpr)
        if check:
            check_jaxpr(jaxpr)
    return jaxpr
