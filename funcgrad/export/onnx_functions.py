"""Functions that ONNX lacks, or has with other values at 0, inf and nan than NumPy.

The sign of zero is not kept: onnxruntime's ``Where`` adds its branches.
"""

import math
from collections.abc import Callable

import numpy as np

from ..core.jaxpr import Literal
from .onnx_graph import Graph, Node, Rule
from .onnx_rules import RULES, number, promoted, rule


def _composed(make: Callable[..., str]) -> Rule:
    """A rule from functions of the graph, and operands that are promoted."""
    return lambda g, node, *xs: make(g, node, *promoted(g, node, xs))


def _is_negative(g: Graph, x: str, one: str, zero: str) -> str:
    """The sign bit, which 1 / x shows for zeros."""
    below = g("Less", g("Div", one, x), zero)
    return g("Or", g("Less", x, zero), g("And", g("Equal", x, zero), below))


@rule("signbit")
def _signbit(g: Graph, node: Node, x: str) -> str:
    dtype = node.eqn.ins[0].aval.dtype
    return _is_negative(g, x, g.constant(np.ones((), dtype)), g.constant(np.zeros((), dtype)))


@rule("copysign")
def _copysign(g: Graph, node: Node, x: str, y: str) -> str:
    x, y = promoted(g, node, [x, y])
    return _with_sign(g, node, x, y)


def _with_sign(g: Graph, node: Node, x: str, y: str) -> str:
    size = g("Abs", x)
    minus = _is_negative(g, y, number(g, node, 1), number(g, node, 0))
    return g("Where", minus, g("Neg", size), size)


RULES |= {
    "pow": _composed(lambda g, node, x, n: g("Pow", x, n)),
    "ne": _composed(lambda g, node, x, y: g("Not", g("Equal", x, y))),
    "isfinite": lambda g, node, x: g("Not", g("Or", g("IsNaN", x), g("IsInf", x))),
    "exp2": _composed(lambda g, node, x: g("Pow", number(g, node, 2), x)),
    "log2": _composed(lambda g, n, x: g("Mul", g("Log", x), number(g, n, 1 / math.log(2)))),
    "log10": _composed(lambda g, n, x: g("Mul", g("Log", x), number(g, n, 1 / math.log(10)))),
    "cbrt": _composed(
        lambda g, n, x: g("Mul", g("Sign", x), g("Pow", g("Abs", x), number(g, n, 1 / 3)))),
}  # fmt: skip


@rule("floor", "ceil", "rint", "trunc")
def _rounded(g: Graph, node: Node, x: str) -> str:
    if node.dtype.kind != "f":
        return x
    (x,) = promoted(g, node, [x])
    kind = {"floor": "Floor", "ceil": "Ceil", "rint": "Round"}.get(node.eqn.prim.name)
    return g("Mul", g("Sign", x), g("Floor", g("Abs", x))) if kind is None else g(kind, x)


# Division


def _by_float(g: Graph, node: Node, x: str, y: str) -> tuple[str, str]:
    """Quotient and remainder of floating-point numbers; see Python's divmod."""
    zero, one = number(g, node, 0), number(g, node, 1)
    rest = g("Mod", x, y, fmod=1)
    across = g("Xor", g("Less", rest, zero), g("Less", y, zero))
    across = g("And", across, g("Not", g("Equal", rest, zero)))
    exact = g("Div", g("Sub", x, rest), y)
    exact = g("Where", across, g("Sub", exact, one), exact)
    whole = g("Floor", exact)
    up = g("Greater", g("Sub", exact, whole), number(g, node, 0.5))
    whole = g("Where", up, g("Add", whole, one), whole)
    whole = g("Where", g("Equal", y, zero), g("Div", x, y), whole)
    return whole, g("Where", across, g("Add", rest, y), rest)


def _by_integer(g: Graph, node: Node, x: str, y: str, fmod: int) -> tuple[str, str]:
    """Quotient and remainder of integers: both are 0 for a divisor of 0.

    A divisor of -1 is apart, since the quotient of the least integer by it traps in C.
    """
    zero, one, minus = (number(g, node, v) for v in (0, 1, -1))
    is_zero, is_minus = g("Equal", y, zero), g("Equal", y, minus)
    divisor = node.eqn.ins[1]
    safe = isinstance(divisor, Literal) and divisor.value not in (0, -1)
    own = y if safe else g("Where", g("Or", is_zero, is_minus), one, y)
    rest = g("Mod", x, own, fmod=fmod)
    across = g("Xor", g("Less", x, zero), g("Less", own, zero))
    across = g("And", across, g("Not", g("Equal", rest, zero)))
    whole = g("Div", x, own)
    whole = g("Where", across, g("Sub", whole, one), whole)
    if safe:
        return whole, rest
    whole = g("Where", is_zero, zero, g("Where", is_minus, g("Neg", x), whole))
    return whole, g("Where", g("Or", is_zero, is_minus), zero, rest)


