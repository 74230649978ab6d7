"""A program in single precision: every float64 becomes float32, every complex128 complex64."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import Aval
from ..core.errors import FuncgradError, UnsupportedError
from ..core.jaxpr import Atom, Eqn, Jaxpr, Literal, Var, replace_eqn
from ..ops.constant import Array
from ..ops.structure import convert_p

_SINGLE = {np.dtype("f8"): np.dtype("f4"), np.dtype("c16"): np.dtype("c8")}


def in_single(jaxpr: Jaxpr) -> Jaxpr:
    """The program in single precision, and the programs that it holds.

    Where NumPy makes a float64 of integers, they are converted first. A Python scalar among the
    inputs is an array without axes.

    Raises:
        UnsupportedError: if a number leaves the range of float32, or an operation has no float32.
    """
    env: dict[Any, Var] = {}
    for var in (*jaxpr.invars, *jaxpr.constvars):
        env[var] = Var(_single(var.aval))
    eqns: list[Eqn] = []
    for eqn in jaxpr.eqns:
        ins = [_literal(a) if isinstance(a, Literal) else env[a] for a in eqn.ins]
        params = {name: _converted(value, eqn) for name, value in eqn.params.items()}
        eqns += _equations(eqn, ins, params, env)
    outvars = [_strong(a) if isinstance(a, Literal) else env[a] for a in jaxpr.outvars]
    invars, constvars = ([env[v] for v in vs] for vs in (jaxpr.invars, jaxpr.constvars))
    return Jaxpr(tuple(invars), tuple(constvars), tuple(eqns), tuple(outvars))


def single(dtype: np.dtype) -> np.dtype:
    """The dtype of single precision in place of one of double precision."""
    return _SINGLE.get(dtype, dtype)


def _single(aval: Aval) -> Aval:
    return Aval(aval.shape, single(aval.dtype)) if aval.dtype in _SINGLE else aval


def _equations(eqn: Eqn, ins: list[Atom], params: dict[str, Any], env: dict[Any, Var]) -> list[Eqn]:
    """An equation in single precision, with conversions around it where it needs some."""
    ins, before = _operands(eqn, ins, params)
    avals = _inferred(eqn, ins, params)
    made = [Var(aval) for aval in avals]
    after = []
    for i, (var, out) in enumerate(zip(eqn.outs, made, strict=True)):
        env[var] = out
        out.of = env.get(var.of)
        if out.aval.dtype in _SINGLE:
            env[var] = Var(_single(out.aval), out.of)
            after.append(_conversion(eqn, made[i], env[var]))
    return [*before, replace_eqn(eqn, tuple(ins), tuple(made), params), *after]


def _operands(eqn: Eqn, ins: list[Atom], params: dict[str, Any]) -> tuple[list[Atom], list[Eqn]]:
    """Operands of which the results are no float64, if there are, and their conversions."""
    if not _is_double(eqn, ins, params):
        return ins, []
    strong: list[Atom] = [_strong(a) if isinstance(a, Literal) else a for a in ins]
    if not _is_double(eqn, strong, params):
        return strong, []
    before: list[Eqn] = []
    floats = [_in_float(eqn, a, before) for a in strong]
    try:
        return (ins, []) if _is_double(eqn, floats, params) else (floats, before)
    except UnsupportedError:  # an operand must be an integer
        return ins, []


def _is_double(eqn: Eqn, ins: Sequence[Atom], params: dict[str, Any]) -> bool:
    return any(a.dtype in _SINGLE for a in _inferred(eqn, ins, params))


def _inferred(eqn: Eqn, ins: Sequence[Atom], params: dict[str, Any]) -> tuple[Aval, ...]:
    try:
        return tuple(eqn.prim.infer(*[a.aval for a in ins], **params))
    except (FuncgradError, TypeError, ValueError) as err:
        raise UnsupportedError(
            f"{eqn.prim.name} is not the same operation in float32: {err}"
        ) from None


def _conversion(eqn: Eqn, x: Atom, out: Var) -> Eqn:
    params = {"dtype": out.aval.dtype}
    return Eqn(convert_p, (x,), (out,), params, eqn.source, eqn.scope)


def _in_float(eqn: Eqn, x: Atom, before: list[Eqn]) -> Atom:
    """An operand as float32, if it holds integers or booleans."""
    if x.aval.dtype.kind not in "biu":
        return x
    if isinstance(x, Literal):
        return Literal(np.float32(x.value))
    out = Var(Aval(x.aval.shape, np.dtype("f4")))
    before.append(_conversion(eqn, x, out))
    return out


# numbers


def _literal(atom: Literal) -> Literal:
    """A literal in single precision; a Python scalar takes the dtype of the other operands."""
    if atom.aval.weak:
        if atom.aval.dtype in _SINGLE:
            _rounded(np.asarray(atom.value))  # it is in the range
        return atom
    return _strong(atom)


def _strong(atom: Literal) -> Literal:
    if atom.aval.dtype not in _SINGLE:
        return atom
    return Literal(_rounded(np.asarray(atom.value))[()])


def _rounded(x: np.ndarray) -> np.ndarray:
    """An array in single precision.

    Raises:
        UnsupportedError: if a number becomes inf or 0.
    """
    with np.errstate(all="ignore"):
        y = x.astype(single(x.dtype))
    lost = (np.isfinite(x) != np.isfinite(y)) | ((x != 0) & (y == 0))
    if lost.any():
        raise UnsupportedError(f"the constant {x[lost].flat[0]} is out of the range of float32")
    return y


def _converted(value: Any, eqn: Eqn) -> Any:
    """A parameter of an equation in single precision."""
    if isinstance(value, Jaxpr):
        return in_single(value)
    if isinstance(value, np.dtype):
        return single(value)
    if isinstance(value, Aval):
        return _single(value)
    if isinstance(value, Array):
        array = value.value
        return Array(_rounded(array)) if array.dtype in _SINGLE else value
    if type(value) is tuple:
        return tuple([_converted(v, eqn) for v in value])
    return value
