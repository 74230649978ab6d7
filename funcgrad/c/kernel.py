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
from .costs import by_line, compilation, in_files
from .library import Callee, Library, entries, recover
from .literals import NotInCError
from .programs import file_of, function_of, function_parts
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
            return file_of([function_parts(jaxpr, name, inputs)], title)
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
    def run(self, *args: Any, callee: Callee) -> tuple[Any, ...]:
        function = callee.function
        outs = [np.empty(a.shape, a.dtype) for a in function.outs]
        work = [np.empty(function.work, np.uint8)] if function.work else []
        ins = [np.ascontiguousarray(x, a.dtype) if a.shape else a.dtype.type(x)
               for x, a in zip(args, function.ins, strict=True)]  # fmt: skip
        given = (*ins, *outs, *work, np.ndarray)
        code = callee.call(given)
        if code:
            recover(callee.call, code, given)
        return tuple([y if y.shape else y[()] for y in outs])

    @override
    def infer(self, *avals: Aval, callee: Callee) -> tuple[Aval, ...]:
        return callee.function.outs

    def emit(self, w: Emitter[V], outs: Sequence[V], ins: Sequence[V], *, callee: Callee) -> None:
        function, memory = callee.function, w.memory
        call = w.made(f"{w.bind(callee, function.name)}.call", f"{function.name}_c")
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
    readers = readers_of(jaxpr)
    groups = [part.eqns for part in parts if not part.reason]
    if not groups:
        return jaxpr
    programs = [program_of(eqns, readers) for eqns in groups]
    calls = iter(_calls(groups, programs, name, names))
    eqns = [eqn for part in parts for eqn in (part.eqns if part.reason else [next(calls)])]
    return Jaxpr(jaxpr.invars, jaxpr.constvars, tuple(eqns), jaxpr.outvars)


def _calls(
    groups: Sequence[Sequence[Eqn]], programs: Sequence[Jaxpr], name: str, names: Names
) -> list[Eqn]:
    """The equations that call groups, which are functions of one library."""
    own = [f"{name}_{k + 1}" for k in range(len(programs))] if len(programs) > 1 else [name]
    taken = set(entries(len(own)))
    written = []
    for called, program in zip(own, programs, strict=True):
        ins = [names.hint(v) or "x" for v in program.invars]
        outs = [names.hint(v) or "out" for v in program.outvars]  # type: ignore[arg-type]
        written.append(function_parts(program, called, ins, outs, taken, True))
        taken.update(written[-1].taken)
    functions = list(map(function_of, programs, written))
    files = [(file_of([written[k] for k in file], f"{name}, written by funcgrad."),
              tuple([functions[k] for k in file]))
             for file in in_files([compilation(parts.lines) for parts in written])]  # fmt: skip
    library, calls = Library(tuple(files)), []
    for eqns, program, function in zip(groups, programs, functions, strict=True):
        params = {"callee": Callee(library, function, by_line(eqns))}
        results, first = tuple(program.outvars), eqns[0]
        calls.append(Eqn(kernel_p, program.invars, results, params, first.source, first.scope))  # type: ignore[arg-type]
    return calls
