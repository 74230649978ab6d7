"""From a tree to arrays with names, as ``layers.0.weight``, and back."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from ..core import tree
from ..core.avals import PYTHON_SCALARS, Aval, check_class
from ..core.errors import TreeError, UnsupportedError
from ..core.trace import Tracer
from . import npz, safetensors


def named(who: str, value: Any) -> dict[str, np.ndarray]:
    """The arrays of a tree by their names.

    Raises:
        TypeError: naming a leaf that is no array of numbers, or has rules of its own.
        ValueError: if two leaves have one name.
    """
    names, arrays = _names(who, value), {}
    for name, leaf in zip(names, tree.leaves(value), strict=True):
        if isinstance(leaf, Tracer):
            raise TypeError(f"{who}: the leaf {name!r} is traced: save outside of transformed code")
        try:
            check_class(leaf)
        except UnsupportedError as error:
            raise UnsupportedError(f"{who}: the leaf {name!r}: {error}") from None
        known = isinstance(leaf, np.ndarray | np.generic) or type(leaf) in PYTHON_SCALARS
        if not known or np.asarray(leaf).dtype.kind not in "biufc":
            raise TypeError(
                f"{who}: the leaf {name!r} must be an array of numbers or a number: got "
                f"{type(leaf).__name__}; keep it apart, for example as metadata"
            )
        arrays[name] = np.asarray(leaf)
    return arrays


def strings(who: str, metadata: Mapping[str, str] | None) -> dict[str, str]:
    """A copy of the strings that are saved beside a tree, checked."""
    metadata = dict(metadata or {})
    for name, text in metadata.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise TypeError(f"{who}: metadata must be strings: got {text!r} at {name!r}")
        _check_text(who, name)
        _check_text(who, text)
    if safetensors.COMPLEX in metadata:
        raise ValueError(f"{who}: metadata cannot have the library's name {safetensors.COMPLEX!r}")
    return metadata


def fitted(
    source: str,
    avals: Mapping[str, Aval],
    read: Callable[[str], np.ndarray],
    like: Any,
    *,
    cast: bool = False,
    unused: Collection[str] = (),
) -> Any:
    """A tree like another, of arrays that are read only when all of them fit.

    Args:
        source: where the arrays come from.
        avals: what is known of each.
        read: a function from a name to the array.
        like: of what structure, shapes and dtypes the result is.
        cast: whether dtypes may be converted.
        unused: names that there are besides.

    Raises:
        TreeError: naming every difference.
    """
    wanted, treedef = tree.flatten(like)
    names = _names("load", like)
    pairs = list(zip(names, wanted, strict=True))
    complaints = [f"{n!r} is missing" for n in names if n not in avals]
    complaints += [f"{n!r} is not in like" for n in avals if n not in set(names)]
    complaints += [f"{n!r} is not in like" for n in unused]
    misfits = {n: _misfit(n, avals[n], leaf, cast) for n, leaf in pairs if n in avals}
    complaints += [f"{n!r} {complaint}" for n, complaint in misfits.items() if complaint]
    if complaints:
        raise TreeError(f"load: {source!r} does not fit like: {'; '.join(complaints)}")
    return tree.unflatten(treedef, [_fitted_leaf(source, n, read(n), leaf) for n, leaf in pairs])


def _misfit(name: str, got: Aval, leaf: Any, cast: bool) -> str:
    """Return what is wrong with an array for a leaf, an empty string if nothing is."""
    if type(leaf) in PYTHON_SCALARS:
        fits = got.shape == () and np.can_cast(got.dtype, np.asarray(leaf).dtype, "same_kind")
        return "" if fits else f"is {got}, not one {type(leaf).__name__}"
    if not hasattr(leaf, "shape") or not hasattr(leaf, "dtype"):
        raise TypeError(
            f"load: the leaf {name!r} of like must be an array, a ShapeDtypeStruct or a number: "
            f"got {type(leaf).__name__}"
        )
    want = Aval(tuple(leaf.shape), np.dtype(leaf.dtype).newbyteorder("="))
    if got.shape != want.shape or (got.dtype != want.dtype and not cast):
        return f"is {got}, not {want}"
    fits = np.can_cast(got.dtype, want.dtype, "same_kind")
    return "" if fits else f"is {got}, which {want} cannot hold"


def _fitted_leaf(source: str, name: str, x: np.ndarray, leaf: Any) -> Any:
    """An array as a leaf wants it."""
    if type(leaf) in PYTHON_SCALARS:
        return type(leaf)(x[()])
    with np.errstate(over="ignore"):
        y = x.astype(leaf.dtype, copy=False)
    if y is not x and not _in_range(x, y):
        raise TreeError(
            f"load: {source!r} does not fit like: {name!r} has elements out of the range of "
            f"{y.dtype}; give like a wider dtype"
        )
    return y[()] if isinstance(leaf, np.generic) else y


def _in_range(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether a conversion has at most rounded."""
    if y.dtype.kind in "fc":
        return bool(np.array_equal(np.isfinite(x), np.isfinite(y)))
    return bool(np.array_equal(x, y))


def _names(who: str, value: Any) -> list[str]:
    paths = [path for path, _ in tree.leaves_with_path(value)]
    names = [tree.keystr(path, simple=True, separator=".") or "value" for path in paths]
    if len(set(names)) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise ValueError(f"{who}: two leaves have one name, {twice!r}: rename a key with a dot")
    taken = [n for n in names if n == safetensors.METADATA or n.startswith(npz.METADATA)]
    if taken:
        raise ValueError(f"{who}: a leaf has the metadata's name, {taken[0]!r}: rename its key")
    for name in names:
        _check_text(who, name)
    return names


def _check_text(who: str, text: str) -> None:
    """Raise for what no file can hold: half a character of UTF-16."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"{who}: {text[:80]!r} is no text in UTF-8: {error.reason}") from None
