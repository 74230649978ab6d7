"""The choice of ``jit(f, backend="auto")``: a group of equations is a call of C if that pays."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..compile.finite_checks import after_p
from ..core.jaxpr import Eqn, Jaxpr, Literal, Var, replace_eqn
from .chains import is_loop
from .costs import CALL, CALLS, MARGIN, OPERAND, START, compilation, in_c, in_numpy, waits
from .programs import function_parts
from .regions import VIEWS, Part, is_view, parts_of


def may_pay(jaxpr: Jaxpr) -> str:
    """The reason why no group of a program can pay the compiler; "" if one may."""
    time = in_numpy(jaxpr.eqns)
    if time * CALLS > START * 1000:
        return ""
    return f"{_us(time)} a call, of which {CALLS:,} gain less than the compiler takes"


def by_cost(before: Jaxpr, jaxpr: Jaxpr) -> list[Part]:
    """The groups of a program, in NumPy where C is not expected to pay.

    All stay there if the whole does not pay: the equations are simpler, and more, than those of
    the program ``before``.
    """
    around = _around(jaxpr)
    parts = [p if p.reason else _decided(p.eqns, around) for p in parts_of(jaxpr)]
    time = sum(in_numpy(p.eqns) if p.reason else _call(p.eqns, around) for p in parts)
    took = START + sum(p.compilation for p in parts)
    if took * 1000 <= CALLS * (in_numpy(before.eqns) - time):
        return parts
    left = "the operations of which others are made would be slower in NumPy"
    return [part if part.reason else Part(part.eqns, left) for part in parts]


def told_by_cost(parts: Sequence[Part], most: int = 12) -> str:
    """The choice, a line a group."""
    rows = [(f"C: {p.worth}" if not p.reason else f"NumPy: {p.reason}", len(p.eqns))
            for p in sorted(parts, key=lambda p: p.reason != "") if p.reason != VIEWS]  # fmt: skip
    lines = list(dict.fromkeys(line for line, _ in rows))
    written = [n for line, n in rows if line.startswith("C: ")]
    more = [f"and {len(lines) - most} more groups"] if len(lines) > most else []
    total, calls = sum(len(p.eqns) for p in parts), len(written)
    head = f"{calls} call{'s' * (calls != 1)} of C for {sum(written)} of {total} equations"
    return "\n  ".join([head, *lines[:most], *more])


class _Around(NamedTuple):
    """Which equations read and make the values of a program."""

    readers: dict[Any, set[int]]
    loops: dict[int, Eqn]  # elementwise loops, by identity
    made: set[Any]  # their results
    others: set[Any]  # results of other equations, but for views of the program's inputs


def _around(jaxpr: Jaxpr) -> _Around:
    found = _Around(readers_of(jaxpr), {}, set(), set())
    for eqn in jaxpr.eqns:
        if is_loop(eqn):
            found.loops[id(eqn)] = eqn
            found.made.update(eqn.outs)
        elif not is_view(eqn) or not (found.made | found.others).isdisjoint(eqn.ins):
            found.others.update(eqn.outs)
    return found


def _decided(eqns: list[Eqn], around: _Around) -> Part:
    """A group with the reason why it stays in NumPy, or why it is worth a call."""
    program = program_of(eqns, around.readers)
    numpy, c = in_numpy(eqns), _call(eqns, around)
    told = f"{_names(eqns)}: {_us(numpy)} in NumPy, {_us(c)} in C"
    if c > MARGIN * numpy:
        return Part(eqns, told)
    names = [f"x{i}" for i in range(len(program.invars))]
    took = compilation(function_parts(program, "program", names).lines)
    told += f", {took:,.0f} ms of the compiler"
    pays = took * 1000 <= CALLS * (numpy - c)
    return Part(eqns, "", told, took) if pays else Part(eqns, told)


def _call(eqns: Sequence[Eqn], around: _Around) -> float:
    """Microseconds of a call of C, and of waiting for arrays between it and loops in NumPy."""
    program = program_of(eqns, around.readers)
    count = len(program.invars) + len(program.outvars)
    return CALL + OPERAND * count + in_c(eqns) + waits(_crossing(eqns, program, around))


def _crossing(eqns: Sequence[Eqn], program: Jaxpr, around: _Around) -> list[Any]:
    """Operands and results that would stay in the cache if all were in NumPy.

    Loops run in blocks there, one after the other where no other operation is between them.
    """
    found = [v for v in program.invars if v in around.made]
    found = found if around.others.isdisjoint(program.invars) else []
    inside = set(map(id, eqns))
    for v in program.outvars:
        readers = [around.loops[k] for k in around.readers[v] - inside if k in around.loops]  # type: ignore[index]
        if any(around.others.isdisjoint(eqn.ins) for eqn in readers):
            found.append(v)  # type: ignore[arg-type]
    return found


def _names(eqns: Sequence[Eqn]) -> str:
    names = list(dict.fromkeys(eqn.prim.name for eqn in eqns))
    more = f" and {len(names) - 3} more" if len(names) > 4 else ""
    return ", ".join(names[: 3 if more else 4]) + more


def _us(time: float) -> str:
    return f"{time:.2g} us" if time < 100 else f"{time:,.0f} us"


# groups as programs


def program_of(eqns: Sequence[Eqn], readers: dict[Any, set[int]]) -> Jaxpr:
    """A group of equations as a program."""
    inside = set(map(id, eqns))
    made = {v for eqn in eqns for v in eqn.outs}
    eqns = [_untied(eqn, made) for eqn in eqns]
    read = dict.fromkeys(a for e in eqns for a in e.ins if isinstance(a, Var) and a not in made)
    outs = tuple([v for e in eqns for v in e.outs if not readers[v] <= inside])
    return Jaxpr(tuple(read), (), tuple(eqns), outs)


def readers_of(jaxpr: Jaxpr) -> dict[Any, set[int]]:
    """The equations that read each variable, by identity; 0 stands for the program's outputs."""
    found: dict[Any, set[int]] = {v: set() for eqn in jaxpr.eqns for v in eqn.outs}
    for eqn in jaxpr.eqns:
        for a in eqn.ins:
            found.setdefault(a, set()).add(id(eqn))
    for a in jaxpr.outvars:
        found.setdefault(a, set()).add(0)
    return found


def _untied(eqn: Eqn, made: set[Var]) -> Eqn:
    """An equation that waits for no check outside of its group: the call comes after it."""
    if eqn.prim is not after_p or eqn.ins[1] in made:
        return eqn
    return replace_eqn(eqn, (eqn.ins[0], Literal(True)))
