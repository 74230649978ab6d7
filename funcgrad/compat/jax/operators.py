"""Operators of both kinds of arrays; ``x += y`` gives a new array."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...core.trace import Tracer
from .arrays import ConcreteArray, Methods, TracedArray, apply_ufunc


def _binary(ufunc: np.ufunc) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def forward(self: Any, other: Any) -> Any:
        return apply_ufunc(ufunc, (self, other)) if _is_operand(other) else NotImplemented

    def backward(self: Any, other: Any) -> Any:
        return apply_ufunc(ufunc, (other, self)) if _is_operand(other) else NotImplemented

    return forward, backward


def _unary(ufunc: np.ufunc) -> Callable[[Any], Any]:
    return lambda self: apply_ufunc(ufunc, (self,))


def _is_operand(x: Any) -> bool:
    kinds = (Methods, np.ndarray, np.generic, bool, int, float, complex, Tracer)
    return isinstance(x, kinds) or hasattr(x, "__jax_array__")


_OPERATORS = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.divide,
    "floordiv": np.floor_divide, "mod": np.remainder, "divmod": np.divmod, "pow": np.power,
    "matmul": np.matmul,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    "lshift": np.left_shift, "rshift": np.right_shift,
}  # fmt: skip
for _name, _ufunc in _OPERATORS.items():
    for _class in (TracedArray, ConcreteArray):
        _forward, _backward = _binary(_ufunc)
        setattr(_class, f"__{_name}__", _forward)
        setattr(_class, f"__r{_name}__", _backward)
        setattr(_class, f"__i{_name}__", _forward)  # x += y gives a new array
_COMPARISONS = {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal,
    "ne": np.not_equal,
}  # fmt: skip
for _name, _ufunc in _COMPARISONS.items():
    for _class in (TracedArray, ConcreteArray):
        setattr(_class, f"__{_name}__", _binary(_ufunc)[0])
for _name, _ufunc in {"neg": np.negative, "abs": np.absolute, "invert": np.invert}.items():
    for _class in (TracedArray, ConcreteArray):
        setattr(_class, f"__{_name}__", _unary(_ufunc))
