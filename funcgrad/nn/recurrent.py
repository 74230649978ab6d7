"""Recurrent layers: cells scanned over sequences, [..., time, features].

The inputs of all steps are multiplied in one product before the scan; a step multiplies the state
by one matrix for all gates.
"""

from collections.abc import Callable
from dataclasses import field
from typing import Any, ClassVar

import numpy as np

from ..control.loops import scan
from ..core import tree
from ..core.avals import aval_of, dtype_of, shape_of
from ..core.errors import DtypeError
from ..core.trace import Tracer
from ..ops.operand import asarray
from ..random import Key, fold_in
from . import init
from .apply import complaint
from .cells import Cell, GRUCell, LSTMCell, RNNCell
from .functions import tanh
from .layers import Dropout, check_last_axis, check_lengths
from .module import Module, module


@module
class Recurrent(Module):
    """Base of the layers: a cell for each layer and direction, and the scan over time."""

    cell: ClassVar[type[Cell]]
    in_features: int
    features: int
    num_layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.0
    reverse: bool = False
    use_bias: bool = True
    kernel_init: init.Initializer = field(default=init.glorot_uniform(), kw_only=True)
    recurrent_init: init.Initializer = field(default=init.orthogonal(), kw_only=True)
    bias_init: init.Initializer = field(default=init.zeros, kw_only=True)
    cells: tuple[Module, ...] | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_lengths(self, "in_features", "features", "num_layers", least=1)
        Dropout(self.dropout)  # raises for a wrong rate
        if self.cells is None:  # else it is a copy from dataclasses.replace
            ways = 2 if self.bidirectional else 1
            sizes = [self.in_features, *[ways * self.features] * (self.num_layers - 1)]
            made = (self.new_cell(n) for n in sizes for _ in range(ways))
            self.cells = tuple(made)

    def new_cell(self, in_features: int, **options: Any) -> Any:
        """The cell of a layer and direction."""
        names = ("use_bias", "kernel_init", "recurrent_init", "bias_init")
        options |= {name: getattr(self, name) for name in names}
        return type(self).cell(in_features, self.features, **options)

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
        """The outputs of the last layer, and with ``return_state`` the final states.

        Args:
            x: [time, in_features] or [..., batch, time, in_features].
            mask: booleans [..., time], False at padding: the state does not change, and the
                output is 0, whatever x is.
            lengths: integers [...], the length of each sequence, instead of a mask.
            state: initial states, a tuple with one entry for each layer, and in a layer for
                each direction; by default zeros.
            return_state: whether to return ``(y, states)``.
            key: key for the dropout between layers, in training.
        """
        if len(shape_of(x)) < 2:
            raise complaint(
                self, f"x must be [..., time, features]: got {aval_of(x)}; write x[:, None]"
            )
        check_last_axis(self, x, self.in_features)
        mask = step_mask(self, x, mask, lengths)
        if mask is not None:
            x = np.where(mask, x, np.zeros((), dtype_of(x)))  # 0 * nan would reach the gradients
            mask = np.moveaxis(mask, -2, 0)
        x = np.moveaxis(x, -2, 0)  # [..., T, D] -> [T, ..., D], for all layers
        states = self._states(state)
        ways, ends = len(states) // self.num_layers, []
        for i in range(self.num_layers):
            if i and self.dropout and key is not None:
                x = Dropout(self.dropout)(x, key=fold_in(key, i))
            outputs = []
            for n in range(ways * i, ways * (i + 1)):
                backwards = bool(n % ways) != self.reverse
                y, end = scanned(self.cells[n], x, states[n], mask, backwards)  # type: ignore[index]
                outputs.append(y)
                ends.append(end)
            x = outputs[0] if ways == 1 else np.concatenate(outputs, axis=-1)
        x = np.moveaxis(x, 0, -2)
        return (x, tuple(ends)) if return_state else x

    def _states(self, given: Any) -> Any:
        """The initial state of each cell, None for zeros."""
        count = len(self.cells)  # type: ignore[arg-type]
        if given is None:
            return [None] * count
        if not isinstance(given, tuple | list) or len(given) != count:
            got = len(given) if isinstance(given, tuple | list) else type(given).__name__
            raise complaint(
                self,
                f"state must hold {count} states, one for each layer and direction: got {got}; "
                f"see return_state",
            )
        return given


