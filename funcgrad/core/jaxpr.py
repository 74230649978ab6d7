"""The intermediate representation: programs as flat lists of equations, in JAX's words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .avals import Aval, aval_of
from .errors import FuncgradError
from .show import show
from .trace import Primitive


class Var:
    """A name for one value; two variables are the same only if they are one object."""

    __slots__ = ("aval",)

    def __init__(self, aval: Aval) -> None:
        self.aval = aval

    def __repr__(self) -> str:
        return f"Var({self.aval})"


class Literal:
    """A number written into the program."""

    __slots__ = ("aval", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.aval = aval_of(value)

    def __repr__(self) -> str:
        return f"Literal({self.value})"


Atom: TypeAlias = Var | Literal


@dataclass(frozen=True, slots=True)
class Eqn:
    """``outs = prim[params] ins``, and the line of the user's that asked for it."""

    prim: Primitive
    ins: tuple[Atom, ...]
    outs: tuple[Var, ...]
    params: dict[str, Any]
    source: str = ""


@dataclass(frozen=True, slots=True)
class Jaxpr:
    """A program: ``invars -> outvars``, with ``constvars`` for the arrays it closes over."""

    invars: tuple[Var, ...]
    constvars: tuple[Var, ...]
    eqns: tuple[Eqn, ...]
    outvars: tuple[Atom, ...]

    def __repr__(self) -> str:
        return show(self)


@dataclass(frozen=True, slots=True)
class ClosedJaxpr:
    """A program with the values of its constants; it can be called with flat arrays."""

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


def eval_jaxpr(jaxpr: Jaxpr, consts: Sequence[Any], args: Sequence[Any]) -> tuple[Any, ...]:
    """Run a program, one ``bind`` an equation, so that it can itself be traced."""
    env: dict[Var, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))

    def read(atom: Atom) -> Any:
        return atom.value if isinstance(atom, Literal) else env[atom]

    for eqn in jaxpr.eqns:
        outs = eqn.prim.bind(*map(read, eqn.ins), **eqn.params)
        env.update(zip(eqn.outs, outs, strict=True))
    return tuple(map(read, jaxpr.outvars))


def check_jaxpr(jaxpr: Jaxpr) -> None:
    """Raise unless each variable is bound once, before its use, with the aval ``infer`` gives.

    Raises:
        FuncgradError: naming the equation that is ill-typed.
    """
    bound: set[Var] = set()
    _bind((*jaxpr.constvars, *jaxpr.invars), bound, "an input")
    for i, eqn in enumerate(jaxpr.eqns):
        where = f"equation {i} ({eqn.prim.name})"
        for atom in eqn.ins:
            if isinstance(atom, Var) and atom not in bound:
                raise FuncgradError(f"check_jaxpr: {where} reads a variable before it is bound")
        want = tuple(eqn.prim.infer(*(a.aval for a in eqn.ins), **eqn.params))
        got = tuple(v.aval for v in eqn.outs)
        if want != got:
            raise FuncgradError(f"check_jaxpr: {where} should give {want}: its outputs are {got}")
        _bind(eqn.outs, bound, where)
    for atom in jaxpr.outvars:
        if isinstance(atom, Var) and atom not in bound:
            raise FuncgradError("check_jaxpr: an output is never bound")


def _bind(variables: Sequence[Var], bound: set[Var], where: str) -> None:
    """Add the variables to those bound, raising where one is there already."""
    for v in variables:
        if v in bound:
            raise FuncgradError(f"check_jaxpr: {where} binds a variable for the second time")
        bound.add(v)
