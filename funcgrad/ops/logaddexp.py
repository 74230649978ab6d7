"""Functions behind logaddexp and its derivative, and how the compiler writes them."""

from typing import Any

import numpy as np


def gap_of(a: Any, b: Any) -> Any:
    """a - b; 0 where a = b, also where both are inf."""
    with np.errstate(invalid="ignore"):
        return np.where(np.equal(a, b), 0, np.subtract(a, b))[()]


def gap_into(a: Any, b: Any, out: Any = None) -> Any:
    """The same of arrays, in fewer passes."""
    with np.errstate(invalid="ignore"):
        same = np.equal(a, b)
        y = np.asarray(np.subtract(a, b, out))
    np.copyto(y, 0, where=same)
    return y if out is not None else y[()]


def lower_logaddexp(build: Any, a: Any, b: Any) -> Any:
    """max(a, b) + log1p(exp(-|a - b|)), whose parts are vectorized."""
    if not _are_alike(a, b):
        return None
    rest = build("log1p", build("exp", build("neg", build("abs", _difference(build, a, b)))))
    return build("add", build("maximum", a, b), rest)


def lower_share(build: Any, a: Any, b: Any) -> Any:
    """exp(min(a - b, 0)) / (1 + exp(-|a - b|)), where nothing overflows."""
    if not _are_alike(a, b):
        return None
    d = _difference(build, a, b)
    below = build("add", build("exp", build("neg", build("abs", d))), 1)
    return build("div", build("exp", build("minimum", d, 0)), below)


def _difference(build: Any, a: Any, b: Any) -> Any:
    """a - b; 0 where both are inf."""
    dtype = (a if a.aval.shape else b).aval.dtype
    numbers = [x.value for x in (a, b) if hasattr(x, "value")]
    return build("sub" if numbers and _is_finite(numbers[0], dtype) else "gap", a, b)


def _is_finite(number: Any, dtype: np.dtype) -> bool:
    """Whether a scalar is finite in a dtype: 1e300 is not in float32."""
    with np.errstate(over="ignore"):
        return bool(np.isfinite(dtype.type(number)))


def _are_alike(a: Any, b: Any) -> bool:
    """Whether operands are arrays of single or double precision, or one of them is a scalar."""
    strong = {x.aval.dtype for x in (a, b) if x.aval.shape}
    fits = all(
        x.aval.dtype in strong or (x.aval.weak and x.aval.dtype.kind in "fi") for x in (a, b)
    )
    return len(strong) == 1 and strong.pop().char in "fd" and fits


def logarithm_of_sum(exp: Any, log1p: Any) -> Any:
    """The function log(exp(a) + exp(b)), for the base of ``exp``."""
    return lambda a, b: np.maximum(a, b) + log1p(exp(-np.abs(gap_of(a, b))))


def share_of(exp: Any) -> Any:
    """The function exp(a) / (exp(a) + exp(b)); 1/2 where a = b, also where both are inf."""

    def share(a: Any, b: Any) -> Any:
        with np.errstate(over="ignore", invalid="ignore"):  # exp(b - a) = inf is right: 0
            return np.reciprocal(exp(np.where(np.equal(a, b), 0, np.subtract(b, a))) + 1)

    return share
