"""Numbers of partitions, multifactorials and Euler numbers, of known integers."""

import math
from typing import Any

import numpy as np

from ..core.errors import ConcretizationError, shown
from ..core.lazy import answering
from ..core.trace import Tracer


def _integers(who: str, *values: Any) -> list[Any]:
    for v in values:
        if isinstance(v, Tracer):
            raise ConcretizationError(f"{who}: arguments must be known: got a traced value; pass "
                                      f"integers")  # fmt: skip
        if np.asarray(v).dtype.kind not in "iu":
            raise TypeError(f"{who}: arguments must be integers: got {shown(v)}")
    return list(np.broadcast_arrays(*values))


def _of_each(f: Any, exact: bool, *values: Any) -> Any:
    found = np.empty(values[0].shape, object)
    for at in np.ndindex(found.shape):
        found[at] = f(*[int(v[at]) for v in values])
    return found[()] if exact else np.asarray(found.astype(np.float64))[()]


@answering
def stirling2(N: Any, K: Any, *, exact: bool = False) -> Any:  # noqa: N803
    """Stirling numbers of the second kind: partitions of N things into K sets that are not empty.

    Args:
        N, K: known integers, which broadcast.
        exact: whether to give Python ints; floats are rounded once.

    >>> print(stirling2(5, 2), stirling2(5, [1, 2, 3], exact=True))
    15.0 [1 15 25]
    """
    n, k = _integers("stirling2", N, K)
    row, rows = [1], [[1]]
    for i in range(1, int(np.max(n, initial=0)) + 1):
        above = [*row, 0]
        row = [0, *[j * above[j] + above[j - 1] for j in range(1, i + 1)]]
        rows.append(row)
    return _of_each(lambda n, k: rows[n][k] if 0 <= k <= n else 0, exact, n, k)


@answering
def factorialk(n: Any, k: int, exact: bool = False, extend: str = "zero") -> Any:
    """Multifactorial n (n - k) (n - 2 k) ..., 0 for negative n.

    Args:
        n: known integers.
        k: int > 0.
        exact: whether to give Python ints; floats are rounded once.
        extend: ``"zero"``.

    >>> print(factorialk(17, 4), factorialk([5, 7], 3, exact=True))
    9945.0 [10 28]
    """
    if extend != "zero":
        raise ValueError(f"factorialk: extend must be 'zero': got {shown(extend)}")
    if isinstance(k, Tracer) or int(k) != k or k < 1:
        raise TypeError(f"factorialk: k must be an int > 0: got {shown(k)}")

    def product(n: int) -> int:
        y = int(n >= 0)
        for factor in range(n, 1, -int(k)):
            y *= factor
        return y

    return _of_each(product, exact, *_integers("factorialk", n))


@answering
def euler(n: int) -> Any:
    """Euler numbers E(0), ..., E(n).

    >>> print(euler(4))
    [ 1.  0. -1.  0.  5.]
    """
    (count,) = _integers("euler", n)
    values = [1]
    for k in range(1, int(count) + 1):  # the sum of comb(k, j) E(j) over even k - j is 0
        values.append(-sum(math.comb(k, j) * values[j] for j in range(0, k, 2)) * (k % 2 == 0))
    return np.array(values, np.float64)
