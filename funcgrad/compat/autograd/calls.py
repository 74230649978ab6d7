"""Calls of user-defined primitives: one operation to the traces, with rules of each function."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ...core import tree
from ...core.avals import Aval, dtype_of, is_inexact
from ...core.errors import TreeError, UnsupportedError
from ...core.trace import Primitive, Tracer
from ...ops.structure import cast as astype, zeros_like
from ...transforms.batching import by_loop
from .rules import find_jvp, find_vjp

Leaves = Sequence[Any]


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

    batch = by_loop

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
