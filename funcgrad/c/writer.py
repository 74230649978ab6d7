"""The C writer: from the equations of a program to the lines of a function.

Small values are scalars in registers. An array lies in the memory of an output, on the stack, or in
the workspace, whose bytes are free after the last equation that reads it.
"""

from collections.abc import Collection, Sequence
from typing import Any

from ..core.jaxpr import Eqn, Jaxpr, Var
from . import chains, elements, factorizations, generators, matrices, orders, totals
from .functions import expression, is_elementwise
from .integers import bounded
from .literals import NotInCError, ctype
from .statements import Statements
from .values import Value


class Writer(Statements):
    """The lines of one function in C.

    Args:
        inputs: the names of its parameters.
    """

    gather = elements.gather
    getitem = elements.getitem
    set_at = elements.set_at
    add_at = elements.add_at
    scatter_add = elements.scatter_add
    concatenate = elements.concatenate
    constant = elements.constant_array
    reduce = totals.reduce
    check_finite = totals.check_finite
    accumulate = totals.accumulate
    position = totals.position
    argsort = orders.argsort
    searchsorted = orders.searchsorted
    running_position = orders.running_position
    extremum_at = elements.extremum_at
    vecdot = totals.vecdot
    matmul = matrices.matmul
    solve = factorizations.solve
    solve_triangular = factorizations.solve_triangular
    cholesky = factorizations.cholesky
    inv = factorizations.inv
    lu = factorizations.lu
    permutation = factorizations.permutation
    slogdet = factorizations.slogdet
    det = factorizations.det
    qr = factorizations.qr
    cofactor = factorizations.cofactor
    random_bits = generators.random_bits
    random_split = generators.random_split
    random_fold_in = generators.random_fold_in

    # programs

    def block(
        self, jaxpr: Jaxpr, ins: Sequence[Value], targets: Sequence[Value | None]
    ) -> list[Value]:
        """Write a program; its outputs lie in their targets, where given, and stay retained."""
        env: dict[Var, Value] = {}
        jaxpr = bounded(jaxpr)
        for var, value in zip(jaxpr.invars, ins, strict=True):
            self.bind(env, var, value)
        wanted = {a: t for a, t in zip(jaxpr.outvars, targets, strict=True) if isinstance(a, Var)}
        self.names.study(jaxpr)
        groups = chains.chains_of(jaxpr, self.depth == 1)
        for group, dying in zip(groups, chains.last_reads(jaxpr, groups), strict=True):
            self.note(group[0])
            if len(group) > 1 or chains.is_loop(group[0]):
                chains.write_chain(self, group, env, wanted, dying)
            else:
                self.equation(group[0], env, wanted, dying)
            for var in dying:
                if var in env:
                    self.release(env.pop(var))
        outs = []
        for atom, target in zip(jaxpr.outvars, targets, strict=True):
            value = self.read(atom, env)
            if target is not None:
                if value.memory is not target.memory or value.offset != target.offset:
                    self.copy(target, value)
                value = target
            if value.memory is not None:
                value.memory.references += 1
            outs.append(value)
        for value in env.values():
            self.release(value)
        return outs

    def equation(
        self,
        eqn: Eqn,
        env: dict[Var, Value],
        targets: dict[Any, Value | None],
        dying: Collection[Var],
    ) -> None:
        """Write one equation, and put its outputs into ``env``."""
        if eqn.prim.has_effect:
            raise NotInCError(f"{eqn.prim.name} calls Python")
        ins = [self.read(a, env) for a in eqn.ins]
        self.wanted = [(targets.get(v), self.names.hint(v)) for v in eqn.outs]
        self.out = eqn.outs[0].aval
        for v in eqn.outs:
            ctype(v.aval.dtype)
        if is_elementwise(eqn.prim):
            outs: Any = [self.elementwise(eqn, ins)]
        elif eqn.prim.codegen.in_c is None:
            raise NotInCError(f"{eqn.prim.name} has no rule for C")
        else:
            free = [a in dying and eqn.ins.count(a) == 1 for a in eqn.ins]
            self.over = {id(x) for x, f in zip(ins, free, strict=True) if f and self.is_own(x)}
            around, self.around = self.around, eqn.line
            outs = eqn.prim.codegen.in_c(self, *ins, **eqn.params)
            self.around = around
            outs = [outs] if isinstance(outs, Value) else outs
        for var, y in zip(eqn.outs, outs, strict=True):
            y = self.loaded(y, self.names.hint(var))
            self.bind(env, var, Value(var.aval, y.layout, y.memory, y.number))

    def is_own(self, x: Value) -> bool:
        """Whether an equation that is the last to read the value may write over its memory."""
        memory = x.memory
        return memory is not None and memory.owned and memory.references == 1 and x.contiguous

    def elementwise(self, eqn: Eqn, ins: Sequence[Value]) -> Value:
        """A small elementwise equation, element by element."""
        (out,) = eqn.outs
        items = [x.items if x.aval.shape == out.aval.shape else x.broadcast(out.aval.shape).items
                 for x in ins]  # fmt: skip
        texts = [
            expression(eqn.prim, ins, row, out.aval, eqn.params) for row in zip(*items, strict=True)
        ]
        return self.define(out.aval, texts, self.wanted[0][1])