@rule("mod", "floor_divide", "fmod")
def _division(g: Graph, node: Node, x: str, y: str) -> str:
    x, y = promoted(g, node, [x, y])
    truncated = node.eqn.prim.name == "fmod"
    if node.dtype.kind != "f":
        found = _by_integer(g, node, x, y, int(truncated))
    else:
        found = ("", g("Mod", x, y, fmod=1)) if truncated else _by_float(g, node, x, y)
    return found[0] if node.eqn.prim.name == "floor_divide" else found[1]


# Functions that keep digits


@rule("hypot")
def _hypot(g: Graph, node: Node, x: str, y: str) -> str:
    """By the ratio of the sides, whose square does not overflow."""
    x, y = (g("Abs", v) for v in promoted(g, node, [x, y]))
    one, zero = number(g, node, 1), number(g, node, 0)
    long, short = g("Max", x, y), g("Min", x, y)
    ratio = g("Div", short, g("Where", g("Equal", long, zero), one, long))
    size = g("Mul", long, g("Sqrt", g("Add", one, g("Mul", ratio, ratio))))
    return g("Where", g("Or", g("IsInf", x), g("IsInf", y)), number(g, node, np.inf), size)


@rule("norm")
def _norm(g: Graph, node: Node, x: str) -> str:
    """Scaled by the largest element, so that squares neither overflow nor vanish."""
    axes, (x,) = list(node.fixed("axes")), promoted(g, node, [x])
    one, zero = number(g, node, 1), number(g, node, 0)
    of = [g.constant(np.array(axes, np.int64))] if axes else []
    reduced = lambda kind, v, keep: g(kind, v, *of, keepdims=keep) if axes else v
    peak = reduced("ReduceMax", g("Abs", x), 1)
    fine = g("And", g("Greater", peak, zero), g("Not", g("IsInf", peak)))
    scale = g("Where", fine, peak, one)
    part = g("Div", x, scale)
    total = g("Sqrt", reduced("ReduceSum", g("Mul", part, part), 0))
    scale = g("Squeeze", scale, *of) if axes else scale
    return g("Mul", total, scale)


@rule("expm1")
def _expm1(g: Graph, node: Node, x: str) -> str:
    """2 exp(x/2) sinh(x/2) for small x, which keeps its digits; exp(x) - 1 for others."""
    (x,) = promoted(g, node, [x])
    half = g("Mul", x, number(g, node, 0.5))
    near = g("Mul", g("Mul", number(g, node, 2), g("Exp", half)), g("Sinh", half))
    small = g("Less", g("Abs", x), number(g, node, 1))
    return g("Where", small, near, g("Sub", g("Exp", x), number(g, node, 1)))


@rule("log1p")
def _log1p(g: Graph, node: Node, x: str) -> str:
    """2 artanh(x / (2 + x)) for small x, which keeps its digits; log(1 + x) for others."""
    (x,) = promoted(g, node, [x])
    small = g("Less", g("Abs", x), number(g, node, 0.5))
    z = g("Where", small, x, number(g, node, 0))
    near = g("Atanh", g("Div", z, g("Add", z, number(g, node, 2))))
    far = g("Log", g("Add", x, number(g, node, 1)))
    return g("Where", small, g("Mul", near, number(g, node, 2)), far)


@rule("arctan2")
def _arctan2(g: Graph, node: Node, y: str, x: str) -> str:
    y, x = promoted(g, node, [y, x])
    zero, one, half = (number(g, node, v) for v in (0, 1, math.pi / 2))
    far = g("And", g("IsInf", y), g("IsInf", x))  # their ratio stands for 1
    y, x = (g("Where", far, g("Sign", v), v) for v in (y, x))
    flat = g("Equal", x, zero)
    upright = g("And", flat, g("Not", g("Equal", y, zero)))
    turn = g("Atan", g("Div", y, g("Where", flat, one, x)))
    side = _with_sign(g, node, number(g, node, math.pi), y)
    back = g("Where", _is_negative(g, x, one, zero), g("Add", turn, side), turn)
    return g("Where", upright, g("Mul", g("Sign", y), half), back)
