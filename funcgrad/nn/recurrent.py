"""Recurrent layers: cells that take a step, and layers that scan them over sequences.

Sequences are [..., time, features]. The products with the inputs of all steps are one product
before the scan; a step then multiplies the state by one matrix of all gates.
"""

from collections.abc import Callable
from dataclasses import field
from typing import Any, ClassVar

import numpy as np

from ..control.scan import scan
from ..core import tree
from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import DtypeError
from ..ops.structure import cast
from ..random import Key, fold_in
from . import init
from .annotations import Array
from .calls import complaint
from .functions import sigmoid, tanh
from .layers import Dropout, check_last_axis, check_lengths
from .module import Module, module, param

State = Any  # an array, or for LSTM a pair of them, [..., features]


class Cell(Module):
    """What the cells share: two matrices of all gates, their biases, and a step.

    ``cell(x, state) -> state`` takes one step; ``cell.output(state)`` is what layers see of it.
    """

    gates: ClassVar[int]

    def __post_init__(self) -> None:
        check_lengths(self, "in_features", "features", least=1)

    def initial(self, shape: tuple[int, ...], dtype: Any) -> State:
        """Return the state before the first step, zeros [*shape, features]."""
        return np.zeros((*shape, self.features), dtype)  # type: ignore[attr-defined]

    def inputs(self, x: Any) -> Any:
        """Return what the inputs add to the gates, shape [..., gates * features]."""
        check_last_axis(self, x, self.in_features)  # type: ignore[attr-defined]
        y = np.matmul(x, self.kernel)  # type: ignore[attr-defined]
        return y if self.bias is None else y + self.bias  # type: ignore[attr-defined]

    def output(self, state: State) -> Any:
        return state

    def step(self, inputs: Any, state: State) -> State:
        raise NotImplementedError(f"{type(self).__name__} has no step")

    def __call__(self, x: Any, state: State = None, *, key: Key | None = None) -> State:
        if state is None:
            dtype = np.result_type(dtype_of(x), dtype_of(self.kernel))  # type: ignore[attr-defined]
            state = self.initial(shape_of(x)[:-1], dtype)
        return self.step(self.inputs(x), state)


def _gates(count: str) -> Callable[[Any], tuple[int, ...]]:
    sizes = {"in": "in_features", "state": "features"}
    return lambda self: (getattr(self, sizes[count]), self.gates * self.features)


def _biases(self: Any) -> tuple[int, ...] | None:
    return (self.gates * self.features,) if self.use_bias else None


@module
class RNNCell(Cell):
    """Take one step of a simple recurrent network: h' = activation(x W + h U + b).

    Args:
        in_features: the length of the last axis of x, shape [..., in_features].
        features: the length of the last axis of the state h.
        activation: a function of an array.
        use_bias: whether b is added.
        kernel_init, recurrent_init, bias_init: draw W, U and b.

    Source: Elman 1990, "Finding structure in time".

    >>> from funcgrad import random
    >>> cell = RNNCell(3, 4).init(random.key(0))
    >>> cell(np.ones((2, 3)), cell(np.zeros((2, 3)))).shape
    (2, 4)
    """

    gates = 1
    in_features: int
    features: int
    activation: Callable[[Any], Any] = tanh
    use_bias: bool = True
    kernel_init: init.Initializer = field(default=init.glorot_uniform(), kw_only=True)
    recurrent_init: init.Initializer = field(default=init.orthogonal(), kw_only=True)
    bias_init: init.Initializer = field(default=init.zeros, kw_only=True)
    kernel: Array = param("kernel_init", _gates("in"))  # type: ignore[misc]
    recurrent: Array = param("recurrent_init", _gates("state"))  # type: ignore[misc]
    bias: Array | None = param("bias_init", _biases)  # type: ignore[misc]

    def step(self, inputs: Any, state: State) -> State:
        return self.activation(inputs + np.matmul(state, self.recurrent))


