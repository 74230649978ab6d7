"""Arguments of transforms: selection by argnums and argnames, checks, and names in errors."""

import functools
import inspect
import operator
from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from typing import Any

import numpy as np
from typing_extensions import override

from ..core import tree
from ..core.avals import (
    PYTHON_SCALARS,
    Aval,
    aval_of,
    dtype_of,
    is_arraylike,
    is_inexact,
    shape_of,
)
from ..core.errors import (
    ClosureError,
    DtypeError,
    ShapeError,
    TreeError,
    UnsupportedError,
    shown,
)
from ..core.explanations import raise_explained
from ..core.floating import keep_settings, settings, warnings_to_log
from ..core.registry import load
from ..core.trace import Primitive, Trace, Tracer, running
from ..core.tree_code import MISS, TreeCode
from ..ops.structure import zeros_like
from .places import Place, argument_name, of_argument
from .untraced import Handing, protected

FLOAT0 = np.dtype([("float0", np.void, 0)])  # the dtype of JAX's tangents of integers


class Origin(Handing):
    """A transform and its function; the text for error messages is built on demand."""

    __slots__ = ("called", "code", "fun", "who")

    def __init__(self, who: str, fun: Any) -> None:
        self.who, self.fun, self.hand = who, fun, protected
        self.called = False
        self.code: TreeCode | None = None  # of the last argument's structure, from call 2 on

    def __str__(self) -> str:
        code = getattr(inspect.unwrap(self.fun), "__code__", None)
        where = f" ({code.co_filename}:{code.co_firstlineno})" if code is not None else ""
        return f"{self.who} of {getattr(self.fun, '__name__', type(self.fun).__name__)!r}{where}"

    def flatten(self, argument: Any) -> tuple[list[Any], Callable[[Sequence[Any]], Any]]:
        """The leaves of an argument, and the function that builds a tree like it."""
        code = self.code
        if code is not None and (leaves := code.flatten(argument)) is not MISS:
            return leaves, code.build
        leaves, treedef = tree.flatten(argument)
        if not self.called:
            self.called = True
        elif code is None or not code.meets(treedef):
            self.code = TreeCode(treedef)
        return leaves, functools.partial(tree.unflatten, treedef)


def check_callable(who: str, fun: Any) -> None:
    if not callable(fun):
        raise load("funcgrad.answers.misfits").no_function(who, fun)


