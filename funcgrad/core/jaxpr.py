"""The intermediate representation: programs as flat lists of equations, in JAX's words."""

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .avals import Aval, aval_of
from .errors import FuncgradError
from .floating import without_warnings
from .frames import NUMPY, PACKAGE
from .registry import load
from .show import show
from .trace import Primitive


class NotFiniteError(Exception):
    """Raised where a derivative is not finite and may be computed with masks instead.

    ``fallback`` maps a program that has raised it to the program to run instead. Where it is None,
    an enclosing program has the fallback.
    """

    def __init__(self, fallback: "Callable[[Jaxpr], Jaxpr] | None" = None) -> None:
        self.fallback = fallback


class Var:
    """A variable; variables are compared by identity."""

    __slots__ = ("aval", "of")

    def __init__(self, aval: Aval, of: "Var | None" = None) -> None:
        self.aval = aval
        self.of = of  # the variable whose cotangent this one is, if known

    def __repr__(self) -> str:
        return f"Var({self.aval})"


class Literal:
    """A scalar constant in the program."""

    __slots__ = ("aval", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.aval = aval_of(value)

    def __repr__(self) -> str:
        return f"Literal({self.value})"


Atom: TypeAlias = Var | Literal


class SilentLine(str):
    """A line of user code that ran under ``np.errstate(all="ignore")``."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, eq=False)
class Eqn:
    """``outs = prim[params] ins``, and the line of user code that it comes from."""

    prim: Primitive
    ins: tuple[Atom, ...]
    outs: tuple[Var, ...]
    params: dict[str, Any]
    source: str = ""
    scope: Any = None  # equations of different scopes are not merged, though they are the same

    @property
    def line(self) -> str:
        """The line without the prime that marks an equation of its derivative."""
        return self.source.removesuffix("'")

    @property
    def is_derivative(self) -> bool:
        """Whether it is part of the derivative of the operation on its line."""
        return self.source.endswith("'")

    @property
    def in_quiet_block(self) -> bool:
        """Whether it, or the operation of which it is a derivative, ran without warnings."""
        return type(self.source) is SilentLine

    @property
    def is_silent(self) -> bool:
        """Whether NumPy does not warn of it, nor of the derivative of which it is a part."""
        return type(self.source) is SilentLine or self.source.endswith("'")


@dataclass(frozen=True, slots=True, eq=False)
class Jaxpr:
    """A program: ``invars -> outvars``, with ``constvars`` for the arrays it closes over.

    A program that an equation holds closes over nothing: all arrays that it reads are operands of
    the equation, where every transform sees them.
    """

    invars: tuple[Var, ...]
    constvars: tuple[Var, ...]
    eqns: tuple[Eqn, ...]
    outvars: tuple[Atom, ...]
    memo: dict[Any, Any] = field(default_factory=dict, repr=False)  # programs and facts derived

    def run(self, *args: Any) -> tuple[Any, ...]:
        """Run a program without constants on arrays; faster than eval_jaxpr, which binds."""
        if "steps" not in self.memo:
            self.memo["steps"] = _Steps(self)
        try:
            return self.memo["steps"](args)
        except NotFiniteError as err:
            if err.fallback is None:
                raise
            return err.fallback(self).run(*args)

    def __repr__(self) -> str:
        return show(self)

    def _repr_html_(self) -> str:
        return str(load("funcgrad.core.html").program_html(self))


@dataclass(frozen=True, slots=True, eq=False)
class ClosedJaxpr:
    """A program with the values of its constants; it is callable with flat arrays."""

    jaxpr: Jaxpr
    consts: tuple[Any, ...] = field(repr=False)

    @property
    def eqns(self) -> tuple[Eqn, ...]:
        return self.jaxpr.eqns

    @property
    def in_avals(self) -> tuple[Aval, ...]:
        return tuple(v.aval for v in self.jaxpr.invars)

    @property
    def out_avals(self) -> tuple[Aval, ...]:
        return tuple(v.aval for v in self.jaxpr.outvars)

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        return eval_jaxpr(self.jaxpr, self.consts, args)

    def __repr__(self) -> str:
        return repr(self.jaxpr)

    def _repr_html_(self) -> str:
        return str(load("funcgrad.core.html").program_html(self))


def eval_jaxpr(jaxpr: Jaxpr, consts: Sequence[Any], args: Sequence[Any]) -> tuple[Any, ...]:
    """Run a program by one ``bind`` for each equation, so that traces see its operations."""
    env: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))
    try:
        for eqn in jaxpr.eqns:
            ins = [a.value if type(a) is Literal else env[a] for a in eqn.ins]
            if eqn.in_quiet_block:
                results = without_warnings(eqn.prim.bind, *ins, **eqn.params)
            else:
                results = eqn.prim.bind(*ins, **eqn.params)
            env.update(zip(eqn.outs, results, strict=True))
    except NotFiniteError as err:
        if err.fallback is None:
            raise
        return eval_jaxpr(err.fallback(jaxpr), consts, args)
    return tuple([a.value if type(a) is Literal else env[a] for a in jaxpr.outvars])


class _Steps:
    """A program prepared to run on arrays: variables are indices of slots."""

    def __init__(self, jaxpr: Jaxpr) -> None:
        atoms: dict[Any, None] = dict.fromkeys(jaxpr.invars)
        for eqn in jaxpr.eqns:
            atoms.update(dict.fromkeys((*eqn.ins, *eqn.outs)))
        atoms.update(dict.fromkeys(jaxpr.outvars))
        slots = {atom: i for i, atom in enumerate(atoms)}
        # the slots before a run: the literals
        self.values = [a.value if type(a) is Literal else None for a in atoms]
        steps = [
            (
                functools.partial(without_warnings, e.prim.run) if e.in_quiet_block else e.prim.run,
                [slots[a] for a in e.ins],
                [slots[v] for v in e.outs],
                e.params,
            )
            for e in jaxpr.eqns
        ]
        self.ins = [slots[v] for v in jaxpr.invars]
        self.outs = [slots[a] for a in jaxpr.outvars]
        needed = {*self.outs, *(i for a, i in slots.items() if type(a) is Literal)}
        rows = []
        for run, ins, outs, params in reversed(steps):  # a value is freed after its last use
            last = {*ins, *outs} - needed
            needed |= last
            rows.append((run, ins, outs, params, tuple(last)))
        self.steps = rows[::-1]

    def __call__(self, args: Sequence[Any]) -> tuple[Any, ...]:
        env = self.values.copy()
        for i, x in zip(self.ins, args, strict=True):
            env[i] = x
        for run, ins, outs, params, last in self.steps:
            results = run(*[env[i] for i in ins], **params)
            if len(outs) == 1:
                env[outs[0]] = results[0]
            else:
                for i, y in zip(outs, results, strict=True):
                    env[i] = y
            for i in last:
                env[i] = None
        return tuple([env[i] for i in self.outs])


def constants_as_inputs(jaxpr: Jaxpr) -> Jaxpr:
    """The program with its constants as first inputs."""
    return Jaxpr((*jaxpr.constvars, *jaxpr.invars), (), jaxpr.eqns, jaxpr.outvars)


def programs_in(params: dict[str, Any]) -> list[Jaxpr]:
    """The programs that an equation holds, alone or in tuples."""
    found: list[Jaxpr] = []
    for value in params.values():
        if isinstance(value, Jaxpr):
            found.append(value)
        elif isinstance(value, tuple):
            found += [program for program in value if isinstance(program, Jaxpr)]
    return found


def check_jaxpr(jaxpr: Jaxpr) -> None:
    """Raise unless each variable is bound once, before its use, with the aval of ``infer``.

    Raises:
        FuncgradError: for the first equation that is ill-typed.
    """
    bound: set[Var] = set()
    _bind((*jaxpr.constvars, *jaxpr.invars), bound, "an input")
    for i, eqn in enumerate(jaxpr.eqns):
        where = f"equation {i} ({eqn.prim.name})"
        for atom in eqn.ins:
            if isinstance(atom, Var) and atom not in bound:
                raise FuncgradError(f"check_jaxpr: {where} reads a variable before it is bound")
        for program in programs_in(eqn.params):
            check_jaxpr(program)
        want = tuple(eqn.prim.infer(*(a.aval for a in eqn.ins), **eqn.params))
        got = tuple(v.aval for v in eqn.outs)
        if want != got:
            raise FuncgradError(f"check_jaxpr: {where} should give {want}: its outputs are {got}")
        _bind(eqn.outs, bound, where)
    for atom in jaxpr.outvars:
        if isinstance(atom, Var) and atom not in bound:
            raise FuncgradError("check_jaxpr: an output is never bound")


def _bind(variables: Sequence[Var], bound: set[Var], where: str) -> None:
    """Add variables to the set bound; raise for one that is in it."""
    for v in variables:
        if v in bound:
            raise FuncgradError(f"check_jaxpr: {where} binds a variable for the second time")
        bound.add(v)


def replace_eqn(
    eqn: Eqn,
    ins: tuple[Atom, ...] | None = None,
    outs: tuple[Var, ...] | None = None,
    params: dict[str, Any] | None = None,
) -> Eqn:
    """An equation with other operands, outputs or parameters."""
    return Eqn(
        eqn.prim,
        eqn.ins if ins is None else ins,
        eqn.outs if outs is None else outs,
        eqn.params if params is None else params,
        eqn.source,
        eqn.scope,
    )


_EVAL = eval_jaxpr.__code__


def user_line() -> str:
    """``file:line`` of the innermost frame of user code.

    While a program runs equation by equation, it is the line of the equation.
    """
    frame: Any = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        if frame.f_code is _EVAL and (eqn := frame.f_locals.get("eqn")) is not None:
            if eqn.source:
                return eqn.source
        elif not (filename.startswith(PACKAGE) or NUMPY in filename):
            return sys.intern(f"{filename}:{frame.f_lineno}")  # one for all equations of a line
        frame = frame.f_back
    return ""
