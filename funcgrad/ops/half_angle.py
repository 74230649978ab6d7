"""How the compiler writes sine and cosine of large arrays of double precision: by the tangent.

NumPy computes their sin and cos one by one, in 6 to 50 ns an element, but tan by vectors of
AVX-512, in 1.3 ns.
"""

import functools
from typing import Any

import numpy as np

FEWEST = 1024  # elements from which more calls take less time
TINY = 1e-300  # its square is 0: added to sine**2 it matters only where that is 0


def lower_sin(build: Any, x: Any) -> Any:
    """sin(x) = 2 t / (1 + t**2) for t = tan(x / 2), to some 2 units in the last place."""
    return _sine(build, x) if _is_double(x) else None


def lower_cos(build: Any, x: Any) -> Any:
    """cos(x) = sin(x)**2 / (sin(x) tan(x)), which has the digits of cos(x) also where it is small.

    At 0 it is TINY / TINY = 1. Rounding may give more than 1, of which arccos is nan.
    """
    if not _is_double(x):
        return None
    s = _sine(build, x)
    product = build("mul", s, build("tan", x))
    c = build("div", build("add", build("square", s), TINY), build("add", product, TINY))
    return build("maximum", build("minimum", c, 1.0), -1.0)


def _sine(build: Any, x: Any) -> Any:
    t = build("tan", build("mul", x, 0.5))
    return build("div", build("mul", t, 2.0), build("add", build("square", t), 1.0))


def _is_double(x: Any) -> bool:
    return x.aval.dtype == np.float64 and tan_is_fast()


@functools.lru_cache(1)
def tan_is_fast() -> bool:
    """Whether NumPy computes tan of double precision by vectors on this machine."""
    introspect = getattr(np.lib, "introspect", None)  # since NumPy 2.1
    if introspect is None:
        return False
    found = introspect.opt_func_info(func_name="^tan$", signature="float64")
    targets = [str(row.get("current")) for rows in found.values() for row in rows.values()]
    return any("AVX512" in target or "V4" in target for target in targets)
