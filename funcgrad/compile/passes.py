"""The passes in their order, from a program as it was staged to one that is worth writing down."""

import sys
from collections.abc import Callable

from ..core.jaxpr import Jaxpr, check_jaxpr
from .common import cse, dce, fold
from .fuse import fuse
from .hoist import hoist
from .inline import inline, lower
from .pack import pack
from .rewrite import on_programs
from .schedule import schedule
from .simplify import simplify

Pass = Callable[[Jaxpr], Jaxpr]

FIRST: tuple[Pass, ...] = (inline, dce)
PASSES: tuple[Pass, ...] = (hoist, lower, fold, simplify, cse, simplify, fold, cse, dce)


LAST: tuple[Pass, ...] = (
    pack,
    schedule,
    fuse,
)  # for the outermost program alone, which is then written down


def optimized(jaxpr: Jaxpr, check: bool = sys.flags.dev_mode) -> Jaxpr:
    """Return a program that computes the same with less.

    Args:
        jaxpr: a program; those that its equations hold are changed too.
        check: whether to run the type checker after each pass: by default in Python's own
            development mode, ``python -X dev``.
    """
    if "optimized" not in jaxpr.memo:
        jaxpr.memo["optimized"] = _passed(jaxpr, check)
    return jaxpr.memo["optimized"]


def _passed(jaxpr: Jaxpr, check: bool) -> Jaxpr:
    def inner(program: Jaxpr) -> Jaxpr:
        return optimized(program, check)

    now = jaxpr
    for change in (*FIRST, lambda program: on_programs(program, inner), *PASSES):
        now = change(now)
        if check:
            check_jaxpr(now)
    return now


def finished(jaxpr: Jaxpr, check: bool = sys.flags.dev_mode) -> Jaxpr:
    """Return an optimised program with what only the source wants: chains over big arrays."""
    now = jaxpr
    for change in LAST:
        now = change(now)
        if check:
            check_jaxpr(now)
    return now
