"""Weak types: arrays that are made of Python scalars, whose dtype gives way to that of others.

The type of a traced scalar is part of this library's programs. That of other arrays is a mark on
the array, ``x.weak``, which loops keep. It is lost where it is an argument of a transform, or a
result of one that is not ``jit``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...core import nodes, tree

PYTHON = (int, float, complex)
_RANKS = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}
_OF_SCALARS = {bool: 0, int: 1, float: 2, complex: 3}
# functions of numpy, of nn and special, and of lax, whose results have a dtype of their own
STRONG = frozenset({
    "all", "amax", "amin", "any", "argmax", "argmin", "argpartition", "argsort", "array",
    "astype", "average", "bincount", "choose", "corrcoef", "count_nonzero", "cov", "cross",
    "cumprod", "cumsum", "cumulative_prod", "cumulative_sum", "deg2rad", "degrees", "diagflat",
    "diagonal", "digitize", "empty", "expm", "eye", "fft", "fft2", "fftfreq", "fftn", "frexp",
    "geomspace", "heaviside", "histogram", "hypot", "identity", "ifft", "ifft2", "ifftn", "inv",
    "irfft", "ldexp", "lexsort", "linspace", "log2", "logaddexp2", "logspace", "lstsq", "max",
    "mean", "median", "min", "nan_to_num", "nanargmax", "nanargmin", "nancumprod", "nancumsum",
    "nanmax", "nanmean", "nanmedian", "nanmin", "nanpercentile", "nanprod", "nanquantile",
    "nanstd", "nansum", "nanvar", "norm", "ones", "percentile", "piecewise", "pinv", "polyfit",
    "polyval", "prod", "ptp", "quantile", "rad2deg", "radians", "rfft", "rfft2", "rfftn", "roots",
    "searchsorted", "sinc", "slogdet", "spacing", "std", "sum", "trace", "trapezoid", "tri",
    "unwrap", "vander", "var", "vector_norm", "zeros",
    "expi", "gamma", "gelu", "log_ndtr", "log_softmax", "logit", "logsumexp", "ndtr", "ndtri",
    "one_hot", "softmax", "standardize",
    "associative_scan", "cond", "custom_linear_solve", "custom_root", "dynamic_update_slice",
    "map", "switch",
})  # fmt: skip


def is_weak(x: Any) -> bool:
    """Whether the dtype of an operand gives way to that of others."""
    return type(x) in PYTHON or getattr(x, "weak_type", False)


@nodes.register_dataclass
@dataclass(frozen=True, slots=True)
class Marked:
    """A result with weak leaves; the marks are part of its structure, which ``jit`` keeps."""

    result: Any
    marks: tuple[bool, ...] = field(metadata={"static": True})


def marked(result: Any) -> Any:
    """A result of a traced function, with the marks of its weak leaves if it has some."""
    marks = tuple(map(is_weak, tree.leaves(result)))
    return Marked(result, marks) if any(marks) else result


def unmarked(result: Any) -> Any:
    """The result that was marked; its weak leaves have their marks again."""
    if not isinstance(result, Marked):
        return result
    for leaf, weak in zip(tree.leaves(result.result), result.marks, strict=True):
        if weak:
            leaf.weak = True
    return result.result


def operands_in(args: Sequence[Any]) -> Iterator[Any]:
    """The arrays among arguments, and arrays and scalars in their lists."""
    for x in args:
        if isinstance(x, (list, tuple)):
            yield from (y for y in x if hasattr(y, "dtype") or type(y) in PYTHON)
        elif hasattr(x, "dtype"):
            yield x


def weakened(results: Any, operands: Sequence[Any]) -> Any:
    """Results, weak if only weak operands have their kind: ``arange(3) * 2.0``, not ``* 2``."""
    weak = [x for x in operands if is_weak(x)]
    if not weak:
        return results
    ranks = [_rank(x) for x in operands if not is_weak(x)]
    strongest, weakest = max(ranks, default=-1), max(map(_rank, weak))
    for y in results if isinstance(results, (list, tuple)) else (results,):
        rank = _RANKS.get(getattr(getattr(y, "dtype", None), "kind", ""), 0)
        if rank > max(strongest, 0) and (rank == weakest or (not ranks and rank > weakest)):
            y.weak = True
    return results


def _rank(x: Any) -> int:
    return _OF_SCALARS[type(x)] if type(x) in _OF_SCALARS else _RANKS.get(x.dtype.kind, 4)
