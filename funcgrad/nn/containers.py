"""Layers that hold layers: in sequence, in parallel, and around a shortcut."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import numpy as np

from ..core.avals import aval_of, shape_of
from ..core.errors import MutationError, shown
from ..random import Key, fold_in
from .apply import complaint, takes_key
from .functions import relu
from .layers import Dense, Dropout
from .module import Module, module


@module
class Lambda(Module):
    """Wrap a function of one array as a layer without parameters.

    >>> Lambda(np.abs)(np.array([-1.0]))
    array([1.])
    """

    function: Callable[[Any], Any]

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        return self.function(x)


@module
class Identity(Module):
    """The identity as a layer, to replace a layer that is removed.

    >>> Identity()(3.0)
    3.0
    """

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        return x


def as_layer(who: str, layer: Any, i: int) -> Any:
    """A module unchanged, or a function wrapped as a layer."""
    if isinstance(layer, Module):
        return layer
    if callable(layer) and not isinstance(layer, type):
        return Lambda(layer)
    cure = f"write {who}(*list)" if isinstance(layer, list) else "write lambda x: ..."
    cure = f"write {layer.__name__}(...)" if isinstance(layer, type) else cure
    raise TypeError(f"{who}: layer {i} must be a module or a function: got {shown(layer)}; {cure}")


def call_layer(layer: Any, x: Any, key: Key | None, i: int) -> Any:
    """Call a layer, with the i-th key derived from the model's key if it takes one."""
    if key is None or not takes_key(layer):
        return layer(x)
    return layer(x, key=fold_in(key, i))


@module
class Sequential(Module):
    """Apply layers in sequence.

    Args:
        *layers: modules, or functions of one array. In training, a layer whose ``__call__`` has
            a parameter ``key`` gets the model's key folded with the layer's index.

    It supports ``len``, iteration and indexing; a slice is a Sequential.

    >>> from funcgrad import nn, random
    >>> model = Sequential(Dense(4, 8), nn.relu, Dropout(0.1), Dense(8, 1)).init(random.key(0))
    >>> model(np.ones((5, 4))).shape
    (5, 1)
    """

    layers: tuple[Module, ...]

    def __init__(self, *args: Any, layers: Sequence[Any] = ()) -> None:
        chosen = args or layers
        made = (as_layer("Sequential", layer, i) for i, layer in enumerate(chosen))
        self.layers = tuple(made)

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        for i, layer in enumerate(self.layers):
            x = call_layer(layer, x, key, i)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return Sequential(*self.layers[index])
        if isinstance(index, int) and not -len(self.layers) <= index < len(self.layers):
            raise IndexError(
                f"Sequential: there is no layer {index}: got a model of {len(self.layers)} layers; "
                f"count from 0"
            )
        return self.layers[index]

    def __setitem__(self, index: Any, layer: Any) -> NoReturn:
        raise MutationError(
            f"Sequential: a module cannot be changed in place: got [{index!r}]; write "
            f"nn.replace(model, 'layers[{index!r}]', layer)"
        )

    def __outline__(self) -> tuple[str, list[tuple[str, Any]]]:
        return "Sequential", [("", layer) for layer in self.layers]


@module
class MLP(Sequential):
    """Dense layers in sequence, with an activation after each but the last.

    Args:
        *sizes: two or more int, the number of features from input to output.
        activation: elementwise function, applied after each layer but the last.
        final_activation: elementwise function, applied after the last layer.
        dropout: float in [0, 1], the rate of the dropout after each activation.
        use_bias: whether the layers have biases.

    >>> from funcgrad import nn, random
    >>> model = MLP(4, 16, 16, 1, activation=nn.gelu).init(random.key(0))
    >>> model(np.ones((5, 4))).shape
    (5, 1)
    """

    def __init__(
        self,
        *sizes: int,
        activation: Callable[[Any], Any] | None = relu,
        final_activation: Callable[[Any], Any] | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        layers: Sequence[Any] = (),
    ) -> None:
        if layers:  # from dataclasses.replace
            Sequential.__init__(self, layers=layers)
            return
        if len(sizes) < 2:
            raise ValueError(
                f"MLP: sizes must be two or more, from input to output: got {sizes}"
                "; write MLP(inputs, hidden, outputs)"
            )
        made: list[Any] = []
        for i, pair in enumerate(itertools.pairwise(sizes)):
            last = i == len(sizes) - 2
            function = final_activation if last else activation
            made.append(Dense(*pair, use_bias, function))
            if dropout and not last:
                made.append(Dropout(dropout))
        self.layers = tuple(made)


@module
class Residual(Module):
    """Add the input to the output of a layer: ``shortcut(x) + layer(x)``.

    Args:
        layer: a module, or a function of one array.
        shortcut: a module or function of x, needed where ``layer`` changes the shape; None is
            the identity.

    Source: He et al. 2015, equations 1 and 2 (arXiv:1512.03385).

    >>> from funcgrad import random
    >>> Residual(Dense(3, 3)).init(random.key(0))(np.ones((5, 3))).shape
    (5, 3)
    """

    layer: Module
    shortcut: Module | None = None

    def __post_init__(self) -> None:
        self.layer = as_layer("Residual", self.layer, 0)
        if self.shortcut is not None:
            self.shortcut = as_layer("Residual", self.shortcut, 1)

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        y = call_layer(self.layer, x, key, 0)
        straight = x if self.shortcut is None else call_layer(self.shortcut, x, key, 1)
        if shape_of(y) != shape_of(straight):
            raise complaint(
                self,
                f"layer and shortcut must give the same shape: got {aval_of(y)} and "
                f"{aval_of(straight)}; give a shortcut that maps x to the shape of the layer",
            )
        return straight + y


def joined(results: Sequence[Any]) -> Any:
    """Concatenate results along the last axis."""
    return np.concatenate(results, axis=-1)


@module
class Parallel(Module):
    """Apply layers to the same x and merge their results.

    Args:
        *branches: modules, or functions of one array.
        merge: a function of the list of results, by default concatenation along the last axis.
            ``sum`` adds them, ``tuple`` keeps them separate.

    >>> from funcgrad import random
    >>> Parallel(Dense(3, 2), np.tanh).init(random.key(0))(np.ones((5, 3))).shape
    (5, 5)
    """

    branches: tuple[Module, ...]
    merge: Callable[[list[Any]], Any]

    def __init__(
        self,
        *args: Any,
        merge: Callable[[list[Any]], Any] = joined,
        branches: Sequence[Any] = (),
    ) -> None:
        chosen = args or branches
        made = (as_layer("Parallel", branch, i) for i, branch in enumerate(chosen))
        self.branches, self.merge = tuple(made), merge

    def __call__(self, x: Any, *, key: Key | None = None) -> Any:
        return self.merge([call_layer(branch, x, key, i) for i, branch in enumerate(self.branches)])