@module
class RNN(Recurrent):
    """Scan a simple recurrent cell over sequences; see :class:`RNNCell` and :class:`LSTM`.

    Args:
        in_features, features, num_layers, bidirectional, dropout, reverse: as of :class:`LSTM`.
        use_bias, kernel_init, recurrent_init, bias_init: as of :class:`LSTM`.
        activation: elementwise function, such as tanh or relu.

    >>> from funcgrad import random
    >>> RNN(3, 4).init(random.key(0))(np.ones((2, 7, 3))).shape
    (2, 7, 4)
    """

    cell = RNNCell
    activation: Callable[[Any], Any] = tanh

    def new_cell(self, in_features: int, **options: Any) -> Any:
        return Recurrent.new_cell(self, in_features, activation=self.activation, **options)


@module
class LSTM(Recurrent):
    """Scan a long short-term memory over sequences; see :class:`LSTMCell`.

    A call takes ``mask=`` or ``lengths=`` for padded batches, ``state=`` and ``return_state=``.

    Args:
        in_features: the length of the last axis of x, shape [..., time, in_features].
        features: the length of the state. The output has this length, twice that if
            bidirectional.
        num_layers: the number of stacked layers.
        bidirectional: whether each layer has a second cell that runs backward in time.
        dropout: float in [0, 1], the rate of dropout between layers.
        reverse: whether the scan runs backward in time.
        use_bias: whether biases are added.
        kernel_init, recurrent_init, bias_init: as in :class:`LSTMCell`.

    >>> from funcgrad import random
    >>> layer = LSTM(3, 4, num_layers=2, bidirectional=True).init(random.key(0))
    >>> y, states = layer(np.ones((2, 7, 3)), lengths=np.array([7, 5]), return_state=True)
    >>> y.shape, len(states)
    ((2, 7, 8), 4)
    """

    cell = LSTMCell


@module
class GRU(Recurrent):
    """Scan a gated recurrent unit over sequences; see :class:`GRUCell` and :class:`LSTM`.

    Args:
        in_features, features, num_layers, bidirectional, dropout, reverse: as of :class:`LSTM`.
        use_bias, kernel_init, recurrent_init, bias_init: as of :class:`LSTM`.

    >>> from funcgrad import random
    >>> GRU(3, 4).init(random.key(0))(np.ones((7, 3))).shape
    (7, 4)
    """

    cell = GRUCell


def step_mask(layer: Any, x: Any, mask: Any, lengths: Any) -> Any:
    """The mask of steps, [..., time, 1], or None if all count."""
    shape = shape_of(x)[:-1]
    if mask is not None and lengths is not None:
        raise complaint(layer, "mask and lengths exclude each other; give one", ValueError)
    if lengths is not None:
        return np.expand_dims(np.arange(shape[-1]) < _checked(layer, lengths, shape), -1)
    if mask is None:
        return None
    if dtype_of(mask) != np.bool_:
        raise complaint(
            layer, f"the mask must be boolean: got {aval_of(mask)}; write mask != 0", DtypeError
        )
    if shape_of(mask) != shape:
        raise complaint(layer, f"the mask must have shape {shape}: got {aval_of(mask)}")
    return np.expand_dims(mask, -1)


def _checked(layer: Any, lengths: Any, shape: tuple[int, ...]) -> Any:
    """The checked lengths of sequences, [..., 1]."""
    if shape_of(lengths) != shape[:-1] or dtype_of(lengths).kind not in "iu":
        raise complaint(
            layer, f"lengths must be integers of shape {shape[:-1]}: got {aval_of(lengths)}"
        )
    if not isinstance(lengths, Tracer):
        lengths = asarray(lengths)
        if lengths.size and not 0 <= lengths.min() <= lengths.max() <= shape[-1]:
            raise complaint(
                layer,
                f"lengths must be in [0, {shape[-1]}], the length of the time axis: got "
                f"{lengths.min()} to {lengths.max()}",
                ValueError,
            )
    return np.expand_dims(lengths, -1)


def scanned(cell: Any, x: Any, state: Any, mask: Any, backwards: bool) -> tuple[Any, Any]:
    """The outputs of a cell along the first axis, time, and its final state."""
    inputs = cell.inputs(x)
    state = cell.first(state, inputs, shape_of(x)[1:-1])
    if mask is None:
        step = lambda state, row: _with_output(cell, cell.step(row, state))
        state, outputs = scan(step, state, inputs, reverse=backwards)
        return outputs, state

    def careful(state: Any, row: Any) -> tuple[Any, Any]:
        inputs, counts = row
        new = cell.step(inputs, state)
        return _with_output(cell, tree.map(lambda a, b: np.where(counts, a, b), new, state))

    state, outputs = scan(careful, state, (inputs, mask), reverse=backwards)
    return np.where(mask, outputs, np.zeros((), dtype_of(outputs))), state


def _with_output(cell: Any, state: Any) -> tuple[Any, Any]:
    return state, cell.output(state)
