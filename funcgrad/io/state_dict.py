"""Trees to and from flat dicts of named arrays, such as ``layers.0.weight``."""

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
    """The arrays of a tree by name.

    Raises:
        TypeError: if a leaf is not a numeric array or scalar, or is a subclass of ndarray with
            rules of its own.
        ValueError: if two leaves have the same name.
    """
    names, arrays = _names(who, value), {}
    for name, leaf in zip(names, tree.leaves(value), strict=True):
        if isinstance(leaf, Tracer):
            raise TypeError(
                f"{who}: the leaf {name!r} is traced: save outside of transformed functions"
            )
        try:
            check_class(leaf)
        except UnsupportedError as error:
            raise UnsupportedError(f"{who}: the leaf {name!r}: {error}") from None
        known = isinstance(leaf, np.ndarray | np.generic) or type(leaf) in PYTHON_SCALARS
        if not known or np.asarray(leaf).dtype.kind not in "biufc":
            raise TypeError(
                f"{who}: the leaf {name!r} must be a numeric array or scalar: got "
                f"{type(leaf).__name__}; save it in metadata="
            )
        arrays[name] = np.asarray(leaf)
    return arrays


def strings(who: str, metadata: Mapping[str, str] | None) -> dict[str, str]:
    """A checked copy of the metadata strings."""
    metadata = dict(metadata or {})
    for name, text in metadata.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise TypeError(
                f"{who}: metadata must map strings to strings: got {text!r} at {name!r}"
            )
        _check_text(who, name)
        _check_text(who, text)
    if safetensors.COMPLEX in metadata:
        raise ValueError(f"{who}: the metadata name {safetensors.COMPLEX!r} is reserved")
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
    """Read a tree with the structure, shapes and dtypes of another; read nothing if one differs.

    Args:
        source: the file, for messages.
        avals: shape and dtype of each array.
        read: a function from a name to the array.
        like: the tree with the structure, shapes and dtypes of the result.
        cast: whether dtypes may be converted.
        unused: further names in the source.

    Raises:
        TreeError: with all differences.
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
        raise TreeError(
            f"load: {source!r} does not fit like: {'; '.join(complaints)}; give the "
            f"like that was saved"
        )
    return tree.unflatten(treedef, [_fitted_leaf(source, n, read(n), leaf) for n, leaf in pairs])


def _misfit(name: str, got: Aval, leaf: Any, cast: bool) -> str:
    """Why an array does not fit a leaf; an empty string if it fits."""
    if type(leaf) in PYTHON_SCALARS:
        fits = got.shape == () and np.can_cast(got.dtype, np.asarray(leaf).dtype, "same_kind")
        return "" if fits else f"is {got}, not one {type(leaf).__name__}"
    if not hasattr(leaf, "shape") or not hasattr(leaf, "dtype"):
        raise TypeError(
            f"load: the leaf {name!r} of like must be an array, a ShapeDtypeStruct or a scalar: "
            f"got {type(leaf).__name__}"
        )
    want = Aval(tuple(leaf.shape), np.dtype(leaf.dtype).newbyteorder("="))
    if got.shape != want.shape or (got.dtype != want.dtype and not cast):
        return f"is {got}, not {want}"
    fits = np.can_cast(got.dtype, want.dtype, "same_kind")
    return "" if fits else f"is {got}, which {want} cannot hold"


def _fitted_leaf(source: str, name: str, x: np.ndarray, leaf: Any) -> Any:
    """Convert an array to the type and dtype of a leaf."""
    if type(leaf) in PYTHON_SCALARS:
        return type(leaf)(x[()])
    with np.errstate(over="ignore"):
        y = x.astype(leaf.dtype, copy=False)
    if y is not x and not _in_range(x, y):
        raise TreeError(
            f"load: {source!r} does not fit like: {name!r} has elements out of the range of "
            f"{y.dtype}; use a wider dtype in like"
        )
    return y[()] if isinstance(leaf, np.generic) else y


def _in_range(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether a conversion only rounded."""
    if y.dtype.kind in "fc":
        return bool(np.array_equal(np.isfinite(x), np.isfinite(y)))
    return bool(np.array_equal(x, y))


def _names(who: str, value: Any) -> list[str]:
    paths = [path for path, _ in tree.leaves_with_path(value)]
    names = [tree.keystr(path, simple=True, separator=".") or "value" for path in paths]
    if len(set(names)) < len(names):
        twice = Counter(names).most_common(1)[0][0]
        raise ValueError(
            f"{who}: two leaves have the name {twice!r}: rename a key that contains a dot"
        )
    taken = [n for n in names if n == safetensors.METADATA or n.startswith(npz.METADATA)]
    if taken:
        raise ValueError(
            f"{who}: the leaf name {taken[0]!r} is reserved for metadata: rename its key"
        )
    for name in names:
        _check_text(who, name)
    return names


def _check_text(who: str, text: str) -> None:
    """Raise for lone surrogates, which UTF-8 cannot encode."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{who}: {text[:80]!r} cannot be encoded in UTF-8: {error.reason}"
        ) from None
