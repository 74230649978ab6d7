"""The base class of primitives that users write: their rules are checked to give tuples."""

import functools
from typing import Any

from typing_extensions import override

from ..core import trace
from ..core.errors import shown


class Primitive(trace.Primitive):
    """An operation whose methods are its rules: ``run``, ``infer``, ``jvp``, ``vjp``, ``batch``.

    Arrays are positional, static parameters keyword-only and hashable.

    Raises (on call):
        TypeError: if ``run``, ``infer`` or ``jvp`` gives no tuple.

    >>> class Double(Primitive):
    ...     def run(self, x): return (2 * x,)
    >>> Double("double")(3.0)
    6.0
    """

    @override
    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in ("run", "infer", "jvp"):
            if name in cls.__dict__:
                setattr(cls, name, _with_results(cls.__name__, cls.__dict__[name]))


def _with_results(family: str, rule: Any) -> Any:
    """A rule that raises where it gives an array in place of a tuple."""

    @functools.wraps(rule)
    def checked(self: Any, *args: Any, **params: Any) -> Any:
        outs = rule(self, *args, **params)
        if not isinstance(outs, (tuple, list)):
            raise TypeError(
                f"{family}.{rule.__name__}: the results must be a tuple: got "
                f"{shown(outs)}; write return (y,)"
            )
        return outs

    return checked
