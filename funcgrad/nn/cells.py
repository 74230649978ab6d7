"""Recurrent cells: modules that compute one step of a sequence."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import field
from typing import Any, ClassVar

import numpy as np

from ..core import tree
from ..core.avals import Shape, aval_of, dtype_of, is_arraylike, shape_of
from ..ops.structure import cast
from ..random import Key, split
from . import init
from .annotations import Array
from .apply import check_drawn, complaint
from .functions import tanh
from .layers import check_last_axis, check_lengths
from .module import Module, module, param

State = Any  # an array, or for LSTM a pair of arrays, [..., features]


@module
class Cell(Module):
    """Base of the cells: two matrices for all gates, a bias, and a step.

    ``cell(x, state) -> state`` computes one step; the default state is zeros.
    ``cell.output(state)`` is the output of a layer.
    """

    gates: ClassVar[int]
    in_features: int
    features: int
    use_bias: bool = True
    kernel_init: init.Initializer = field(default=init.glorot_uniform(), kw_only=True)
    recurrent_init: init.Initializer = field(default=init.orthogonal(), kw_only=True)
    bias_init: init.Initializer = field(default=init.zeros, kw_only=True)
    kernel: Array = param(
        "draw_kernel", lambda self: (self.in_features, self.gates * self.features)
    )
    recurrent: Array = param(
        "draw_recurrent", lambda self: (self.features, self.gates * self.features)
    )
    bias: Array | None = param(
        "bias_init", lambda self: (self.gates * self.features,) if self.use_bias else None
    )

    def __post_init__(self) -> None:
        check_lengths(self, "in_features", "features", least=1)

    def draw_kernel(self, key: Key, shape: Shape, dtype: Any) -> Any:
        return self._of_gates(self.kernel_init, key, shape, dtype)

    def draw_recurrent(self, key: Key, shape: Shape, dtype: Any) -> Any:
        return self._of_gates(self.recurrent_init, key, shape, dtype)

    def _of_gates(self, draw: init.Initializer, key: Key, shape: Shape, dtype: Any) -> Any:
        """The matrices of the gates, drawn separately and concatenated."""
        keys = split(key, self.gates)
        return np.concatenate([draw(k, (shape[0], self.features), dtype) for k in keys], axis=1)

    def initial(self, lead: Shape, dtype: Any = np.float32) -> State:
        """The state before the first step: zeros, [*lead, features]."""
        return np.zeros((*lead, self.features), dtype)

    def output(self, state: State) -> Any:
        return state

    def inputs(self, x: Any) -> Any:
        """The contribution of the inputs to the gates, [..., gates * features]."""
        return self.added(x, slice(None))

    def added(self, x: Any, gates: slice) -> Any:
        check_drawn(self)  # a layer calls the step of a cell, not the cell
        check_last_axis(self, x, self.in_features)
        y = np.matmul(x, self.kernel[:, gates])
        return y if self.bias is None else y + self.bias[gates]

    def first(self, state: State, inputs: Any, lead: Shape) -> State:
        """The given state, or zeros, in the dtype of the steps."""
        dtypes = [*map(dtype_of, tree.leaves(inputs)), dtype_of(self.recurrent)]
        zeros = self.initial(lead, np.result_type(*dtypes))
        if state is None:
            return zeros
        leaves, treedef = tree.flatten(state)
        arrays = all(map(is_arraylike, leaves))
        fits = arrays and treedef == tree.structure(zeros)
        if not fits or any(shape_of(x) != (*lead, self.features) for x in leaves):
            want = " and ".join(str(aval_of(x)) for x in tree.leaves(zeros))
            got = " and ".join(str(aval_of(x)) for x in leaves) if arrays else repr(treedef)
            raise complaint(self, f"the state must be {want}: got {got}; see the method initial()")
        dtype = np.result_type(dtype_of(tree.leaves(zeros)[0]), *map(dtype_of, leaves))
        return tree.map(lambda x: cast(x, dtype), state)

    @abstractmethod
    def step(self, inputs: Any, state: State) -> State:
        """The next state, from the contribution of the inputs to the gates."""

    def __call__(self, x: Any, state: State = None, *, key: Key | None = None) -> State:
        inputs = self.inputs(x)
        return self.step(inputs, self.first(state, inputs, shape_of(x)[:-1]))


def gates_of(z: Any, count: int) -> Any:
    """Split the last axis into ``count`` gates along a new first axis, each contiguous."""
    *lead, n = shape_of(z)
    return np.moveaxis(
        np.reshape(z, (*lead, count, n // count)), -2, 0
    )  # [..., G H] -> [G, ..., H]


def sigmoid_of_half(half: Any) -> Any:
    """The sigmoid of x, given tanh(x / 2)."""
    return 0.5 * half + 0.5


@module
class RNNCell(Cell):
    """One step of a simple recurrent network: h' = activation(x W + h U + b).

    Args:
        in_features: the length of the last axis of x, shape [..., in_features].
        features: the length of the last axis of the state h.
        use_bias: whether b is added.
        activation: elementwise function, such as tanh or relu.
        kernel_init, recurrent_init, bias_init: draw W, U and b.

    Source: Elman 1990, "Finding structure in time".

    >>> from funcgrad import random
    >>> cell = RNNCell(3, 4).init(random.key(0))
    >>> cell(np.ones((2, 3)), cell(np.zeros((2, 3)))).shape
    (2, 4)
    """

    gates = 1
    activation: Callable[[Any], Any] = tanh

    def step(self, inputs: Any, state: State) -> State:
        return self.activation(inputs + np.matmul(state, self.recurrent))


@module
class LSTMCell(Cell):
    """One step of a long short-term memory; the state is the pair (h, c).

    c' = f c + i tanh(g) and h' = o tanh(c'). The columns of x W + h U + b are the arguments of
    i, f, g, o in this order, as in PyTorch; i, f and o are sigmoids.

    Args:
        in_features: the length of the last axis of x, shape [..., in_features].
        features: the length of the last axis of h and c.
        use_bias: whether b is added.
        kernel_init, recurrent_init, bias_init: draw W and U, gate by gate, and b.

    Source: Hochreiter & Schmidhuber 1997; Gers et al. 2000 for f.

    >>> from funcgrad import random
    >>> cell = LSTMCell(3, 4).init(random.key(0))
    >>> h, c = cell(np.ones((2, 3)))
    >>> h.shape, c.shape
    ((2, 4), (2, 4))
    """

    gates = 4

    def initial(self, lead: Shape, dtype: Any = np.float32) -> State:
        return tuple(np.zeros((2, *lead, self.features), dtype))

    def output(self, state: State) -> Any:
        return state[0]

    def step(self, inputs: Any, state: State) -> State:
        h, c = state
        z = gates_of(inputs + np.matmul(h, self.recurrent), 4)
        half = np.array([0.5, 0.5, 1, 0.5], dtype_of(z)).reshape(4, *[1] * len(shape_of(c)))
        t = np.tanh(half * z)  # one tanh for all: sigmoid(x) = (tanh(x / 2) + 1) / 2
        c = sigmoid_of_half(t[1]) * c + sigmoid_of_half(t[0]) * t[2]
        return sigmoid_of_half(t[3]) * np.tanh(c), c


@module
class GRUCell(Cell):
    """One step of a gated recurrent unit: h' = n + z (h - n), n = tanh(a + r (h U_n + b_n)).

    The columns of x W + b are the arguments of r and z and the term a, in this order. h U is added
    to the arguments of the sigmoids r and z. The layout is that of PyTorch and cuDNN.

    Args:
        in_features: the length of the last axis of x, shape [..., in_features].
        features: the length of the last axis of the state h.
        use_bias: whether b and b_n are added.
        kernel_init, recurrent_init, bias_init: draw W and U, gate by gate, and the biases.

    Source: Cho et al. 2014 (arXiv:1406.1078), with the reset after the product.

    >>> from funcgrad import random
    >>> cell = GRUCell(3, 4).init(random.key(0))
    >>> cell(np.ones((2, 3))).shape
    (2, 4)
    """

    gates = 3
    new_bias: Array | None = param(
        "bias_init", lambda self: (self.features,) if self.use_bias else None
    )

    def inputs(self, x: Any) -> Any:
        return self.added(x, slice(2 * self.features)), self.added(
            x, slice(2 * self.features, None)
        )

    def step(self, inputs: Any, state: State) -> State:
        # two products, because the transpose of a slice fills the rest of the gradient with zeros
        gates, a = inputs
        reset_and_keep, let = np.split(self.recurrent, [2 * self.features], axis=1)
        half = np.tanh(0.5 * gates_of(gates + np.matmul(state, reset_and_keep), 2))
        u = np.matmul(state, let)
        u = u if self.new_bias is None else u + self.new_bias
        new = np.tanh(a + sigmoid_of_half(half[0]) * u)
        return new + sigmoid_of_half(half[1]) * (state - new)
