"""Arguments of JAX's functions as ours take them."""

from typing import Any

# keywords that choose how JAX computes
IGNORED = (
    "precision", "preferred_element_type", "out_sharding", "device", "promote_integers",
    "indices_are_sorted", "unique_indices", "unroll", "assume_unique_indices", "numpy_resid",
)  # fmt: skip
_WAYS = ("searchsorted", "digitize", "isin", "slogdet")  # whose ``method`` is a way to compute
_ALONG = frozenset({  # functions whose second argument is an axis, or several
    "all", "amax", "amin", "any", "average", "count_nonzero", "expand_dims", "flip", "max", "mean",
    "median", "min", "nanmax", "nanmean", "nanmedian", "nanmin", "nanprod", "nanstd", "nansum",
    "nanvar", "prod", "ptp", "squeeze", "std", "sum", "var",
})  # fmt: skip
OPTIONAL = ("where", "out", "initial", "fill_value", "size", "dtype")  # None means: not given


def keywords(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """The keywords of a function of NumPy; without those that say how JAX computes."""
    left = {k: v for k, v in given.items() if k not in IGNORED}
    left = {k: v for k, v in left.items() if v is not None or k not in OPTIONAL}
    if name in _WAYS:
        left.pop("method", None)
    if name in ("sort", "argsort"):  # equal elements keep their order
        left = {"stable": True, **{k: v for k, v in left.items() if k not in ("kind", "order")}}
    if isinstance(left.get("axis"), list):
        left["axis"] = tuple(left["axis"])
    return left


def axes_of(name: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments of a function of NumPy, with axes in a list as a tuple: ``mean(x, [0, 1])``."""
    listed = name in _ALONG and len(args) > 1 and isinstance(args[1], list)
    return (args[0], tuple(args[1]), *args[2:]) if listed else args
