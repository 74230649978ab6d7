"""debug.explain: what a call of a function compiles to, and why."""

from collections.abc import Callable
from typing import Any

from ..core.errors import ConversionError
from ..core.jaxpr import Jaxpr, programs_in
from ..core.lazy import answering
from ..transforms.arguments import check_callable
from ..transforms.jit.api import Compiled, jit


@answering
def explain(f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> str:
    """Why a call compiles, in what it is written, its operations and its planned memory.

    Args:
        f: a compiled function; or another one, of which the text says what ``jit`` makes of it.
        *args: arguments of the call.
        **kwargs: keyword arguments of the call.

    >>> import numpy as np, funcgrad as fg
    >>> print(fg.debug.explain(lambda x: np.sin(x) ** 2, np.ones(3)))
    <lambda>: not compiled; jit would compile it: it is the first call
    2 operations on 1 line of user code
    planned peak 112 B: workspace 64 B, arguments 24 B, outputs 24 B, constants 0 B
    ...
    """
    check_callable("debug.explain", f)
    compiled = f if isinstance(f, Compiled) else jit(f)
    name = getattr(f, "__qualname__", type(f).__name__)
    first = compiled.explain(*args, **kwargs) if args or kwargs else compiled.explain()
    if compiled is not f:
        why = first.partition(": it would compile: ")[2] or "it is the first call"
        first = f"{name}: not compiled; jit would compile it: {why}"
    try:
        signature, _ = compiled._signature(args, kwargs)
    except ConversionError as err:
        return f"{name}: jit cannot compile it: {err}"
    jaxpr, backend = signature.closed.jaxpr, signature.backend()
    first += "" if backend in first else backend
    count, lines = _count(jaxpr), len(_lines(jaxpr))
    operations = f"{count:,} operation{'s' * (count != 1)}"
    second = f"{operations} on {lines} line{'s' * (lines != 1)} of user code"
    return "\n".join([first, second, str(compiled.memory(*args, **kwargs))])


def _count(jaxpr: Jaxpr) -> int:
    """The equations of a program, and of those that it holds."""
    held = [program for eqn in jaxpr.eqns for program in programs_in(eqn.params)]
    return len(jaxpr.eqns) + sum(map(_count, held))


def _lines(jaxpr: Jaxpr) -> set[str]:
    held = [program for eqn in jaxpr.eqns for program in programs_in(eqn.params)]
    return {eqn.line for eqn in jaxpr.eqns if eqn.line}.union(*map(_lines, held))
