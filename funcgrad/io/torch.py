"""Weights that PyTorch has saved, turned round where its layers keep them in another order."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from ..core import tree
from ..core.avals import Aval, aval_of, check_class
from ..core.errors import TreeError
from ..nn.attention import MultiHeadAttention
from ..nn.cells import GRUCell
from ..nn.conv import Conv, ConvTranspose
from ..nn.layers import Dense, Embedding
from ..nn.module import Module
from ..nn.normalization import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from ..nn.recurrent import Recurrent
from ..nn.traverse import modules_in
from .serialization import load
from .state_dict import fitted

Turn: TypeAlias = Callable[..., np.ndarray]  # of one array, or of several
Layout: TypeAlias = dict[str, tuple[str | tuple[str, ...], Turn]]
Names: TypeAlias = Mapping[str, Any] | Callable[[str], str | None] | None


def _inputs_first(x: np.ndarray) -> np.ndarray:
    return x.T  # [out, in] -> [in, out]


def _channels_last(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, (0, 1), (-1, -2))  # [out, in, *window] -> [*window, in, out]


def _as_it_is(x: np.ndarray) -> np.ndarray:
    return x


def _transposed(layer: ConvTranspose) -> Turn:
    if layer.transpose_kernel:
        return _channels_last  # [in, out, *window] -> [*window, out, in]
    flipped = lambda x: np.flip(x, tuple(range(2, x.ndim)))
    return lambda x: np.moveaxis(flipped(x), (0, 1), (-2, -1))


def _recurrent(layer: Recurrent) -> Layout:
    """PyTorch keeps two biases, which only for the new state of a GRU are not just added."""
    layout: Layout = {}
    cells: Any = layer.cells
    n, ways = layer.features, len(cells) // layer.num_layers
    for i, cell in enumerate(cells):
        end = f"l{i // ways}" + ("_reverse" if i % ways else "")
        both = (f"bias_ih_{end}", f"bias_hh_{end}")
        layout |= {
            f"cells.{i}.kernel": (f"weight_ih_{end}", _inputs_first),
            f"cells.{i}.recurrent": (f"weight_hh_{end}", _inputs_first),
            f"cells.{i}.bias": (both, np.add),
        }
        if isinstance(cell, GRUCell):
            outside = np.repeat([1, 1, 0], n)
            layout[f"cells.{i}.bias"] = (both, lambda a, b, o=outside: a + o * b)
            layout[f"cells.{i}.new_bias"] = (both[1], lambda b: b[2 * n :])
    return layout


def _attention(layer: MultiHeadAttention) -> Layout:
    """PyTorch keeps the maps of queries, keys and values in one matrix."""
    n, layout = layer.features, {}
    for i, part in enumerate(("query", "key", "value")):
        rows = slice(i * n, (i + 1) * n)
        layout[f"{part}.kernel"] = ("in_proj_weight", lambda x, rows=rows: x[rows].T)
        layout[f"{part}.bias"] = ("in_proj_bias", lambda x, rows=rows: x[rows])
    return layout | {
        "out.kernel": ("out_proj.weight", _inputs_first),
        "out.bias": ("out_proj.bias", _as_it_is),
    }


# fmt: off
NORM: Layout = {"scale": ("weight", _as_it_is), "bias": ("bias", _as_it_is)}
LAYOUTS: list[tuple[type | tuple[type, ...], Callable[[Any], Layout]]] = [
    (Dense, lambda m: {"kernel": ("weight", _inputs_first), "bias": ("bias", _as_it_is)}),
    (Conv, lambda m: {"kernel": ("weight", _channels_last), "bias": ("bias", _as_it_is)}),
    (ConvTranspose, lambda m: {"kernel": ("weight", _transposed(m)), "bias": ("bias", _as_it_is)}),
    (Embedding, lambda m: {"embedding": ("weight", _as_it_is)}),
    (BatchNorm, lambda m: NORM | {"mean": ("running_mean", _as_it_is),
                                  "var": ("running_var", _as_it_is)}),
    ((LayerNorm, RMSNorm, GroupNorm, InstanceNorm), lambda m: NORM),
    (Recurrent, _recurrent),
    (MultiHeadAttention, _attention),
]
# fmt: on


def load_torch(source: Any, like: Any, names: Names = None, *, dtype: str = "cast") -> Any:
    """A model with the weights of a PyTorch ``state_dict``.

    Weights of layers known here are turned into their order: [out, in] into [in, out], channels
    first into channels last. A dense layer behind a flattened image sees its numbers in another
    order than in PyTorch; give a function that permutes its rows.

    Args:
        source: a safetensors file, or a mapping from names to tensors, parameters or arrays,
            which are copied; what NumPy has no dtype for (bfloat16) becomes float32.
        like: an initialized model, whose structure and shapes the weights must have.
        names: from paths here, ``"layers.0"`` or ``"layers.0.kernel"``, to the names there; a
            value may be a pair of the name and a function of the array, which then stands for
            all turning. Or a function of a path that returns a name, or None for none. What is
            not named has its path as its name.
        dtype: "cast" to the dtypes of ``like``, or "same" to insist on them.

    Raises:
        TreeError: naming every weight that is missing, superfluous, or of another shape.

    >>> from funcgrad import nn, random
    >>> model = nn.Sequential(nn.Dense(3, 2)).init(random.key(0))
    >>> weights = {"net.0.weight": np.ones((2, 3)), "net.0.bias": np.zeros(2)}
    >>> load_torch(weights, model, {"layers.0": "net.0"})(np.ones(3, np.float32))
    array([3., 3.], dtype=float32)
    """
    given = dict(source) if isinstance(source, Mapping) else load(source)
    layouts = _layouts(like)
    arrays, used = {}, set()
    for path, _ in tree.leaves_with_path(like):
        own = tree.keystr(path, simple=True, separator=".")
        theirs, turn = _their_names(own, names, layouts)
        if all(name in given for name in theirs):
            arrays[own] = _turned(own, turn, {name: _array(given[name]) for name in theirs})
            used |= set(theirs)
    unused = [k for k in given if k not in used and not k.endswith("num_batches_tracked")]
    where = "the state_dict" if isinstance(source, Mapping) else str(source)
    avals = {name: aval_of(x) for name, x in arrays.items()}
    return fitted(where, avals, arrays.__getitem__, like, cast=dtype == "cast", unused=unused)


def _array(x: Any) -> np.ndarray:
    """A tensor, a parameter or an array as an array of its own: PyTorch trains in place."""
    if hasattr(x, "detach"):
        x = x.detach().cpu()
        x = x.to_dense() if x.is_sparse else x.dequantize() if x.is_quantized else x
        x = x.resolve_conj().resolve_neg()
        try:
            x = x.numpy()
        except TypeError:  # no dtype of NumPy
            x = (x.cfloat() if x.is_complex() else x.float()).numpy()
    check_class(x)
    x = np.array(x)
    lacking = x.dtype.kind == "V" and np.can_cast(x.dtype, np.float32)  # of the package ml_dtypes
    return x.astype(np.float32) if lacking else x


def _turned(own: str, turn: Turn, theirs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return PyTorch's arrays, by their names there, as one in the order here."""
    try:
        return turn(*theirs.values())
    except (ValueError, IndexError) as error:
        got = ", ".join(f"{name!r} {Aval(x.shape, x.dtype)}" for name, x in theirs.items())
        raise TreeError(
            f"load_torch: {own!r} cannot be made of what stands there: got {got} ({error}); give "
            f"the right name in names"
        ) from None


