"""Diagnostics of chains: rank-normalised split R-hat, and effective sample sizes."""

from typing import Any

import numpy as np

from ...core import tree
from ...core.avals import aval_of, is_arraylike, shape_of
from ...core.errors import ShapeError
from ...core.lazy import answering
from ...ops.normal import ndtri
from ...ops.operand import asarray
from ..arguments import RangeError


@answering
def rhat(draws: Any) -> Any:
    """Rank-normalised split R-hat: near 1 if the chains have mixed, below 1.01 if they may be used.

    Args:
        draws: a tree of arrays [chains, draws, ...], at least 4 draws.

    Returns:
        The tree with arrays [...]: the larger R-hat of the draws and of their distances from the
        median; nan for constant draws.

    Raises:
        ShapeError: if a leaf has fewer axes or draws.

    Source: Vehtari, Gelman, Simpson, Carpenter & Buerkner 2021, "Rank-normalization, folding, and
    localization", section 4.

    >>> from funcgrad.random import key, normal
    >>> print(rhat(normal(key(0), (4, 1000))) < 1.01)
    True
    """

    def of_leaf(x: Any) -> Any:
        chains = _split("rhat", x)
        folded = np.abs(chains - np.median(chains, axis=(-2, -1), keepdims=True))
        return np.maximum(_ratio(_normalised(chains)), _ratio(_normalised(folded)))

    with np.errstate(invalid="ignore", divide="ignore"):
        return tree.map(of_leaf, draws)


@answering
def ess(draws: Any, method: str = "bulk") -> Any:
    """Effective sample size: the number of independent draws with the same standard error.

    Args:
        draws: a tree of arrays [chains, draws, ...], at least 4 draws.
        method: "bulk", of rank-normalised draws; "tail", the smaller one for the quantiles of 5 %
            and 95 %; "mean", of the draws themselves.

    Returns:
        The tree with arrays [...]; all draws count where they are constant.

    Raises:
        ShapeError: if a leaf has fewer axes or draws.
        RangeError: for another ``method``.

    Source: Vehtari et al. 2021, sections 3.2 and 4.3, with Geyer's initial monotone sequence.

    >>> from funcgrad.random import key, normal
    >>> print(ess(normal(key(0), (4, 1000))) > 3000)
    True
    """
    if method not in ("bulk", "tail", "mean"):
        raise RangeError(f"ess: method must be 'bulk', 'tail' or 'mean': got {method!r}")

    def of_leaf(x: Any) -> Any:
        chains = _split("ess", x)
        if method != "tail":
            return _size(_normalised(chains) if method == "bulk" else chains)
        lows = [np.quantile(chains, q, axis=(-2, -1), keepdims=True) for q in (0.05, 0.95)]
        low, high = (_size(1.0 * (chains <= q)) for q in lows)
        return np.minimum(low, high)

    with np.errstate(invalid="ignore", divide="ignore"):
        return tree.map(of_leaf, draws)


def _split(who: str, x: Any) -> Any:
    """Halves of chains as chains, on the last two axes, in double precision."""
    shape = shape_of(x) if is_arraylike(x) else ()
    if len(shape) < 2 or shape[1] < 4:
        what = aval_of(x) if is_arraylike(x) else type(x).__name__
        raise ShapeError(
            f"{who}: draws must have the shape [chains, draws, ...] with 4 draws or more: got "
            f"{what}; give one chain as x[None]"
        )
    half = shape[1] // 2
    x = asarray(x).astype(np.float64)
    halves = np.concatenate([x[:, :half], x[:, -half:]], axis=0)
    return np.moveaxis(halves, (0, 1), (-2, -1))


def _normalised(chains: Any) -> Any:
    """Normal quantiles of the ranks in all chains; equal draws have their mean rank."""
    *lead, m, n = shape_of(chains)
    rows = np.reshape(chains, (-1, m * n))
    ranks = [_ranks(rows[i]) for i in range(shape_of(rows)[0])]
    return ndtri((np.reshape(np.stack(ranks), (*lead, m, n)) - 0.375) / (m * n + 0.25))


def _ranks(x: Any) -> Any:
    ordered = np.sort(x)
    below, to = (np.searchsorted(ordered, x, side) for side in ("left", "right"))
    return (below + to + 1) / 2


def _variances(chains: Any) -> tuple[Any, Any]:
    """The mean variance within chains, and the estimate of that of all draws."""
    n = shape_of(chains)[-1]
    within = np.mean(np.var(chains, axis=-1, ddof=1), axis=-1)
    return within, within * (n - 1) / n + np.var(np.mean(chains, axis=-1), axis=-1, ddof=1)


def _ratio(chains: Any) -> Any:
    within, total = _variances(chains)
    return np.sqrt(total / within)


def _size(chains: Any) -> Any:
    """Effective sample size from autocorrelations, cut at the first negative sum of a pair."""
    *_, m, n = shape_of(chains)
    within, total = _variances(chains)
    rho = 1 - (within[..., None] - np.mean(_autocovariances(chains), axis=-2)) / total[..., None]
    rho = np.concatenate([np.ones_like(rho[..., :1]), rho[..., 1:]], axis=-1)
    even, odd = rho[..., 0 : n - n % 2 : 2], rho[..., 1:n:2]
    pairs = even + odd
    # the last pairs have few products
    usable = (pairs > 0) & (np.arange(shape_of(pairs)[-1]) < (n - 2) // 2)
    kept = np.cumprod(usable, axis=-1)
    falling = np.minimum.accumulate(pairs, axis=-1)
    first_dropped = np.cumsum(1 - kept, axis=-1) == 1
    tail = np.sum(np.where(first_dropped, np.maximum(even, 0), 0), axis=-1)
    time = np.sum(np.where(kept == 1, 2 * falling, 0), axis=-1) - 1 + tail
    size = m * n / np.maximum(time, 1 / np.log10(m * n))
    return np.where(total == 0, m * n, size)


def _autocovariances(chains: Any) -> Any:
    n = shape_of(chains)[-1]
    centred = chains - np.mean(chains, axis=-1, keepdims=True)
    waves = np.fft.rfft(centred, 2 * n)
    return np.fft.irfft(np.abs(waves) ** 2, 2 * n)[..., :n] / n