class DiffArguments:
    """The differentiated arguments of a call, chosen by argnums and argnames.

    ``hand`` is how the function gets the others, see untraced.py.
    """

    hand: Callable[[Any], Any]

    def __init__(
        self, who: str, fun: Callable[..., Any], argnums: Any, argnames: Any, args: Any, kwargs: Any
    ) -> None:
        self.fun, self.args, self.kwargs = fun, args, kwargs
        if argnums is None:
            argnums = 0 if argnames is None else ()
        many = isinstance(argnums, (tuple, list)) or getattr(argnums, "shape", ()) != ()
        self.single = argnames is None and not many
        nums = argnums if many else (argnums,)
        self.argnums: Sequence[int] = [_position(who, n, args, kwargs) for n in nums]
        self.places: Sequence[Place] = self.argnums
        if argnames is not None:
            self.one_name = isinstance(argnames, str)
            self.argnames = (argnames,) if self.one_name else tuple(argnames)
            named = [_named(who, fun, name, args, kwargs) for name in self.argnames]
            self.places = [*self.argnums, *named]
        if not self.single and len(set(self.places)) < len(self.places):
            raise ValueError(
                f"{who}: argnums and argnames name an argument twice: {self.places}; name each once"
            )
        values = self.values()
        self.argument = values[0] if self.single else values  # several are a tuple

    def values(self) -> tuple[Any, ...]:
        return tuple([self.args[p] if isinstance(p, int) else self.kwargs[p] for p in self.places])

    def caller(self, hand: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """The function of the differentiated argument alone."""
        self.hand = hand
        return self.call

    def call(self, argument: Any) -> Any:
        """Call the function with the differentiated argument replaced."""
        values = (argument,) if self.single else argument
        chosen = dict(zip(self.places, values, strict=True))
        of = lambda place, x: chosen[place] if place in chosen else self.hand(x)
        kwargs = {name: of(name, x) for name, x in self.kwargs.items()}
        return self.fun(*[of(n, x) for n, x in enumerate(self.args)], **kwargs)

    def others(self) -> list[Any]:
        """The other arguments, and leaves without a derivative."""
        given = (*enumerate(self.args), *self.kwargs.items())
        leaves = [x for x in tree.leaves(self.argument) if not carries_derivative(x)]
        return [*leaves, *[x for place, x in given if place not in self.places]]

    def result(self, gradient: Any) -> Any:
        """The gradient in the form of argnums and argnames: alone, a tuple or a dict."""
        count = len(self.argnums)
        if self.single or len(self.places) == count:
            return gradient
        by_name = dict(zip(self.argnames, gradient[count:], strict=True))
        named = by_name[self.argnames[0]] if self.one_name else by_name
        return (gradient[:count], named) if count else named


class FirstArgument(DiffArguments):
    """The first argument of a call, the default of argnums."""

    places = (0,)
    argnums = (0,)
    single = True

    def __init__(self, fun: Callable[..., Any], args: Any, kwargs: Any) -> None:
        self.fun, self.args, self.kwargs = fun, args, kwargs
        self.argument = args[0]

    @override
    def call(self, argument: Any) -> Any:
        kwargs = self.kwargs and {name: self.hand(x) for name, x in self.kwargs.items()}
        return self.fun(argument, *map(self.hand, self.args[1:]), **kwargs)


def diff_arguments(
    who: str, fun: Callable[..., Any], argnums: Any, argnames: Any, args: Any, kwargs: Any
) -> DiffArguments:
    """The arguments of a call that argnums and argnames select."""
    if argnums is None and argnames is None and args:
        return FirstArgument(fun, args, kwargs)
    return DiffArguments(who, fun, argnums, argnames, args, kwargs)


def warn_at_user_line(fun: Callable[..., Any], *args: Any) -> Any:
    """Call a function while NumPy's floating-point warnings point at the user's line."""
    now = warnings_to_log(settings.get())
    token = None if now is None else settings.set(now)
    try:
        return fun(*args)
    except RecursionError:
        raise
    except Exception as err:
        raise_explained(err, running.get())
        raise
    finally:
        if token is None:
            pass
        elif settings.get() is now:
            settings.reset(token)
        else:
            keep_settings()


def call_with_aux(who: str, has_aux: bool, fun: Callable[..., Any], *args: Any) -> tuple[Any, Any]:
    """Call a function, and split its result into the output and the auxiliary output."""
    out = warn_at_user_line(fun, *args)
    if not has_aux:
        return out, None
    if not (isinstance(out, tuple) and len(out) == 2):
        raise TypeError(
            f"{who}: with has_aux=True the function must return (output, aux): got "
            f"{load('funcgrad.answers.misfits').told(out)}; leave has_aux out for an output alone"
        )
    return out


def _position(who: str, n: Any, args: Sequence[Any], kwargs: Any) -> int:
    try:
        n = operator.index(n)
    except TypeError:
        raise TypeError(f"{who}: argnums must be integers: got {shown(n)}; use argnames") from None
    if not -len(args) <= n < len(args):
        words = f"argnums={n} needs {n + 1 if n >= 0 else -n} positional arguments"
        cure = "name a keyword argument in argnames" if kwargs or not args else "count from 0"
        raise TypeError(f"{who}: {words}: got {len(args)}; {cure}")
    return n % len(args)


def _named(who: str, fun: Callable[..., Any], name: str, args: Any, kwargs: Any) -> Place:
    if name in kwargs:
        return name
    try:
        position = list(inspect.signature(fun).parameters).index(name)
    except ValueError:
        position = len(args)
    if position >= len(args):
        raise TypeError(
            f"{who}: argnames names {shown(name)}, which was not passed: got {len(args)} arguments "
            f"and the keywords {[*kwargs]}; name a parameter of the function"
        )
    return position


def carries_derivative(x: Any) -> bool:
    """Whether a leaf is a floating or complex array or scalar."""
    if type(x) is np.ndarray:
        return x.dtype.kind in "fc"
    return is_arraylike(x) and is_inexact(aval_of(x).dtype)


def differentiated(
    who: str, fun: Any, places: Sequence[Place], values: Sequence[Any], leaves: Sequence[Any]
) -> list[bool]:
    """Which leaves of the arguments carry a derivative."""
    try:
        return list(map(carries_derivative, leaves))
    except UnsupportedError as err:
        pairs = zip(places, values, strict=True)
        rows = [(place, *row) for place, x in pairs for row in tree.leaves_with_path(x)]
        raise of_argument(err, who, fun, rows) from None


def is_number(x: Any) -> bool:
    """Whether a leaf is an array or a scalar; a Python bool is a static flag."""
    return is_arraylike(x) and not isinstance(x, bool)


def is_integral(x: Any) -> bool:
    """Whether a leaf is an integer, or an integer or boolean array."""
    return is_number(x) and not is_inexact(aval_of(x).dtype)


def zero_of(x: Any) -> Any:
    """Zeros for a leaf without derivative; a leaf that is not an array stays itself."""
    return zeros_like(x) if is_number(x) else x


def _hides_arrays(x: Any) -> bool:
    """Whether a leaf may hold arrays and is not a node: a dataclass or a set."""
    record = is_dataclass(x) and not isinstance(x, type) and not is_arraylike(x)
    return record or isinstance(x, (set, frozenset))


def check_leaves(
    who: str,
    fun: Any,
    places: Sequence[Place],
    values: Sequence[Any],
    allow_int: bool = False,
    mixed: bool = False,
) -> None:
    """Raise where a differentiated argument holds integers, or a leaf that may hold arrays.

    Other leaves that are not arrays are static, but at least one leaf must be an array. With
    ``beside``, integers are allowed beside leaves that have derivatives.
    """
    leaves = tree.leaves(tuple(values))
    inexact = differentiated(who, fun, places, values, leaves)
    if all(inexact):
        return  # the common case
    allow_int = allow_int or (mixed and any(inexact))
    if not allow_int and not any(map(is_number, leaves)):
        raise DtypeError(
            f"{who}: {argument_name(fun, places[0])} has no array to differentiate: got "
            f"{type(leaves[0]).__name__}; pass arrays or scalars, or trees of them"
        )
    for place, value in zip(places, values, strict=True):
        for path, x in tree.leaves_with_path(value):
            if _hides_arrays(x):
                raise DtypeError(
                    f"{who}: {argument_name(fun, place, path)} is a {type(x).__name__}, which is "
                    f"not a node of a tree, so arrays in it would have no derivative; register its "
                    f"class by funcgrad.tree.register_dataclass, or make it a dict or list"
                )
            if not allow_int and is_integral(x):
                aval = aval_of(x)
                cure = f"write {x}.0" if isinstance(x, int) else "convert it: x.astype(float)"
                raise DtypeError(
                    f"{who}: {argument_name(fun, place, path)} must be real or complex to be "
                    f"differentiated: got {x if isinstance(x, int) else aval} of dtype "
                    f"{aval.dtype}; {cure}"
                )


def flatten_like(who: str, what: str, want: tree.TreeDef, value: Any) -> list[Any]:
    """The leaves of ``value``, which must have exactly the structure ``want``."""
    leaves, treedef = tree.flatten(value)
    if treedef != want:
        tree.flatten_up_to(want, value, f"{who}: {what}")  # names the path of a missing subtree
        raise TreeError(
            f"{who}: {what} must have the structure {want}: got {treedef}; give a tree like it"
        )
    return leaves


def as_tangent(who: str, what: str, t: Any, primal: Aval) -> Any:
    """Check a tangent or cotangent against its primal.

    Python scalars take the primal's dtype.
    """
    aval = aval_of(t)
    if aval.shape != primal.shape:
        raise ShapeError(
            f"{who}: {what} must have the shape of its primal, {primal}: got {aval}; give "
            f"{f'an array of shape {primal.shape}' if primal.shape else 'a scalar, as 1.0'}"
        )
    if type(t) in PYTHON_SCALARS and not isinstance(t, complex):
        return primal.dtype.type(t)
    if aval.dtype != primal.dtype:
        raise DtypeError(
            f"{who}: {what} must have the dtype of its primal, {primal}: got {aval}; "
            f"convert it with astype({str(primal.dtype)!r})"
        )
    return t if isinstance(t, (np.ndarray, np.generic, Tracer)) else np.asarray(t)


def tangent_of(who: str, what: str, t: Any, primal: Any) -> Any:
    """Check the tangent of a leaf; None where the leaf has no derivative."""
    if carries_derivative(primal):
        return as_tangent(who, what, t, aval_of(primal))
    check_zero_tangent(who, what, t, primal)
    return None


def tangents_of(
    who: str, fun: Any, primals: Sequence[Any], leaves: Sequence[Any], given: Sequence[Any]
) -> list[Any]:
    """Check the tangents of the leaves of ``primals``, as ``tangent_of``."""
    if all(map(_fits, given, leaves)):
        return list(given)  # the common case
    places = [(path[0].idx, path[1:]) for path, _ in tree.leaves_with_path(tuple(primals))]
    rows = zip(given, leaves, places, strict=True)
    return [
        tangent_of(who, f"the tangent of {argument_name(fun, *place)}", t, x)
        for t, x, place in rows
    ]


def _fits(t: Any, x: Any) -> bool:
    if type(t) is not np.ndarray or type(x) is not np.ndarray:
        return False
    return t.shape == x.shape and t.dtype is x.dtype and x.dtype.kind in "fc"


def check_zero_tangent(who: str, what: str, t: Any, primal: Any) -> None:
    """Raise unless the tangent of an integer is zero, of any dtype or JAX's float0."""
    if not is_number(primal):
        return
    dtype = dtype_of(t)
    if dtype == FLOAT0 or (isinstance(t, Tracer) and dtype.kind in "biu"):
        return  # the value of a traced integer is unknown
    if isinstance(t, Tracer) or shape_of(t) != shape_of(primal) or np.any(t):
        raise DtypeError(
            f"{who}: {what}, an integer {aval_of(primal)}, must be zero: got "
            f"{aval_of(t)}; pass zeros"
        )


def check_alive(x: Any) -> Any:
    """Pass ``x`` through; raise if it belongs to a transform that has returned."""
    if isinstance(x, Tracer) and x._trace.dead:
        x._trace.alive([x])
    return x


def check_closed(prim: Primitive, own: Sequence[Any], results: Sequence[Any], trace: Trace) -> None:
    """Raise if the results of a primitive depend on tracers other than its operands.

    A custom rule may close over a differentiated value, but not in a loop, where the program is
    differentiated instead of the rule; nor over values of an inner transform.
    """
    late = any(isinstance(x, Tracer) and x._trace.serial > trace.serial for x in results)
    if late or (not prim.holds.is_open and any(x is not None for x in own)):
        where = "over a value of a transform inside" if late else "over a value differentiated by"
        raise ClosureError(
            f"{prim}: a custom rule{'' if late else ' in its body'} closes {where} "
            f"{trace.origin}; make it an argument of the function that has the rule"
        )
