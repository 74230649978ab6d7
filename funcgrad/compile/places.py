"""Where the output of an equation is written: over an operand, to an output's memory, or anew."""

from collections.abc import Callable, Sequence

from ..core.avals import Aval
from ..core.jaxpr import Eqn, Jaxpr, Var
from ..ops.structure import reshape_p
from .names import Names
from .values import Value


class Places:
    """How a writer decides where values lie."""

    names: Names
    buffer: Callable[..., Value]

    def place(
        self,
        var: Var,
        eqn: Eqn,
        ins: Sequence[Value],
        dying: set[Var],
        wanted: dict[Var, Value],
    ) -> Value:
        """Return where an output is to be written."""
        hint = self.names.hint(var)
        if not var.aval.shape:
            return Value(self.names.token(hint), var.aval, made=False)
        target = wanted.get(var)
        over = self.overwritten(var.aval, eqn, ins, dying, target)
        if target is not None and self.is_free(target, over):
            return target
        if over is not None and over.static:
            self.names.add(over.text, hint)
            assert over.root is not None
            return Value(over.text, var.aval, over.root, static=True, contiguous=True)
        return self.buffer(var.aval, hint)

    def overwritten(
        self,
        aval: Aval,
        eqn: Eqn,
        ins: Sequence[Value],
        dying: set[Var],
        target: Value | None,
    ) -> Value | None:
        """Return the operand over which the output may be written: nothing reads it any more.

        It lies in the workspace, or in the memory where the output is wanted.
        """
        wanted = None if target is None else target.root
        for i, (atom, value) in enumerate(zip(eqn.ins, ins, strict=True)):
            if (
                atom in dying
                and value.root is not None
                and (value.static or value.root is wanted)
                and value.contiguous
                and value.made
                and (value.aval.shape, value.aval.dtype) == (aval.shape, aval.dtype)
                and eqn.prim.codegen.overwrites(i)
                and self.alone(value, eqn, ins, dying)
            ):
                return value
        return None

    def alone(self, value: Value, eqn: Eqn, ins: Sequence[Value], dying: set[Var]) -> bool:
        """Return whether no value but this one lies in its memory."""
        assert value.root is not None
        mine = {a for a, x in zip(eqn.ins, ins, strict=True) if x is value and a in dying}
        others = any(x.root is value.root and x is not value for x in ins)
        return value.root.holders == len(mine) and not others

    def is_free(self, target: Value, over: Value | None) -> bool:
        """Return whether a target may be written to: a donated argument may still be read."""
        free = target.root is None or target.root.holders == 0
        return free or (over is not None and over.root is target.root)

    def aims(self, jaxpr: Jaxpr, targets: Sequence[Value | None]) -> dict[Var, Value]:
        """Return where variables are to be written: to an output's target, or to new memory.

        What an output is another shape of is written to the output's memory too.
        """
        wanted: dict[Var, Value] = {}
        made = {var: eqn for eqn in jaxpr.eqns for var in eqn.outs}
        for atom, target in zip(jaxpr.outvars, targets, strict=True):
            if target is None or not isinstance(atom, Var) or atom not in made or atom in wanted:
                continue
            wanted[atom] = target
            eqn = made[atom]
            inner = eqn.ins[0] if eqn.ins else None
            reshapes = eqn.prim is reshape_p
            if reshapes and inner in made and inner not in wanted and inner not in jaxpr.outvars:
                wanted[inner] = Value(
                    self.names.token(), inner.aval, target.root, made=False, home=target
                )
        return wanted
