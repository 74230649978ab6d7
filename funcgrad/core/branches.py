"""Operations on tracers of older traces, while a branch is staged: they belong to the branch.

So what a branch closes over is computed where it runs, and raises only then. A view is no
computation, and shares memory with an array outside: it is made there. The body of a loop takes
operations that may raise, a checkpoint all of which it would store results.
"""

from collections.abc import Sequence
from typing import Any

from .companions import NO_VIEWING
from .registry import branches, overrides
from .trace import Primitive, Trace, running


def everything(prim: Primitive, args: Sequence[Any], params: dict[str, Any]) -> bool:
    """Take all operations, as a branch does."""
    return True


def process(trace: Trace, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
    """Process an operation in the innermost branch around that takes it, if that began later."""
    if max(branches, default=0) <= trace.serial:  # most often: it began in the innermost one
        return trace.process(prim, args, params)
    inner = running.get() or trace
    around = (inner, *dict(inner.around))
    staged = [t for t in around if t.serial in branches and t.serial > trace.serial]
    if prim.viewing is NO_VIEWING or len(args) > 1:
        takers = [t for t in staged if branches[t.serial](prim, args, params)]
        if takers or not staged:
            return max([trace, *takers], key=lambda t: t.serial).process(prim, args, params)
    held = {t.serial: branches.pop(t.serial) for t in staged}
    try:  # the operations that this one consists of are outside too
        return trace.process(prim, args, params)
    finally:
        branches.update(held)


overrides["diverted"] = process
