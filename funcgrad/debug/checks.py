"""debug.check: a report of what commonly goes wrong in a program, with the line and one cure."""

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from ..core import tree
from ..core.avals import aval_of, dtype_of, is_arraylike, is_inexact, shape_of
from ..core.errors import ConversionError, FuncgradError, NanError
from ..core.jaxpr import ClosedJaxpr
from ..core.lazy import answering
from ..core.ownership import copied
from ..core.pickling import PicklableFunction
from ..core.trace import Tracer
from ..transforms.abstract import make_jaxpr
from ..transforms.arguments import check_callable
from ..transforms.grad import _differentiated, grad, value_and_grad
from ..transforms.jit.api import Compiled, disable_jit
from ..transforms.nans import debugging, nans
from ..transforms.places import argument_name
from .program_checks import (
    baked_in,
    crossed_shapes,
    dead_units,
    lost_writes,
    mixed_dtypes,
    reused_keys,
)
from .slopes import Row, norms_of, zero_gradients
from .watching import side_effects

MANY = 4  # programs of a compiled function

# in the order of a report
KINDS = (
    "error", "integer input", "nan or inf", "zero gradient", "vanishing gradient",
    "exploding gradient", "dead ReLU", "crossed shapes", "mixed dtypes", "reused key", "lost write",
    "donated array", "random numbers", "side effect", "recompilation", "large constant",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong at a line of user code, ``file:line`` ("" where no line is known), its cure.

    >>> import numpy as np, funcgrad as fg
    >>> found = fg.debug.check(fg.grad(lambda x: np.floor(x) * 2), 1.5)
    >>> found.findings[0].kind
    'zero gradient'
    """

    kind: str
    line: str
    what: str
    cure: str

    def __str__(self) -> str:
        path, _, number = self.line.rpartition(":")
        place = f" at {os.path.basename(path)}:{number}" if path else ""
        return f"{self.kind}{place}: {self.what}{self.cure and '; '}{self.cure}"


@dataclass(frozen=True, slots=True, repr=False)
class Report:
    """The findings of a check; it prints one a line, or that there are none.

    >>> import numpy as np, funcgrad as fg
    >>> report = fg.debug.check(fg.grad(np.sin), 1.0)
    >>> report, bool(report)
    (check of sin: nothing found, False)
    """

    name: str
    findings: tuple[Finding, ...]

    def __bool__(self) -> bool:
        """Whether there are findings."""
        return bool(self.findings)

    def __repr__(self) -> str:
        if not self.findings:
            return f"check of {self.name}: nothing found"
        count = len(self.findings)
        head = f"check of {self.name}: {count} finding{'s' * (count != 1)}"
        return "\n".join([head, *(f"  {i}. {f}" for i, f in enumerate(self.findings, 1))])

    __str__ = __repr__


class Subject(NamedTuple):
    """A call that is checked.

    ``plain`` is the function that is not compiled; ``loss`` the one that is differentiated, with
    the options of the derivative: ``f`` itself where it returns one real number.
    """

    f: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    plain: Callable[..., Any]
    loss: Callable[..., Any] | None
    options: tuple[Any, ...]  # argnums, has_aux, holomorphic, allow_int
    argnames: Any

    @property
    def is_compiled(self) -> bool:
        return isinstance(self.f, Compiled)

    @property
    def place(self) -> Any:
        """The differentiated argument, the first of several."""
        if self.argnames is not None:
            return self.argnames if isinstance(self.argnames, str) else self.argnames[0]
        argnums = self.options[0] if self.options and self.options[0] is not None else 0
        first = argnums if isinstance(argnums, int) else argnums[0]
        return first % max(len(self.args), 1)

    @property
    def argument(self) -> Any:
        """The value of that argument."""
        return self.kwargs[self.place] if isinstance(self.place, str) else self.args[self.place]

    def staged(self, fun: Callable[..., Any]) -> ClosedJaxpr | None:
        """The program of a function of these arguments; None where it needs concrete values."""
        try:
            if isinstance(self.f, Compiled) and fun is self.plain:  # some arguments may be static
                return Compiled(fun, self.f.options).jaxpr(*self.args, **self.kwargs)
            return make_jaxpr(fun)(*self.args, **self.kwargs)  # type: ignore[no-any-return]
        except (ConversionError, TypeError):
            return None


@answering
def check(f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Report:
    """Look for what commonly goes wrong in a call: a report with the line and one cure for each.

    Args:
        f: a function, a derivative as ``grad(loss)``, or a compiled function. It is called a few
            times, on these arguments. Of a function that returns one real number the gradient by
            the first argument is checked too.
        *args: its arguments.
        **kwargs: its keyword arguments.

    The gradients that a training step computes are checked too. It finds nan and inf; gradients
    that are 0, integers that have none, and norms that explode or vanish from layer to layer; ReLUs
    that are 0 for a whole batch; a column [n, 1] that meets a vector [n]; float32 that becomes
    float64; a key from which two draws are made; programs that compile at each call; donated
    arrays that are read again; large constants in compiled programs; and, under ``jit`` and
    ``vmap``, NumPy's random numbers, prints, changes of lists and arrays outside, and writes to
    arguments that are lost.

    Returns:
        A ``Report``: it prints the findings, ``findings`` holds them; without any it is false.

    >>> import numpy as np, funcgrad as fg
    >>> def loss(w, x):
    ...     return np.mean((x @ w) ** 2)
    >>> w, x = np.ones(3, np.float32), np.ones((8, 3), np.float32)
    >>> fg.debug.check(fg.jit(fg.grad(loss)), w, x)
    check of loss: nothing found
    """
    check_callable("debug.check", f)
    subject = subject_of(f, args, kwargs)
    name = getattr(f, "__qualname__", type(f).__name__)
    with redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        found = [list(part(subject)) for part in PARTS]
        for inner in differentiated_in(subject):
            found += [list(part(inner)) for part in (_integers, _gradients, _programs)]
    rows = dict.fromkeys(row for part in found for row in part)
    return Report(name, tuple([Finding(*row) for row in sorted(rows, key=_rank)]))


def subject_of(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Subject:
    """The call, and the loss whose gradient it computes."""
    plain: Any = f.fun if isinstance(f, Compiled) else f
    if isinstance(plain, PicklableFunction) and plain.origin[0] in (grad, value_and_grad):
        _, (loss, *options), more = plain.origin
        loss = loss.fun if isinstance(loss, Compiled) else loss
        return Subject(f, args, kwargs, plain, loss, tuple(options), more.get("argnames"))
    return Subject(f, args, kwargs, plain, None, (0, False, False, False), None)


def differentiated_in(subject: Subject) -> list[Subject]:
    """The calls of ``grad`` in a function that is no derivative itself, as in a training step."""
    found: dict[Any, Subject] = {}

    def called(frame: FrameType, event: str, arg: Any) -> None:
        if event != "call" or frame.f_code is not _differentiated.__code__:
            return
        given = frame.f_locals
        args, kwargs = tree.map(copied, (given["args"], given["kwargs"]))
        loss, (argnums, argnames, *flags) = given["origin"].fun, given["options"]
        if not any(isinstance(x, Tracer) for x in tree.leaves((args, kwargs))):
            made = Subject(loss, args, kwargs, loss, loss, (argnums, *flags), argnames)
            found.setdefault(getattr(loss, "__code__", loss), made)

    if subject.loss is not None:
        return []
    before = sys.getprofile()
    sys.setprofile(called)
    try:
        with disable_jit():
            subject.plain(*tree.map(copied, subject.args), **subject.kwargs)
    except (FuncgradError, TypeError, ValueError):
        return []  # it is a finding already, or needs its arguments static
    finally:
        sys.setprofile(before)
    return list(found.values())


def _rank(row: Row) -> int:
    """The place of a kind in a report."""
    return KINDS.index(row[0])


# the parts: subject -> rows


def _integers(subject: Subject) -> Iterator[Row]:
    """Integers in the argument by which a derivative is taken."""
    if subject.loss is None or not (subject.args or subject.kwargs):
        return
    for path, x in tree.leaves_with_path(subject.argument):
        if is_arraylike(x) and dtype_of(x).kind in "iu":
            name = argument_name(subject.loss, subject.place, path)
            cure = "write 3.0 in place of 3, or x.astype(float)"
            yield "integer input", "", f"{name} is {aval_of(x)}, which has no derivative", cure


def _numbers(subject: Subject) -> Iterator[Row]:
    """The first operation that makes a nan or inf that reaches the result."""
    try:
        with nans():
            _checked(subject.f, *subject.args, **subject.kwargs)
            if subject.loss is None and (loss := _scalar(subject)) is not None:
                _checked(grad(loss), *subject.args, **subject.kwargs)
    except NanError as err:
        if err.given:
            what = f"{err.given} holds a nan from the start"
            yield "nan or inf", err.line, what, "fill missing values, or drop their examples"
            return
        side = "its derivative" if err.backward else "its result"
        what = f"{err.operation} makes one, in {side}"
        yield "nan or inf", err.line, what, "keep its operands where it is finite, by numpy.where"
    except FuncgradError as err:
        if not any(True for _ in _integers(subject)):
            yield "error", "", str(err), ""


def _gradients(subject: Subject) -> Iterator[Row]:
    """Gradients that are 0, and those that explode or vanish."""
    loss = subject.loss or _scalar(subject)
    if loss is None or any(True for _ in _integers(subject)):
        return
    _, has_aux, *others = subject.options
    named = isinstance(subject.place, str)
    first, name = (None, subject.place) if named else (subject.place, None)
    of: Any = value_and_grad(loss, first, has_aux, *others, argnames=name)
    try:
        _, slope = of(*subject.args, **subject.kwargs)
    except FuncgradError:
        return
    called = lambda path: argument_name(loss, subject.place, path)
    program = subject.staged(loss)
    variables = _variables(subject, program)
    yield from zero_gradients(slope, called, program, variables)
    yield from norms_of(slope, called, program, variables)


def _scalar(subject: Subject) -> Any:
    """The function itself, where it returns one real number of a first argument with slopes."""
    leaves = tree.leaves(subject.args[:1])
    if not any(is_arraylike(x) and is_inexact(dtype_of(x)) for x in leaves):
        return None
    try:
        y = subject.plain(*subject.args, **subject.kwargs)
    except FuncgradError:
        return None
    return (
        subject.plain if is_arraylike(y) and not shape_of(y) and dtype_of(y).kind == "f" else None
    )


def _variables(subject: Subject, program: ClosedJaxpr | None) -> dict[Any, Any]:
    """The variable of each leaf of the differentiated argument, by its path."""
    if program is None:
        return {}
    pairs = tree.leaves_with_path((list(subject.args), subject.kwargs))
    paths = [path for path, x in pairs if is_arraylike(x)]
    at = tree.leaves_with_path(([0], {}))[0][0][:1]
    found = dict(zip(paths, program.jaxpr.invars, strict=True))
    mine = subject.place
    return {path[2:]: v for path, v in found.items()
            if _key(path[1]) == mine and (isinstance(mine, str) or path[:1] == at)}  # fmt: skip


def _key(entry: Any) -> Any:
    return getattr(entry, "idx", getattr(entry, "key", None))


def _programs(subject: Subject) -> Iterator[Row]:
    """What the program shows: shapes, dtypes, keys, dead units, constants, lost writes."""
    program = subject.staged(subject.loss or subject.plain)
    if program is not None:
        yield from mixed_dtypes(program.jaxpr)
        yield from crossed_shapes(program.jaxpr)
        yield from reused_keys(program.jaxpr)
        yield from dead_units(program, [*subject.args, subject.kwargs])
        if subject.is_compiled or subject.loss is not None:
            yield from lost_writes(program.jaxpr)
    if isinstance(subject.f, Compiled) and not tree.leaves(subject.kwargs):
        yield from baked_in(subject.f.jaxpr(*subject.args, **subject.kwargs))


def _programs_made(subject: Subject) -> Iterator[Row]:
    """Many programs for few calls, before the check."""
    if isinstance(subject.f, Compiled):
        hits, misses, _ = subject.f.cache_info()
        if misses >= MANY and misses > hits:
            why = subject.f.explain().removeprefix(f"{subject.f!r}: ")
            what = f"{misses} programs for {hits + misses} calls; the last one: {why}"
            yield "recompilation", "", what, "call it with few shapes, dtypes and static values"


def _effects(subject: Subject) -> Iterator[Row]:
    """Side effects of Python under a trace, and programs that compile again."""
    call = lambda: subject.f(*subject.args, **subject.kwargs)
    fresh = lambda: subject.staged(subject.plain)
    try:
        yield from side_effects(call, fresh if subject.is_compiled else call, subject.plain)
    except FuncgradError:
        return  # it is a finding already


def _donations(subject: Subject) -> Iterator[Row]:
    """Arrays that are read after a compiled function has used their memory for its result."""
    if subject.is_compiled or not any(map(_donates, _names_read(subject.plain))):
        return
    call = lambda: subject.plain(*tree.map(copied, subject.args), **subject.kwargs)
    first, again = call(), call()
    with disable_jit():
        plain = call()
    if _equal(first, again) and not _equal(first, plain):
        what = "the result differs from that without donation, for a donated array is read again"
        yield "donated array", "", what, "write x = f(x), or donate nothing"


def _donates(x: Any) -> bool:
    options = x.options if isinstance(x, Compiled) else {}
    return any(options.get(f"donate_{kind}") is not None for kind in ("argnums", "argnames"))


def _names_read(f: Any) -> list[Any]:
    """The values that a function reads from its globals and its closure."""
    code, names = getattr(f, "__code__", None), getattr(f, "__globals__", {})
    cells = [c.cell_contents for c in getattr(f, "__closure__", None) or ()]
    return cells + [names[n] for n in getattr(code, "co_names", ()) if n in names]


def _equal(x: Any, y: Any) -> bool:
    pairs = zip(tree.leaves(x), tree.leaves(y), strict=True)
    return all(np.allclose(a, b, equal_nan=True) for a, b in pairs if is_arraylike(a))


PARTS: tuple[Callable[[Subject], Iterator[Row]], ...] = (
    _programs_made, _effects, _integers, _numbers, _gradients, _programs, _donations,
)  # fmt: skip


def _checked(fun: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function as a transform does within ``debug.nans``."""
    check = debugging.get().check
    return fun(*args, **kwargs) if check is None else check.call(fun, args, kwargs)
