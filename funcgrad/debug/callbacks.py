"""Prints, calls and breakpoints in functions under any transform."""

import builtins
import functools
import itertools
import re
import string
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..core import tree
from ..core.avals import is_arraylike
from ..core.errors import FuncgradError
from ..core.lazy import answering
from ..core.trace import Tracer
from ..ops.callback import callback_p, cotangent_callback_p
from ..transforms.arguments import check_callable


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A function of trees as a function of those of their leaves that are traced."""

    name: str
    fun: Callable[..., Any]
    leaves: tuple[Any, ...]  # of (args, kwargs)
    treedef: Any
    traced: tuple[bool, ...]  # which leaves are operands

    def __call__(self, values: Sequence[Any]) -> None:
        rest = iter(values)
        rows = zip(self.leaves, self.traced, strict=True)
        args, kwargs = tree.unflatten(self.treedef, [next(rest) if t else x for x, t in rows])
        self.fun(*args, **kwargs)

    def __repr__(self) -> str:
        return self.name


def _is_traced(x: Any) -> bool:
    return isinstance(x, Tracer)


def _call(
    fun: Callable[..., Any], args: Any, kwargs: Any, is_operand: Callable[[Any], bool], name: str
) -> None:
    """Bind the call of a function of trees, of which some leaves are operands."""
    leaves, treedef = tree.flatten((args, kwargs))
    flags = tuple(map(is_operand, leaves))
    kept = tuple([None if flag else x for x, flag in zip(leaves, flags, strict=True)])
    operands = [x for x, flag in zip(leaves, flags, strict=True) if flag]
    callback_p.bind(*operands, target=Target(name, fun, kept, treedef, flags), batches=())


@answering
def callback(f: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Call a function with the values of traced arrays, for what it does.

    Args:
        f: any Python function; its result is dropped, and its exceptions pass through unchanged.
        *args: trees; ``f`` gets them with copies of their arrays.
        **kwargs: the same by name.

    It is called in the forward pass, once a call of the function that contains it, in the order of
    the program: also in compiled functions and bodies of loops, and not again where a checkpoint
    or a derivative computes values again. Under ``vmap`` it is called for each example in order;
    once if no value differs between examples. Where a ``cond`` or a loop has a batched condition,
    it is called for all examples, as in JAX.

    >>> import numpy as np, funcgrad as fg
    >>> seen = []
    >>> def f(x):
    ...     fg.debug.callback(seen.append, x)
    ...     return x**2
    >>> fg.jit(fg.vmap(fg.grad(f)))(np.array([1.0, 2.0])), len(seen)
    (array([2., 4.]), 2)
    """
    check_callable("debug.callback", f)
    _call(f, args, kwargs, is_arraylike, _name(f))


@answering
def print(fmt: str, *args: Any, **kwargs: Any) -> None:
    """Print the values of traced arrays; when and how often, see ``callback``.

    Args:
        fmt: a format string, ``"x = {x}"`` or ``"x = {}"``, see ``str.format``.
        *args: trees for the fields in order.
        **kwargs: trees for the fields by name.

    Raises:
        ValueError: if a field has no value, or a value no field.

    >>> import funcgrad as fg
    >>> def f(x):
    ...     fg.debug.print("x = {x:.1f}", x=x)
    ...     return x**2
    >>> y = fg.jit(fg.grad(f))(3.0)
    x = 3.0
    """
    _check_fields("debug.print", fmt, len(args), kwargs)
    _call(functools.partial(_print, fmt), args, kwargs, is_arraylike, "print")