@module
class LSTMCell(Cell):
    """Take one step of a long short-term memory; the state is the pair (h, c).

    c' = f c + i tanh(g) and h' = o tanh(c'), where i, f, o are sigmoids of, and g is, a part of
    x W + h U + b each, in the order i, f, g, o.

    Args:
        in_features: the length of the last axis of x, shape [..., in_features].
        features: the length of the last axis of h and c.
        use_bias: whether b is added.
        kernel_init, recurrent_init, bias_init: draw W, U and b.

    Source: Hochreiter & Schmidhuber 1997; Gers et al. 2000 for f.

    >>> from funcgrad import random
    >>> cell = LSTMCell(3, 4).init(random.key(0))
    >>> h, c = cell(np.ones((2, 3)))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    gates = 4
    in_features: int
    features: int
    use_bias: bool = True
    kernel_init: init.Initializer = field(default=init.glorot_uniform(), kw_only=True)
    recurrent_init: init.Initializer = field(default=init.orthogonal(), kw_only=True)
    bias_init: init.Initializer = field(default=init.zeros, kw_only=True)
    kernel: Array = param("kernel_init", _gates("in"))  # type: ignore[misc]
    recurrent: Array = param("recurrent_init", _gates("state"))  # type: ignore[misc]
    bias: Array | None = param("bias_init", _biases)  # type: ignore[misc]

    def initial(self, shape: tuple[int, ...], dtype: Any) -> State:
        zeros = super().initial(shape, dtype)
        return zeros, zeros.copy()

    def output(self, state: State) -> Any:
        return state[0]

    def step(self, inputs: Any, state: State) -> State:
        h, c = state
        n = self.features
        z = inputs + np.matmul(h, self.recurrent)
        gate = sigmoid(z[..., : 2 * n])
        c = gate[..., n:] * c + gate[..., :n] * np.tanh(z[..., 2 * n : 3 * n])
        return sigmoid(z[..., 3 * n :]) * np.tanh(c), c


@module
class GRUCell(Cell):
    """Take one step of a gated recurrent unit: h' = n + z (h - n), n = tanh(a + r (h U_n + b_n)).

    r and z are sigmoids of, and a is, a part of x W + b each, in the order r, z, a; those of h U
    are added to r and z, and to a what r lets through, as in PyTorch and cuDNN.

    Args:
        in_features: the length of the last axis of x, shape [..., in_features].
        features: the length of the last axis of the state h.
        use_bias: whether b, and b_n, are added.
        kernel_init, recurrent_init, bias_init: draw W, U and the biases.

    Source: Cho et al. 2014 (arXiv:1406.1078), with the reset after the product.

    >>> from funcgrad import random
    >>> cell = GRUCell(3, 4).init(random.key(0))
    >>> cell(np.ones((2, 3))).shape
    (2, 4)
    """

    gates = 3
    in_features: int
    features: int
    use_bias: bool = True
    kernel_init: init.Initializer = field(default=init.glorot_uniform(), kw_only=True)
    recurrent_init: init.Initializer = field(default=init.orthogonal(), kw_only=True)
    bias_init: init.Initializer = field(default=init.zeros, kw_only=True)
    kernel: Array = param("kernel_init", _gates("in"))  # type: ignore[misc]
    recurrent: Array = param("recurrent_init", _gates("state"))  # type: ignore[misc]
    bias: Array | None = param("bias_init", _biases)  # type: ignore[misc]
    new_bias: Array | None = param(  # type: ignore[misc]
        "bias_init", lambda self: (self.features,) if self.use_bias else None
    )

    def step(self, inputs: Any, state: State) -> State:
        n = self.features
        u = np.matmul(state, self.recurrent)
        gate = sigmoid(inputs[..., : 2 * n] + u[..., : 2 * n])
        let = u[..., 2 * n :] if self.new_bias is None else u[..., 2 * n :] + self.new_bias
        new = np.tanh(inputs[..., 2 * n :] + gate[..., :n] * let)
        return new + gate[..., n:] * (state - new)


class Recurrent(Module):
    """What the layers share: cells for each layer and direction, and the scan over time."""

    cell: ClassVar[type]

    def __post_init__(self) -> None:
        check_lengths(self, "in_features", "features", "num_layers", least=1)
        width = self.features * (2 if self.bidirectional else 1)  # type: ignore[attr-defined]
        sizes = [self.in_features, *[width] * (self.num_layers - 1)]  # type: ignore[attr-defined]
        if self.cells is None:  # type: ignore[has-type]
            ways = 2 if self.bidirectional else 1  # type: ignore[attr-defined]
            self.cells = tuple(self._new_cell(n) for n in sizes for _ in range(ways))

    def _new_cell(self, in_features: int) -> Any:
        return type(self).cell(in_features, self.features, use_bias=self.use_bias)  # type: ignore[attr-defined]

    def __call__(
        self,
        x: Any,
        *,
        mask: Any = None,
        lengths: Any = None,
        state: Any = None,
        return_state: bool = False,
        key: Key | None = None,
    ) -> Any:
        """Return the outputs of the last layer, and if asked the last states.

        Args:
            x: [time, in_features] or [..., batch, time, in_features].
            mask: booleans [..., time], False where a step does not count: the state stays as it
                is, and the output is 0.
            lengths: integers [...], how many steps of each sequence count, instead of a mask.
            state: first states, a list with one for each layer, and within a layer each
                direction; zeros unless given.
            return_state: whether to return ``(y, states)``.
            key: in training, for the dropout between layers.
        """
        if len(shape_of(x)) < 2:
            raise complaint(self, f"x must be [..., time, features]: got {aval_of(x)}")
        mask = _mask(self, x, mask, lengths)
        cells: Any = self.cells
        states = [None] * len(cells) if state is None else list(state)
        if len(states) != len(cells):
            raise complaint(self, f"state must hold {len(cells)} states: got {len(states)}")
        ways, ends = len(cells) // self.num_layers, []  # type: ignore[attr-defined]
        for i in range(self.num_layers):  # type: ignore[attr-defined]
            if i and self.dropout and key is not None:  # type: ignore[attr-defined]
                x = Dropout(self.dropout)(x, key=fold_in(key, i))  # type: ignore[attr-defined]
            outputs = []
            for way in range(ways):
                n = ways * i + way
                backwards = bool(way) != self.reverse  # type: ignore[attr-defined]
                y, end = _scanned(cells[n], x, states[n], mask, backwards)
                outputs.append(y)
                ends.append(end)
            x = outputs[0] if ways == 1 else np.concatenate(outputs, axis=-1)
        return (x, tuple(ends)) if return_state else x


@module
class RNN(Recurrent):
    """Scan a simple recurrent cell over sequences; see :class:`RNNCell` and :class:`LSTM`.

    Args:
        in_features, features, num_layers, bidirectional, dropout, reverse, use_bias: see
            :class:`LSTM`.
        activation: a function of an array.

    >>> from funcgrad import random
    >>> RNN(3, 4).init(random.key(0))(np.ones((2, 7, 3))).shape
    (2, 7, 4)
    """

    cell = RNNCell
    in_features: int
    features: int
    num_layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.0
    reverse: bool = False
    use_bias: bool = True
    activation: Callable[[Any], Any] = tanh
    cells: tuple[Module, ...] | None = field(default=None, kw_only=True)

    def _new_cell(self, in_features: int) -> Any:
        return RNNCell(in_features, self.features, self.activation, self.use_bias)  # type: ignore[call-arg]


@module
class LSTM(Recurrent):
    """Scan long short-term memories over sequences; see :class:`LSTMCell`.

    Called with ``mask=`` or ``lengths=`` for ragged batches, ``state=``, ``return_state=True``.

    Args:
        in_features: the length of the last axis of x, shape [..., time, in_features].
        features: the length of the state, and of the output; twice that if bidirectional.
        num_layers: how many layers are stacked.
        bidirectional: whether in each layer a second cell goes backwards.
        dropout: the rate of dropout between layers.
        reverse: whether time runs backwards.
        use_bias: whether biases are added.

    >>> from funcgrad import random
    >>> layer = LSTM(3, 4, num_layers=2, bidirectional=True).init(random.key(0))
    >>> y, states = layer(np.ones((2, 7, 3)), lengths=np.array([7, 5]), return_state=True)
    >>> y.shape, len(states)
    ((2, 7, 8), 4)
    """

    cell = LSTMCell
    in_features: int
    features: int
    num_layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.0
    reverse: bool = False
    use_bias: bool = True
    cells: tuple[Module, ...] | None = field(default=None, kw_only=True)


@module
class GRU(Recurrent):
    """Scan gated recurrent units over sequences; see :class:`GRUCell` and :class:`LSTM`.

    Args:
        in_features, features, num_layers, bidirectional, dropout, reverse, use_bias: see
            :class:`LSTM`.

    >>> from funcgrad import random
    >>> GRU(3, 4).init(random.key(0))(np.ones((7, 3))).shape
    (7, 4)
    """

    cell = GRUCell
    in_features: int
    features: int
    num_layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.0
    reverse: bool = False
    use_bias: bool = True
    cells: tuple[Module, ...] | None = field(default=None, kw_only=True)


def _mask(layer: Any, x: Any, mask: Any, lengths: Any) -> Any:
    """Return which steps count, [..., time], or None for all."""
    shape = shape_of(x)[:-1]
    if lengths is not None:
        if mask is not None:
            raise complaint(layer, "ragged batches need a mask or lengths, not both")
        if shape_of(lengths) != shape[:-1] or dtype_of(lengths).kind not in "iu":
            raise complaint(
                layer, f"lengths must be integers of shape {shape[:-1]}: got {aval_of(lengths)}"
            )
        return np.arange(shape[-1]) < np.expand_dims(lengths, -1)
    if mask is None:
        return None
    if dtype_of(mask) != np.bool_:
        raise complaint(layer, f"the mask must be boolean: got {aval_of(mask)}", DtypeError)
    if shape_of(mask) != shape:
        raise complaint(layer, f"the mask must have the shape {shape}: got {aval_of(mask)}")
    return mask


def _scanned(cell: Any, x: Any, state: Any, mask: Any, backwards: bool) -> tuple[Any, Any]:
    """Return a cell's outputs over time, and its last state."""
    inputs = np.moveaxis(cell.inputs(x), -2, 0)  # [..., T, G] -> [T, ..., G]
    if state is None:
        state = cell.initial(shape_of(inputs)[1:-1], dtype_of(inputs))

    def step(state: Any, row: Any) -> tuple[Any, Any]:
        inputs, counts = row if mask is not None else (row, None)
        new = cell.step(inputs, state)
        if counts is None:
            return new, cell.output(new)
        new = tree.map(lambda a, b: np.where(counts, a, b), new, state)
        return new, np.where(counts, cell.output(new), 0)

    rows = inputs if mask is None else (inputs, np.moveaxis(mask, -1, 0)[..., None])
    state = tree.map(lambda s: cast(s, dtype_of(inputs)), state)
    state, outputs = scan(step, state, rows, reverse=backwards)
    return np.moveaxis(outputs, 0, -2), state
