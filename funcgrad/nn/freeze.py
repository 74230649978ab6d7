"""Layers that are not trained."""

from typing import Any, ClassVar

from ..core.errors import TreeError
from ..core.lazy import answering
from ..ops.stop_gradient import stop_gradient
from ..random import Key
from .apply import reports
from .module import Module, module
from .replace import Where, get, replace, written
from .traverse import is_module, modules_in


@module
class Frozen(Module):
    """A layer that is not trained: its arrays are constants, and it also predicts in training.

    The derivative with respect to x passes through it. It gets no key: dropout is off, and batch
    norm uses its running statistics. Its other methods and fields are those of the layer.

    >>> import numpy as np
    >>> from funcgrad import grad, nn, random
    >>> layer = Frozen(nn.Dense(2, 1).init(random.key(0)))
    >>> bool(np.any(grad(lambda m: np.sum(m(np.ones(2))))(layer).layer.kernel))
    False
    """

    __frozen__: ClassVar[bool] = True

    layer: Module

    def __call__(self, /, *args: Any, key: Key | None = None, **kwargs: Any) -> Any:
        inner: Any = stop_gradient(self.layer)
        before = reports.set(None)  # statistics that it refreshes without a key are discarded too
        try:
            return inner(*args, **kwargs)
        finally:
            reports.reset(before)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "layer" not in self.__dict__:
            raise AttributeError(name)
        return getattr(stop_gradient(self.layer), name)


@answering
def freeze(model: Any, *where: Where) -> Any:
    """Freeze the layers at these paths of a model, by default the whole model.

    Their gradient is 0, and their leaves are not :func:`trainable`.

    Args:
        model: a tree of modules.
        *where: paths of modules; for single arrays pass their paths to :func:`trainable`.

    >>> from funcgrad import nn
    >>> freeze(nn.Sequential(nn.Flatten(), nn.relu), "layers[0]")
    Sequential(Frozen(layer=Flatten()), Lambda(function=relu))
    """
    for path in where or ((),):
        layer = get(model, path)
        if not is_module(layer):
            raise TreeError(
                f"freeze: the path must lead to a module: got {layer!r} at {written(path)!r}; for "
                f"an array use a mask: nn.partition(model, nn.trainable(model, {written(path)!r}))"
            )
        if not isinstance(layer, Frozen):
            model = replace(model, path, Frozen(layer))
    return model


@answering
def unfreeze(model: Any) -> Any:
    """Unfreeze all layers of a model.

    >>> from funcgrad import nn
    >>> unfreeze(freeze(nn.Sequential(nn.Flatten()), "layers[0]"))
    Sequential(Flatten())
    """
    while True:
        path = next((path for path, m in modules_in(model) if isinstance(m, Frozen)), None)
        if path is None:
            return model
        model = replace(model, path, get(model, path).layer)
