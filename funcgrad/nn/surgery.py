"""Surgery on models: what is trained and what is not, and other layers in the place of some.

A model is a tree, so all of this is a matter of trees: a mask says of each leaf whether it is
chosen, ``partition`` parts a model into the leaves chosen and the others, ``combine`` joins them
again. Paths are written as one writes them in Python, ``"layers[2].kernel"``.
"""

import ast
import math
from dataclasses import fields
from typing import Any, ClassVar, TypeAlias

from ..core import parameters, tree
from ..core.avals import shape_of
from ..core.errors import TreeError
from ..core.nodes import DictKey, GetAttrKey, Path, SequenceKey
from ..ops.stop_gradient import stop_gradient
from ..random import Key
from .apply import reports
from .containers import as_layer
from .module import Module, check_fields, module
from .traverse import is_module, modules_in, text_of, with_fields

Where: TypeAlias = str | Path
Mask: TypeAlias = Any  # a tree of booleans, or a prefix of one, or a function that gives one


# which leaves


def trainable(model: Any, *frozen: Where) -> Any:
    """Return which leaves of a model are trained, as a tree of booleans like it.

    Not trained are state, such as running statistics, what :func:`freeze` has frozen, and arrays
    of integers. It is what weight decay takes for its mask unless told, so that no running
    statistics decay.

    Args:
        model: a model, or any tree.
        *frozen: paths below which nothing is trained.

    >>> from funcgrad import nn, random
    >>> model = nn.BatchNorm(3).init(random.key(0))
    >>> trainable(model)
    BatchNorm(features=3, scale=True, bias=True, mean=False, var=False)
    """
    mask = parameters.trainable(model)
    if not frozen:
        return mask
    shut = {resolved("trainable", model, where) for where in frozen}

    def trained(path: Path, on: bool) -> bool:
        return on and not any(path[:n] in shut for n in range(len(path) + 1))

    return tree.map_with_path(trained, mask)


def partition(model: Any, mask: Mask = trainable) -> tuple[Any, Any]:
    """Return a model with the leaves chosen alone, and one with the others, None in their places.

    Differentiate by the first, let an optimizer step it, and :func:`combine` them again: so
    nothing else can change, whatever the optimizer.

    Args:
        model: a model, or any tree.
        mask: a tree of booleans, or one for each subtree, or a function of the model that
            gives it; the leaves that are trained unless given.

    >>> from funcgrad import nn, random
    >>> params, rest = partition(nn.BatchNorm(3).init(random.key(0)))
    >>> params, rest.scale
    (BatchNorm(features=3, scale=f32[3], bias=f32[3]), None)
    """
    given = callable(mask) and tree.handler_of(mask) is None  # a mask of a model is callable too
    chosen = mask(model) if given else mask
    flags = tree.broadcast_prefix(chosen, model, who="partition: the mask and the model")
    leaves, treedef = tree.flatten(model)
    pairs = list(zip(leaves, flags, strict=True))
    return (
        tree.unflatten(treedef, [x if flag else None for x, flag in pairs]),
        tree.unflatten(treedef, [None if flag else x for x, flag in pairs]),
    )


def combine(*parts: Any) -> Any:
    """Return the model whose parts these are: at each place the first leaf that is not None.

    Args:
        *parts: trees of one structure but for None, as :func:`partition` gives them.

    >>> combine({"a": 1, "b": None}, {"a": None, "b": 2})
    {'a': 1, 'b': 2}
    """
    first = lambda *xs: next((x for x in xs if x is not None), None)
    return tree.map(first, *parts, is_leaf=lambda x: x is None)


def count_params(model: Any, mask: Mask = trainable) -> int:
    """Return how many numbers the leaves chosen hold: those that are trained, unless told.

    >>> from funcgrad import nn, random
    >>> count_params(nn.Dense(3, 4).init(random.key(0)))
    16
    """
    return sum(math.prod(shape_of(x)) for x in tree.leaves(partition(model, mask)[0]))


# freezing


