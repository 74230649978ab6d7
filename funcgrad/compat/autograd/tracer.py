"""Functions as primitives, boxes, and traces that record a graph of user-defined nodes."""

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ...core import tree
from ...core.avals import Aval, dtype_of, is_inexact
from ...core.buffers import Buffer, plain, returned
from ...core.errors import TreeError, UnsupportedError
from ...core.trace import MARK, ConcreteTracer, Primitive, Trace, Tracer, running
from ...ops.structure import cast as astype, zeros_like
from .rules import find_jvp, find_vjp
from .util import toposort as toposort

Leaves = Sequence[Any]


class BoxMeta(type):
    """Makes traced values instances of a class."""

    def __instancecheck__(cls, x: Any) -> bool:
        return isbox(x)


class Box(metaclass=BoxMeta):
    """The class of which ``isinstance`` says that traced values are instances."""

    @classmethod
    def register(cls, value_type: type) -> None:
        """Refused: a class of containers is made traceable by funcgrad.tree.register_node."""
        raise UnsupportedError(
            f"Box.register: traced values have no boxes: got {value_type.__name__}; register the "
            f"class by funcgrad.tree.register_node"
        )


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


class Call:
    """One call of a primitive: its arguments, in which traced leaves are left out.

    ``run`` notes the structure of the result, and its leaves that carry no derivative.
    """

    def __init__(
        self, fun: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self.fun, self.raw = fun, fun.fun  # type: ignore[attr-defined]
        self.kwargs = kwargs
        self.parts = [tree.flatten(x) for x in args]
        self.traced = [[isinstance(x, Tracer) for x in leaves] for leaves, _ in self.parts]
        self.out_tree: Any = None
        self.constants: list[Any] = []  # leaves of the result, None where it is an output

    def operands(self) -> list[Any]:
        return [
            x
            for (leaves, _), flags in zip(self.parts, self.traced, strict=True)
            for x, flag in zip(leaves, flags, strict=True)
            if flag
        ]

    def arguments(self, operands: Leaves) -> tuple[Any, ...]:
        """The arguments, with these in place of the traced leaves."""
        rest, args = iter(operands), []
        for (leaves, treedef), flags in zip(self.parts, self.traced, strict=True):
            filled = [next(rest) if f else x for x, f in zip(leaves, flags, strict=True)]
            args.append(tree.unflatten(treedef, filled) if any(flags) else None)
            if not any(flags):
                args[-1] = tree.unflatten(treedef, leaves)
        return tuple(args)

    def places(self, wanted: Sequence[bool]) -> list[int]:
        """Positions of the arguments with a wanted operand."""
        rest = iter(wanted)
        own = [[next(rest) for flag in flags if flag] for flags in self.traced]
        return [i for i, each in enumerate(own) if any(each)]

    def run(self, operands: Leaves) -> tuple[Any, ...]:
        leaves, self.out_tree = tree.flatten(self.raw(*self.arguments(operands), **self.kwargs))
        smooth = [_is_smooth(y) for y in leaves]
        self.constants = [None if s else y for y, s in zip(leaves, smooth, strict=True)]
        self.smooth = smooth
        return tuple([y for y, s in zip(leaves, smooth, strict=True) if s])

    def answer(self, outs: Leaves) -> Any:
        """The result, with these as its differentiable leaves."""
        rest = iter(outs)
        pairs = zip(self.constants, self.smooth, strict=True)
        return tree.unflatten(self.out_tree, [next(rest) if s else y for y, s in pairs])

    def slots(self, place: int, given: Any, like: Leaves) -> list[Any]:
        """Cotangents of the traced leaves of an argument, from that of the argument."""
        flags = self.traced[place]
        leaves = tree.leaves(given)
        if len(leaves) != len(flags):
            raise TreeError(
                f"{self.fun.__name__}: the cotangent of argument {place} must have {len(flags)} "
                f"leaves: got {len(leaves)}; return one like the argument"
            )
        kept = [g for g, f in zip(leaves, flags, strict=True) if f]
        return [_like(g, x) for g, x in zip(kept, like, strict=True)]


def _is_smooth(y: Any) -> bool:
    if isinstance(y, (np.ndarray, np.generic, Tracer)):
        return is_inexact(y.dtype)
    return isinstance(y, (float, complex))


def _like(g: Any, x: Any) -> Any:
    """A cotangent in the dtype of its primal; of a real primal its real part."""
    if g is None:
        return None
    g = g if isinstance(g, (np.ndarray, Tracer)) else np.asarray(g)
    want = dtype_of(x)
    if dtype_of(g).kind == "c" and want.kind != "c":
        g = np.real(g)
    return g if dtype_of(g) == want else astype(g, want)


class CallPrimitive(Primitive):
    """The operation that a function decorated by :func:`primitive` is to the traces."""

    def __init__(self) -> None:  # it is not registered, as its rules are those of each function
        self.name = "call"

    @override
    def run(self, *operands: Any, call: Call) -> tuple[Any, ...]:
        return call.run(operands)

    @override
    def infer(self, *avals: Aval, call: Call) -> tuple[Aval, ...]:
        raise UnsupportedError(
            f"{call.fun.__name__}: a primitive of compat.autograd needs concrete values; write the "
            f"function with funcgrad.custom_vjp to use it under jit"
        )

    @override
    def vjp(self, cts: Any, needs: Any, outs: Any, ins: Any, *, call: Call) -> list[Any]:
        args, answer = call.arguments(ins), call.answer(outs)
        wanted = [need is not None for need in needs]
        places = call.places(wanted)
        cts = [zeros_like(y) if ct is None else ct for ct, y in zip(cts, outs, strict=True)]
        back = find_vjp(call.fun, places)(tuple(places), answer, args, call.kwargs)
        found = dict(zip(places, back(call.answer(cts)), strict=True))
        results: list[Any] = []
        rest = iter(ins)
        for place, flags in enumerate(call.traced):
            own = [next(rest) for flag in flags if flag]
            if place in found:
                results += call.slots(place, found[place], own)
            else:
                results += [None] * len(own)
        return [g if w else None for g, w in zip(results, wanted, strict=True)]

    @override
    def jvp(self, primals: Any, tangents: Any, outs: Any, *, call: Call) -> list[Any]:
        args, answer = call.arguments(primals), call.answer(outs)
        places = call.places([t is not None for t in tangents])
        filled = [zeros_like(x) if t is None else t for t, x in zip(tangents, primals, strict=True)]
        moved = call.arguments(filled)
        push = find_jvp(call.fun, places)
        t = push(tuple(places), [moved[i] for i in places], answer, args, call.kwargs)
        kept = [g for g, s in zip(tree.leaves(t), call.smooth, strict=True) if s]
        return [_like(g, y) for g, y in zip(kept, outs, strict=True)]


call_p = CallPrimitive()


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
        if tree.all_leaves([x]):
            start: Any = NodeTracer(graph, x, start_node)
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
    warnings.warn("trace: the output does not depend on the input", stacklevel=2)
    return end, None


def _keys(path: Any) -> tuple[Any, ...]:
    return tuple([next(iter(key)) for key in path])
