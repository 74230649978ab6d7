"""Load PyTorch weights, with axes permuted to the layout of the layers here."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from ..core import tree
from ..core.avals import Aval, aval_of, check_class
from ..core.errors import TreeError
from ..core.lazy import answering
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
    """PyTorch has two biases, which are added, except for the new state of a GRU."""
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
    """PyTorch has the maps of queries, keys and values in one matrix."""
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


@answering
def load_torch(source: Any, like: Any, names: Names = None, *, dtype: str = "cast") -> Any:
    """Load the weights of a PyTorch ``state_dict`` into a model.

    Weights of known layers are permuted: [out, in] to [in, out], channels first to channels last.
    A dense layer after a flattened image has its inputs in another order than in PyTorch; give a
    function that permutes its rows.

    Args:
        source: a safetensors file, or a mapping from names to tensors, parameters or arrays,
            which are copied; dtypes that NumPy lacks (bfloat16) become float32.
        like: an initialized model, whose structure and shapes the weights must have.
        names: a mapping from paths here, ``"layers.0"`` or ``"layers.0.kernel"``, to PyTorch's
            names. A value may be a pair (name, function of the array), which replaces the
            permutation. Or a function from a path to a name or None. The default is the path.
        dtype: "cast" to the dtypes of ``like``, or "same" to require them.

    Raises:
        TreeError: with all weights that are missing, unexpected, or differ in shape.

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
    """Copy a tensor, parameter or array to an ndarray; PyTorch trains in place."""
    if hasattr(x, "detach"):
        x = x.detach().cpu()
        x = x.to_dense() if x.is_sparse else x.dequantize() if x.is_quantized else x
        x = x.resolve_conj().resolve_neg()
        try:
            x = x.numpy()
        except TypeError:  # a dtype that NumPy lacks
            x = (x.cfloat() if x.is_complex() else x.float()).numpy()
    check_class(x)
    x = np.array(x)
    lacking = x.dtype.kind == "V" and np.can_cast(
        x.dtype, np.float32
    )  # dtypes of the package ml_dtypes
    return x.astype(np.float32) if lacking else x


def _turned(own: str, turn: Turn, theirs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Convert PyTorch's arrays, by name, to one array in the layout here."""
    try:
        return turn(*theirs.values())
    except (ValueError, IndexError) as error:
        got = ", ".join(f"{name!r} {Aval(x.shape, x.dtype)}" for name, x in theirs.items())
        raise TreeError(
            f"load_torch: {own!r} cannot be made of the given arrays: got {got} ({error}); give "
            f"the right name in names"
        ) from None


def _layouts(model: Any) -> dict[str, tuple[str, tuple[str, ...], Turn]]:
    """For each leaf of a known layer the layer's path, PyTorch's names, and the conversion."""
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
    """PyTorch's names of a leaf, by the longest prefix of its path in ``names``."""
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