@module
class Frozen(Module):
    """A layer that does not change: its arrays are constants, and it predicts in training too.

    The derivative by x passes through it. It gets no key, so that dropout in it rests, and batch
    norm takes its running statistics. Its other methods and fields are those of the layer.

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
        before = reports.set(None)  # what it may refresh without a key does not count either
        try:
            return inner(*args, **kwargs)
        finally:
            reports.reset(before)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "layer" not in self.__dict__:
            raise AttributeError(name)
        return getattr(stop_gradient(self.layer), name)


def freeze(model: Any, *where: Where) -> Any:
    """Return the model with the layers at these paths frozen, all of it if none is given.

    They have no gradient, and :func:`trainable` leaves them out.

    Args:
        model: a tree of modules.
        *where: paths of modules; for single arrays give :func:`trainable` their paths.

    >>> from funcgrad import nn
    >>> freeze(nn.Sequential(nn.Flatten(), nn.relu), "layers[0]")
    Sequential(Frozen(layer=Flatten()), Lambda(function=relu))
    """
    for path in where or ((),):
        layer = get(model, path)
        if not is_module(layer):
            raise TreeError(
                f"freeze: only modules are frozen: at {_written(path)!r} stands {layer!r}; leave "
                f"it out of the mask: nn.partition(model, nn.trainable(model, {_written(path)!r}))"
            )
        if not isinstance(layer, Frozen):
            model = replace(model, path, Frozen(layer))
    return model


def unfreeze(model: Any) -> Any:
    """Return the model with nothing frozen.

    >>> from funcgrad import nn
    >>> unfreeze(freeze(nn.Sequential(nn.Flatten()), "layers[0]"))
    Sequential(Flatten())
    """
    while True:
        path = next((path for path, m in modules_in(model) if isinstance(m, Frozen)), None)
        if path is None:
            return model
        model = replace(model, path, get(model, path).layer)


# what stands at a path


def get(model: Any, where: Where) -> Any:
    """Return what stands at a path of a model.

    Args:
        model: a model, or any tree.
        where: text such as "layers[2].kernel", or a path of ``fg.tree``.

    Raises:
        TreeError: naming what there is, if nothing stands there.

    >>> from funcgrad import nn
    >>> get(nn.Sequential(nn.Flatten(), nn.relu), "layers[0]")
    Flatten()
    """
    for key in resolved("get", model, where):
        model = _child(model, key)
    return model


def replace(model: Any, where: Where, new: Any) -> Any:
    """Return the model with something else at a path: a layer, an array, or a static field.

    Args:
        model: a model, or any tree.
        where: text such as "layers[2]", or a path of ``fg.tree``.
        new: what is to stand there; draw its parameters first. A function may stand for a layer.

    Raises:
        TreeError: naming what there is, if nothing stands there.
        ModuleError: if a field is given what it cannot hold.

    >>> import numpy as np
    >>> from funcgrad import nn, random
    >>> model = nn.MLP(4, 8, 10).init(random.key(0))
    >>> head = nn.Dense(8, 3).init(random.key(1))
    >>> replace(model, "layers[1]", head)(np.ones(4)).shape
    (3,)
    """
    return _replaced(model, resolved("replace", model, where), new)


def _replaced(node: Any, path: Path, new: Any) -> Any:
    if not path:
        function = is_module(node) and not is_module(new) and callable(new)
        return as_layer("replace", new, 0) if function else new
    key, *rest = path
    value = _replaced(_child(node, key), tuple(rest), new)
    if is_module(node):
        changed = with_fields(node, {**node.__dict__, key.name: value})
        check_fields(changed)
        return changed
    children, aux, keys = _taken_apart(node)
    new_children = [value if k == key else x for k, x in zip(keys, children, strict=True)]
    handler: Any = tree.handler_of(node)
    return handler.unflatten(aux, new_children)


def _taken_apart(node: Any) -> tuple[list[Any], Any, list[Any]]:
    handler = tree.handler_of(node)
    if handler is None:
        return [], None, []
    children, aux = handler.flatten(node)
    children = list(children)
    return children, aux, list(handler.keys(node, aux, len(children)))


def _child(node: Any, key: Any) -> Any:
    if is_module(node):
        return getattr(node, key.name)
    children, _, keys = _taken_apart(node)
    return children[keys.index(key)]


def _keys(node: Any) -> list[Any]:
    """Return the steps that lead on from a node."""
    if is_module(node):
        every: Any = fields(type(node))
        return [GetAttrKey(f.name) for f in every]
    return _taken_apart(node)[2]


def resolved(who: str, model: Any, where: Where) -> Path:
    """Return the path that a text stands for, checked step by step."""
    path: list[Any] = []
    node = model
    for key in _parsed(who, where) if isinstance(where, str) else where:
        if is_module(node) and not isinstance(key, GetAttrKey) and hasattr(node, "layers"):
            path.append(GetAttrKey("layers"))  # model[0] is model.layers[0]
            node = node.layers
        known = _keys(node)
        if isinstance(node, tuple | list) and isinstance(key, SequenceKey) and key.idx < 0:
            key = SequenceKey(key.idx + len(node))
        if key not in known:
            here = f"at {text_of(tuple(path))!r}" if path else "in the model"
            raise TreeError(
                f"{who}: nothing stands at {_written(where)!r}: {here} there is "
                f"{', '.join(map(str, known)) or 'nothing'}"
            )
        path.append(known[known.index(key)])  # [0] of a dictionary is equal, but not the same
        node = _child(node, path[-1])
    return tuple(path)


def _written(where: Where) -> str:
    return where if isinstance(where, str) else text_of(where)


def _parsed(who: str, text: str) -> list[Any]:
    """Return the steps of a path as it is written in Python."""
    dot = "" if not text or text[0] in ".[" else "."
    try:
        node = ast.parse(f"_{dot}{text}", mode="eval").body
        steps: list[Any] = []
        while not isinstance(node, ast.Name):
            steps.append(_step(node))
            node = node.value  # type: ignore[attr-defined]
    except (SyntaxError, ValueError, AttributeError):
        raise TreeError(
            f"{who}: not a path: got {text!r}; write it as in Python: 'layers[2].kernel'"
        ) from None
    return steps[::-1]


def _step(node: Any) -> Any:
    if isinstance(node, ast.Attribute):
        return GetAttrKey(node.attr)
    key = ast.literal_eval(node.slice)
    return SequenceKey(key) if type(key) is int else DictKey(key)
