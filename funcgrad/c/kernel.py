"""The call of a C function as an operation of a NumPy program."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from ..compile.names import Names
from ..core.avals import Aval
from ..core.companions import Codegen
from ..core.emitter import Emitter, V
from ..core.errors import UnsupportedError
from ..core.jaxpr import Eqn, Jaxpr
from ..core.trace import Primitive
from .compiler import is_found
from .costs import by_line
from .library import Library, recover
from .literals import NotInCError
from .programs import function_of
from .regions import VIEWS, Part, is_coarse, parts_of
from .worth import by_cost, may_pay, program_of, readers_of, told_by_cost


class Kernel(Primitive, Codegen):
    """The call of a C function."""

    differentiable = False
    is_new = True

    def outlined(
        self, jaxpr: Jaxpr, name: str, inputs: Sequence[str], parts: Sequence[Part]
    ) -> Jaxpr:
        """The program with calls in place of the groups that are written in C."""
        return outline(jaxpr, name, inputs, parts)

    def parts(self, jaxpr: Jaxpr) -> list[Part]:
        """The equations in groups, each with the reason why it is not written in C, if any."""
        return parts_of(jaxpr)

    def by_cost(self, before: Jaxpr, jaxpr: Jaxpr) -> list[Part]:
        """The groups by the cost model, for a program that is ``before`` in NumPy."""
        return by_cost(before, jaxpr)

    def may_pay(self, jaxpr: Jaxpr) -> str:
        """The reason why no group of a program can pay the compiler; "" if one may."""
        return "no C compiler is found" if not is_found() else may_pay(jaxpr)

    def is_coarse(self, eqn: Eqn) -> bool:
        """Whether an equation is written in C in its parts."""
        return is_coarse(eqn)

    def text(self, jaxpr: Jaxpr, name: str, title: str, inputs: Sequence[str]) -> str:
        """A whole program as one function in C.

        Raises:
            UnsupportedError: if an equation cannot be written in C.
        """
        try:
            return function_of(jaxpr, name, title, inputs).text
        except NotInCError as err:
            where = f" at {err.line}" if err.line else ""
            raise UnsupportedError(
                f"source: the program is not written in C: {err}{where}; leave lang away for its "
                f"source in NumPy"
            ) from None

    def told(self, parts: Sequence[Part]) -> str:
        """The operations that are written in C, and the reasons of those left to NumPy."""
        written = [len(part.eqns) for part in parts if not part.reason]
        reasons = dict.fromkeys(p.reason for p in parts if p.reason and p.reason != VIEWS)
        calls = f"{len(written)} call{'s' * (len(written) != 1)} of C"
        left = f"; in NumPy: {', '.join(reasons)}" if reasons else ""
        total = sum(len(part.eqns) for part in parts)
        return f"{calls} for {sum(written)} of {total} equations{left}"

    def told_by_cost(self, parts: Sequence[Part]) -> str:
        """The choice of the cost model, a line a group."""
        return told_by_cost(parts)

    @override
    def run(self, *args: Any, library: Library) -> tuple[Any, ...]:
        function = library.function
        outs = [np.empty(a.shape, a.dtype) for a in function.outs]
        work = [np.empty(function.work, np.uint8)] if function.work else []
        ins = [np.ascontiguousarray(x, a.dtype) if a.shape else a.dtype.type(x)
               for x, a in zip(args, function.ins, strict=True)]  # fmt: skip
        given = (*ins, *outs, *work, np.ndarray)
        code = library.call(given)
        if code:
            recover(library.call, code, given)
        return tuple([y if y.shape else y[()] for y in outs])

    @override
    def infer(self, *avals: Aval, library: Library) -> tuple[Aval, ...]:
        return library.function.outs

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, library: Library) -> None:
        function, memory = library.function, w.memory
        call = w.made(f"{w.bind(library, function.name)}.call", f"{function.name}_c")
        given = [_operand(w, x) for x in ins]
        numbers = [None if y.aval.shape else memory.buffer(Aval((), y.aval.dtype)) for y in outs]
        given += [w.allocate(y) if n is None else n.text
                  for y, n in zip(outs, numbers, strict=True)]  # fmt: skip
        work = [memory.buffer(Aval((function.work,), np.dtype(np.uint8)), "work")]
        given += [work[0].text] if function.work else []
        given.append(w.numpy("ndarray"))
        args, code = w.as_tuple(given), w.token("code")
        w.line(f"{code} = {call}({args})")
        with w.indented(f"if {code}:"):
            w.line(f"{code} = {w.bind(recover, 'recover')}({call}, {code}, {args})")
        if function.checks:
            w.fall_back_if(code)
        for y, n in zip(outs, numbers, strict=True):
            if n is not None:
                w.assign(y, f"{n}.item()" if y.aval.weak else f"{n}[()]")
                memory.free(n)
        memory.free(work[0])


def _operand(w: Emitter[V], x: V) -> str:
    """An operand as an item of the tuple: Python's integers and booleans as NumPy's."""
    if x.aval.shape or (x.aval.weak and x.aval.dtype.kind == "f"):
        return x.text
    if not x.aval.weak:
        return w.scalar(x)
    return f"{w.dtype(x.aval.dtype)}({x})"


kernel_p = Kernel("c_kernel")


def outline(jaxpr: Jaxpr, name: str, inputs: Sequence[str], parts: Sequence[Part]) -> Jaxpr:
    """Replace the groups that are written in C by calls, see :func:`parts_of`."""
    names = Names()
    names.study(jaxpr, inputs)
    eqns: list[Eqn] = []
    readers = readers_of(jaxpr)
    kernels = [part for part in parts if not part.reason]
    for part in parts:
        if part.reason:
            eqns += part.eqns
            continue
        own = name if len(kernels) == 1 else f"{name}_{kernels.index(part) + 1}"
        eqns.append(_call(readers, part.eqns, own, names))
    return Jaxpr(jaxpr.invars, jaxpr.constvars, tuple(eqns), jaxpr.outvars)


def _call(readers: dict[Any, set[int]], eqns: list[Eqn], name: str, names: Names) -> Eqn:
    """The equation that calls a group of equations."""
    program = program_of(eqns, readers)
    hints = [names.hint(v) or "x" for v in program.invars]
    told = [names.hint(v) or "out" for v in program.outvars]  # type: ignore[arg-type]
    function = function_of(program, name, f"{name}, written by funcgrad.", hints, told, True)
    params, outs = {"library": Library(function, by_line(eqns))}, tuple(program.outvars)
    return Eqn(kernel_p, program.invars, outs, params, eqns[0].source, eqns[0].scope)  # type: ignore[arg-type]
