"""Operations on tracers of older traces, while a branch is staged: they belong to the branch.

So what a branch closes over is computed where it runs, and raises only then. A view is no
computation, and shares memory with an array outside: it is made there.
"""

from collections.abc import Sequence
from typing import Any

from .companions import NO_VIEWING
from .registry import branches
from .trace import Primitive, Trace, running


def process(trace: Trace, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
    """Process an operation in the innermost branch around, if that began after the trace."""
    inner = running.get() or trace
    around = (inner, *dict(inner.around))
    staged = {each.serial: each for each in around if each.serial in branches}
    if prim.viewing is NO_VIEWING or len(args) > 1:
        latest = max([trace, *staged.values()], key=lambda each: each.serial)
        return latest.process(prim, args, params)
    branches.difference_update(staged)  # for the operations that this one consists of
    try:
        return trace.process(prim, args, params)
    finally:
        branches.update(staged)
