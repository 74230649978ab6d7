"""Functions of NumPy code for arrays of the Array API standard: CuPy, PyTorch, and others.

A function is staged for the shapes and dtypes of a call. Its program decomposes into primitives
that have a form in ``forms.py`` and the modules beside it. The program runs equation by equation,
loops and branches by Python; an equation whose operands are all NumPy's runs by NumPy.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...compile.finite_checks import masked_program
from ...core.avals import PYTHON_SCALARS, Aval, aval_of
from ...core.errors import UnsupportedError
from ...core.jaxpr import Eqn, Jaxpr, Literal, NotFiniteError, constants_as_inputs
from ...transforms.arguments import Origin
from ...transforms.staging import stage
from ..calls import Signature, Staged, by_signature
from ..lowering import site
from . import control, indexing, linear_algebra  # they enter their forms
from .forms import FORMS, LACKING, in_forms
from .namespaces import LackError, Namespace, Operation, is_numpys

__all__ = ["control", "indexing", "linear_algebra", "on_arrays"]


def on_arrays(fun: Callable[..., Any]) -> Callable[..., Any]:
    """The function for arrays of the standard, see :func:`funcgrad.bridge.to_array_api`."""
    return by_signature(fun, _aval, functools.partial(_staged, fun))


def _aval(x: Any) -> Aval:
    """The aval of an array.

    Raises:
        UnsupportedError: if NumPy does not have its dtype, or its shape is not known.
    """
    if type(x) in PYTHON_SCALARS or isinstance(x, (np.ndarray, np.generic)):
        return aval_of(x)
    name = str(x.dtype).rpartition(".")[2]
    try:
        return Aval(tuple(map(int, x.shape)), np.dtype(name))
    except (TypeError, ValueError):
        raise UnsupportedError(
            f"to_array_api: NumPy has no array of this dtype and shape: got {name} and "
            f"{tuple(x.shape)}; convert it"
        ) from None


def _staged(fun: Callable[..., Any], call: Signature) -> Staged:
    """The program of the calls with a signature, and the structure of its output."""

    def on_leaves(tracers: list[Any]) -> Any:
        args, kwargs = call.arguments(tracers)
        return fun(*args, **kwargs)

    closed, out_tree = stage(Origin("to_array_api", fun), on_leaves, call.avals)
    jaxpr = constants_as_inputs(closed.jaxpr)
    first = in_forms(jaxpr)
    masked = functools.cache(lambda: in_forms(masked_program(jaxpr)))

    def run(*arrays: Any) -> list[Any]:
        space, xs = Namespace(arrays), [*closed.consts, *arrays]
        try:
            outs = evaluate(first, xs, space)
        except NotFiniteError:  # a factor in a derivative
            outs = evaluate(masked(), xs, space)
        try:
            return [space.array(y, v.aval.dtype) for y, v in zip(outs, jaxpr.outvars, strict=True)]
        except LackError as err:
            raise UnsupportedError(f"to_array_api: a result: {err}") from None

    return run, out_tree


def evaluate(jaxpr: Jaxpr, args: Sequence[Any], space: Namespace) -> list[Any]:
    """The outputs of a program of primitives that have forms.

    Raises:
        UnsupportedError: if the library lacks an operation or a dtype, with the user's line.
    """
    env: dict[Any, Any] = dict(zip(jaxpr.invars, args, strict=True))
    read = lambda a: a.value if isinstance(a, Literal) else env[a]
    for eqn in jaxpr.eqns:
        xs = list(map(read, eqn.ins))
        outs = eqn.prim.bind(*xs, **eqn.params) if all(map(is_numpys, xs)) else _applied(
            space, eqn, xs)  # fmt: skip
        env.update(zip(eqn.outs, outs, strict=True))
    return [read(a) for a in jaxpr.outvars]


def _applied(space: Namespace, eqn: Eqn, xs: Sequence[Any]) -> list[Any]:
    """The results of an equation, by the form of its primitive."""
    name, where = eqn.prim.name, site(eqn)
    if name in LACKING:
        raise UnsupportedError(f"{where}: the Array API standard lacks it: {LACKING[name]}")
    at = Operation(space, [a.aval for a in eqn.ins], [v.aval for v in eqn.outs], evaluate)
    try:
        outs = FORMS[name](at, *xs, **eqn.params)
        outs = outs if isinstance(outs, (list, tuple)) else (outs,)
        pairs = zip(outs, at.outs, strict=True)
        return [y if is_numpys(y) else space.array(y, v.dtype) for y, v in pairs]
    except LackError as err:
        raise UnsupportedError(f"{where}: {err}") from None
    except (TypeError, RuntimeError) as err:  # of the library, for this dtype
        if type(err).__name__ == "LinAlgError":  # of PyTorch, for these numbers
            raise
        raise UnsupportedError(f"{where}: {space.xp.__name__} refuses it: {err}") from err