@answering
def callback_cotangent(f: Callable[..., Any], x: Any) -> Any:
    """The identity; in reverse mode it calls a function with the cotangent of each array of ``x``.

    Args:
        f: a function of one array; its result is dropped.
        x: a tree. The result takes its place: cotangents of what is computed from that are seen.

    It is called in the backward pass, otherwise as ``callback``; not for a cotangent that is 0
    because nothing depends on the array.

    >>> import funcgrad as fg
    >>> seen = []
    >>> f = lambda x: 3.0 * fg.debug.callback_cotangent(seen.append, x**2)
    >>> float(fg.grad(f)(2.0)), list(map(float, seen))
    (12.0, [3.0])
    """
    check_callable("debug.callback_cotangent", f)
    target = Target(_name(f), f, (None,), tree.structure(((0,), {})), (True,))
    bind = functools.partial(cotangent_callback_p.bind, target=target, batches=())
    return tree.map(lambda leaf: bind(leaf)[0] if isinstance(leaf, Tracer) else leaf, x)


@answering
def print_cotangent(fmt: str, x: Any) -> Any:
    """The identity; in reverse mode it prints the cotangent of each array of ``x``.

    Args:
        fmt: a format string with one field, ``"d loss / d h = {}"``.
        x: a tree, as for ``callback_cotangent``.

    Raises:
        ValueError: if the format string has no field, or a second one.

    >>> import funcgrad as fg
    >>> g = fg.grad(lambda x: 3.0 * fg.debug.print_cotangent("dy = {}", x**2))(2.0)
    dy = 3.0
    """
    _check_fields("debug.print_cotangent", fmt, 1, {})
    return callback_cotangent(functools.partial(_print, fmt), x)


def breakpoint() -> None:
    """Enter Python's debugger, with the local variables of the caller and their values.

    It is ``callback`` with ``sys.breakpointhook``: in a compiled function it stops when the
    program runs, at the user's line, and under ``vmap`` for each example.
    """
    frame = sys._getframe(1)
    traced: dict[str, Any] = {}
    fixed: dict[str, Any] = {}
    for name, x in frame.f_locals.items():
        (traced if any(isinstance(leaf, Tracer) for leaf in _leaves(x)) else fixed)[name] = x
    place = frame.f_code.co_filename, frame.f_lineno, frame.f_globals
    _call(functools.partial(_stop, *place, fixed), (traced,), {}, _is_traced, "breakpoint")


def _leaves(x: Any) -> list[Any]:
    """The leaves of a local variable; none of what is no tree, as a dict of mixed keys."""
    try:
        return tree.leaves(x)
    except (FuncgradError, TypeError, ValueError):
        return []


def _stop(filename: str, line: int, names: Any, fixed: Any, traced: dict[str, Any]) -> None:
    text = "__import__('sys').breakpointhook()"
    exec(compile("\n" * (line - 1) + text, filename, "exec"), names, {**fixed, **traced})


def _name(f: Any) -> str:
    """The name of a function in programs and their source."""
    while isinstance(f, functools.partial):
        f = f.func
    return getattr(f, "__name__", type(f).__name__).strip("_")


def _print(fmt: str, *args: Any, **kwargs: Any) -> None:
    builtins.print(fmt.format(*args, **kwargs))


def _check_fields(who: str, fmt: str, count: int, kwargs: dict[str, Any]) -> None:
    """Raise unless the fields of a format string are the values given."""
    found = _fields(fmt)
    auto = itertools.count()
    used = {int(f) if f.isdecimal() else f or next(auto) for f in found}
    given = {*range(count), *kwargs}
    if used != given:
        missing, idle = sorted(map(str, used - given)), sorted(map(str, given - used))
        words = f"the field {missing[0]!r} has no value" if missing else (
            f"the value {idle[0]!r} has no field")  # fmt: skip
        raise ValueError(f"{who}: {words}: got {fmt!r}; name each value by one field, as in {{x}}")


def _fields(fmt: str) -> list[str]:
    """The names of the fields of a format string, "" for the next in order."""
    found = []
    for _, name, spec, _ in string.Formatter().parse(fmt):
        if name is not None:
            found += [re.split(r"[.\[]", name)[0], *_fields(spec or "")]
    return found
