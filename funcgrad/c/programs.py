"""A program as the text of a C function, with its signature and its workspace."""

from collections.abc import Sequence
from typing import NamedTuple

from ..compile.names import quote
from ..core.avals import Aval
from ..core.jaxpr import Jaxpr
from .elements import OUT_OF_RANGE
from .helpers import definitions
from .literals import ctype
from .matrices import SINGULAR
from .totals import NOT_FINITE
from .values import Memory, Value, in_memory, registers
from .writer import Writer

CODES = {NOT_FINITE: 1, OUT_OF_RANGE: 2, SINGULAR: 3}  # results of the function
_LINE = 64  # bytes between the arrays of the workspace, at most


class Function(NamedTuple):
    """The text of a function, ``name(*ins, *outs, work)``, which returns 0 or a code."""

    name: str
    text: str
    ins: tuple[Aval, ...]
    outs: tuple[Aval, ...]
    work: int  # bytes of the workspace
    checks: bool  # whether it may return that a derivative is not finite


def function_of(
    jaxpr: Jaxpr, name: str, title: str, inputs: Sequence[str], outputs: Sequence[str] = ()
) -> Function:
    """Write a program as a function in C.

    Args:
        jaxpr: a program without constants.
        name: the name of the function.
        title: the comment above it.
        inputs: names of its inputs.
        outputs: names of its outputs.

    Raises:
        NotInCError: if it cannot be written.
    """
    w = Writer()
    name = w.name(name)
    ins, params = [], []
    for hint, var in zip(inputs, jaxpr.invars, strict=True):
        given, kind = w.name(hint), ctype(var.aval.dtype)
        ins.append(_input(given, var.aval))
        params.append(f"const {kind} *restrict {given}" if var.aval.shape else f"{kind} {given}")
        w.names.known.setdefault(var, given)
    w.names.study(jaxpr)
    hints = [*outputs] or [_hint(w, a) for a in jaxpr.outvars]
    results = [w.name(hint) for hint in hints]
    targets: list[Value | None] = []
    for result, a in zip(results, jaxpr.outvars, strict=True):
        params.append(f"{ctype(a.aval.dtype)} *restrict {result}")
        aval = Aval(a.aval.shape, a.aval.dtype)
        targets.append(in_memory(Memory(result, aval, owned=True), aval))
    w.block(jaxpr, ins, targets)
    told = [*(v.aval for v in jaxpr.invars), *(a.aval for a in jaxpr.outvars)]
    text = "\n".join(_text(w, name, title, list(zip(params, told, strict=True))))
    size = sum(-(-m.aval.size * m.aval.dtype.itemsize // _LINE) * _LINE for m in w.slots)
    checks = any(NOT_FINITE in line for line in w.lines)
    outs = tuple([a.aval for a in jaxpr.outvars])
    return Function(name, f"{text}\n", tuple(v.aval for v in jaxpr.invars), outs, size, checks)


def _hint(w: Writer, atom: object) -> str:
    return (w.names.hint(atom) if hasattr(atom, "of") else "") or "out"  # type: ignore[arg-type]


def _input(name: str, aval: Aval) -> Value:
    if not aval.shape:
        return registers(aval, [name])
    return in_memory(Memory(name, aval), aval)


def _text(w: Writer, name: str, title: str, params: Sequence[tuple[str, Aval]]) -> list[str]:
    """The lines of the file."""
    lines = [f"/* {quote(title).replace('*/', '* /')} */", ""]
    lines += [f"#include <{header}.h>" for header in ("math", "stdbool", "stdint", "string")]
    used = [code for code in CODES if any(code in line for line in w.lines)]
    if used:
        lines += ["", f"enum {{ {', '.join(f'{c} = {CODES[c]}' for c in used)} }};"]
    for text in (*definitions(w.lines), *w.top):
        lines += ["", text]
    given = list(params)
    if w.slots:
        lines += ["", f"struct {name}_work {{"]
        lines += [f"    {ctype(m.aval.dtype)} {m.name}[{m.aval.size}];" for m in w.slots]
        lines += ["};"]
    lines += ["", "/* Returns 0, or a code of the list above. */" if used else "/* Returns 0. */"]
    heads = [f"{text}, /* {aval} */" for text, aval in given]
    if w.slots:
        heads.append(f"struct {name}_work *restrict work")
    elif heads:
        heads[-1] = heads[-1].replace(",", "", 1) if heads[-1].count(",") else heads[-1]
    if heads and not w.slots:
        text, aval = given[-1]
        heads[-1] = f"{text} /* {aval} */"
    lines += [f"int {name}(", *[f"    {head}" for head in heads or ["void"]], ") {"]
    lines += [f"    {ctype(m.aval.dtype)} *restrict {m.name} = work->{m.name};" for m in w.slots]
    return [*lines, *w.lines, "    return 0;", "}"]
