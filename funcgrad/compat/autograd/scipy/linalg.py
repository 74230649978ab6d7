"""Linear algebra by SciPy's names."""

from typing import Any

from ....core.registry import load
from ....scipy import linalg as ours
from ..rules import defjvp, defvjp
from ..tracer import primitive
from .names import found


@primitive
def sqrtm(a: Any, *options: Any, **named: Any) -> Any:
    """The principal square root of a matrix; complex where an eigenvalue is negative."""
    return load("scipy.linalg").sqrtm(a)


# a = s s, so that da = ds s + s ds
defjvp(sqrtm, lambda g, s, a, *rest, **named: ours.solve_sylvester(s, s, g))
defvjp(sqrtm, lambda s, a, *rest, **named: lambda g: ours.solve_sylvester(s.T, s.T, g))


def __getattr__(name: str) -> Any:
    return found(ours, "scipy.linalg", name)