def _layouts(model: Any) -> dict[str, tuple[str, tuple[str, ...], Turn]]:
    """Return for each leaf of a known layer the layer's path, PyTorch's names, and the turn."""
    found: dict[str, tuple[str, tuple[str, ...], Turn]] = {}
    for path, layer in modules_in(model):
        prefix = tree.keystr(path, simple=True, separator=".")
        for field, (name, turn) in _layout(layer).items():
            theirs = name if isinstance(name, tuple) else (name,)
            found.setdefault(f"{prefix}.{field}".lstrip("."), (prefix, theirs, turn))
    return found


def _layout(layer: Module) -> Layout:
    for kind, layout in LAYOUTS:
        if isinstance(layer, kind):
            return layout(layer)
    return {}


def _their_names(own: str, names: Names, layouts: Mapping[str, Any]) -> tuple[Any, Turn]:
    """Return PyTorch's names of a leaf, by the longest part of its path that is named."""
    parts = own.split(".")
    layer, ends, turn = layouts.get(own, (".".join(parts[:-1]), parts[-1:], _as_it_is))
    if names is not None and not isinstance(names, Mapping):
        return (names(own),), turn
    names = names or {}
    if own in names:
        named = names[own]
        return ((named[0],), named[1]) if isinstance(named, tuple) else ((named,), turn)
    inner = layer.split(".") if layer else []
    for n in range(len(inner), -1, -1):
        start = ".".join(inner[:n])
        if start in names or not n:
            steps = [names.get(start, ""), *inner[n:]]
            return tuple(".".join(p for p in (*steps, end) if p) for end in ends), turn
    raise AssertionError("the empty path is the last that is tried")
