"""Functions as primitives, boxes, and traces that record a graph of user-defined nodes."""

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from ...core import tree
from ...core.buffers import Buffer, plain, returned
from ...core.errors import UnsupportedError
from ...core.registry import load
from ...core.trace import MARK, ConcreteTracer, Primitive, Trace, Tracer, running
from .calls import Call, call_p
from .util import toposort as toposort


class BoxMeta(type):
    """Makes traced values instances of a class."""

    def __instancecheck__(cls, x: Any) -> bool:
        if vars(cls).get("of_arrays"):
            return isbox(x)
        return type.__instancecheck__(cls, x)


class Box(metaclass=BoxMeta):
    """The class of which ``isinstance`` says that traced values are instances.

    A subclass boxes values of a class of the user's, for gradients by them; containers of arrays
    are better registered by funcgrad.tree.register_node.
    """

    of_arrays = True
    type_mappings: ClassVar[dict[type, Any]] = {}
    _value: Any
    _trace: Any
    _node: Any

    @classmethod
    def register(cls, value_type: type) -> None:
        """Box values of a class in instances of this subclass."""
        Box.type_mappings[value_type] = cls


def is_object_box(x: Any) -> bool:
    """Whether a value is in a box of the user's class."""
    return type(type(x)) is BoxMeta


def isbox(x: Any) -> bool:
    """Whether a value is traced."""
    return isinstance(x, Tracer) and not isinstance(x, Buffer)


def getval(x: Any) -> Any:
    """The value of a traced array, without derivatives; of a tree, that of each leaf."""
    return tree.map(_value, x)


def _value(x: Any) -> Any:
    while isbox(x):
        if not isinstance(x, ConcreteTracer):
            raise UnsupportedError(
                f"getval: the value must be concrete: got {x}; call it outside of jit and vmap"
            )
        x = x.value
    return plain(x)


def primitive(f_raw: Callable[..., Any]) -> Callable[..., Any]:
    """Function whose derivatives are given by defvjp and defjvp, not by its operations.

    It is called with values that are not traced. Positional arguments, and arrays in lists, tuples
    and dicts of them, are differentiated; keyword arguments are not.

    >>> import numpy as np
    >>> from funcgrad.compat.autograd import grad
    >>> from funcgrad.compat.autograd.extend import defvjp
    >>> half = primitive(lambda x: 0.5 * x)
    >>> defvjp(half, lambda ans, x: lambda g: 0.5 * g)
    >>> grad(half)(3.0)
    np.float64(0.5)
    """

    @functools.wraps(f_raw)
    def f_wrapped(*args: Any, **kwargs: Any) -> Any:
        if any(map(is_object_box, args)):
            return load(f"{__package__}.objects").called(f_wrapped, args, kwargs)
        call = Call(f_wrapped, args, kwargs)
        operands = call.operands()
        if any(map(isbox, tree.leaves(kwargs))):
            raise UnsupportedError(
                f"{f_wrapped.__name__}: a traced value is given by keyword; pass it by position"
            )
        if not operands:
            return f_raw(*args, **kwargs)
        return call.answer(call_p.bind(*operands, call=call))

    f_wrapped.fun = f_raw  # type: ignore[attr-defined]
    if not hasattr(f_wrapped, "__name__"):
        f_wrapped.__name__ = type(f_raw).__name__
    return f_wrapped


def notrace_primitive(f_raw: Callable[..., Any]) -> Callable[..., Any]:
    """Function that is called with values, and whose results carry no derivative."""

    @functools.wraps(f_raw)
    def f_wrapped(*args: Any, **kwargs: Any) -> Any:
        return f_raw(*map(getval, args), **kwargs)

    return f_wrapped


def register_notrace(trace_type: type, primitive_fun: Callable[..., Any]) -> None:
    """Do nothing: values that carry no derivative are not recorded."""


# graphs of nodes


class Node:
    """Base class of the nodes that :func:`trace` makes, one for each operation.

    A subclass defines ``__init__(value, fun, args, kwargs, parent_argnums, parents)`` and
    ``initialize_root(*args)``.
    """

    __slots__ = ()

    def __init__(
        self,
        value: Any,
        fun: Callable[..., Any],
        args: Any,
        kwargs: dict[str, Any],
        parent_argnums: Sequence[int],
        parents: Sequence[Any],
    ) -> None:
        raise NotImplementedError(f"{type(self).__name__} must define __init__")

    def initialize_root(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} must define initialize_root")

    @classmethod
    def new_root(cls, *args: Any, **kwargs: Any) -> Any:
        root = cls.__new__(cls)
        root.initialize_root(*args, **kwargs)
        return root


