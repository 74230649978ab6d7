"""The ticks of a program: about a nanosecond each, by the cost model of ``costs.py``."""

from ..core.jaxpr import Jaxpr
from .costs import in_c


def ticks(jaxpr: Jaxpr) -> int:
    """How long a program takes in C."""
    return 1 + int(1000 * in_c(jaxpr.eqns))