class NodeTracer(ConcreteTracer):
    """A value, and its node."""

    __slots__ = ()
    node = MARK

    def __init__(self, trace: Trace, value: Any, node: Any) -> None:
        self._trace = trace
        self.value = value
        self._mark = node
        self._note = trace.count
        self._memory = None


class NodeTrace(Trace):
    """Record each operation as a node of the class of its parents."""

    __slots__ = ()

    @override
    def process(self, prim: Primitive, args: tuple, params: dict) -> Sequence[Any]:
        self.count += 1
        places = [i for i, x in enumerate(args) if self.owns(x)]
        values = tuple([x.value if self.owns(x) else returned(x) for x in args])
        outs = prim.bind(*values, **params)
        parents = tuple([args[i].node for i in places])
        if prim is call_p:
            return self.called(params["call"], values, args, outs)
        if len(outs) == 1:
            node = type(parents[0])(outs[0], _named(prim), values, params, tuple(places), parents)
            return [NodeTracer(self, outs[0], node)]
        whole = type(parents[0])(tuple(outs), _named(prim), values, params, tuple(places), parents)
        return [self.taken(whole, outs, i) for i in range(len(outs))]

    def called(self, call: Call, values: Any, args: Any, outs: Sequence[Any]) -> Sequence[Any]:
        """Nodes of a call of a primitive, whose arguments are those of the call."""
        given, rest = call.arguments(values), iter(args)
        owners = [
            [x for x in [next(rest) for f in flags if f] if self.owns(x)] for flags in call.traced
        ]
        if any(len(own) > 1 for own in owners):
            raise UnsupportedError(
                f"{call.fun.__name__}: an argument that holds several traced values has no node; "
                f"pass them as arguments of their own"
            )
        places = tuple([i for i, own in enumerate(owners) if own])
        parents = tuple([own[0].node for own in owners if own])
        answer = call.answer(outs)
        node = type(parents[0])(answer, call.fun, given, call.kwargs, places, parents)
        if answer is outs[0]:
            return [NodeTracer(self, answer, node)]
        return [self.taken(node, outs, i) for i in range(len(outs))]

    def taken(self, parent: Any, outs: Sequence[Any], i: Any) -> NodeTracer:
        """A tracer of one item of the value of a node."""
        node = type(parent)(outs[i], container_take, (outs, i), {}, (0,), (parent,))
        return NodeTracer(self, outs[i], node)

    def owns(self, x: Any) -> bool:
        return isinstance(x, NodeTracer) and x._trace is self


def _named(prim: Primitive) -> Callable[..., Any]:
    """The function that applies a primitive, by its name."""

    def fun(*args: Any, **params: Any) -> Any:
        outs = tuple(prim.bind(*args, **params))
        return outs[0] if len(outs) == 1 else outs

    fun.__name__ = prim.name
    fun.prim = prim  # type: ignore[attr-defined]
    return fun


def container_take(container: Any, index: Any) -> Any:
    """An item of a container; by a tuple of keys, an item of an item."""
    keys = index if isinstance(index, tuple) else (index,)
    for key in keys:
        container = container[key]
    return container


def trace(start_node: Any, fun: Callable[[Any], Any], x: Any) -> tuple[Any, Any]:
    """The value of ``fun(x)``, and the node of its last operation: None if it has none.

    Args:
        start_node: the node of ``x``.
        x: an array, or a tree of arrays.
    """
    graph, before = NodeTrace("trace"), running.get()
    try:
        running.set(graph)
        start: Any
        if type(x) in Box.type_mappings:
            start = load(f"{__package__}.objects").boxed(x, graph, start_node)
        elif tree.all_leaves([x]):
            start = NodeTracer(graph, x, start_node)
        else:
            found = [(_keys(path), leaf) for path, leaf in tree.leaves_with_path(x)]
            nodes = [
                type(start_node)(leaf, container_take, (x, keys), {}, (0,), (start_node,))
                for keys, leaf in found
            ]
            boxes = [NodeTracer(graph, y, node) for (_, y), node in zip(found, nodes, strict=True)]
            start = tree.unflatten(tree.structure(x), boxes)
        end = fun(start)
    finally:
        running.set(before)
        graph.dead = True
    if graph.owns(end):
        return end.value, end.node
    if is_object_box(end):
        return end._value, end._node
    warnings.warn("trace: the output does not depend on the input", stacklevel=2)
    return end, None


def _keys(path: Any) -> tuple[Any, ...]:
    return tuple([next(iter(key)) for key in path])
