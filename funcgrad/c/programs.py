"""A program as the text of a C function, with its signature and its workspace; files of them."""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from ..compile.names import quote
from ..core.avals import Aval
from ..core.jaxpr import Jaxpr
from .elements import OUT_OF_RANGE
from .factorizations import NOT_POSITIVE, SINGULAR
from .helpers import definitions
from .literals import NotInCError, ctype
from .statements import INTERRUPTED, STACKS, TOO_MANY_STEPS
from .ticks import ticks
from .tidy import tidy
from .totals import NOT_FINITE
from .values import Memory, Value, in_memory, registers
from .writer import Writer

# results of the function
CODES = {
    NOT_FINITE: 1, OUT_OF_RANGE: 2, SINGULAR: 3, TOO_MANY_STEPS: 4, NOT_POSITIVE: 5,
    INTERRUPTED: 6,
}  # fmt: skip
HEADERS = ("math", "stdbool", "stdint", "string")
_NEEDED = {"complex": (" complex", "complex_"), "stddef": ("ptrdiff_t",)}  # words that tell it
_LINE = 64  # bytes of a cache line
_TABLE = re.compile(r"static const [\w ]+ (\w+)\[")


class Function(NamedTuple):
    """How a function is called: ``name(*ins, *outs, work, rows, room, interrupted, caller)``.

    It returns 0 or a code; those behind the outputs are parameters where they are needed.
    """

    name: str
    ins: tuple[Aval, ...]
    outs: tuple[Aval, ...]
    work: int  # bytes of the workspace
    checks: bool  # whether it may return that a derivative is not finite
    rows: bool  # whether it takes memory for the rows of loops, and its bytes, last
    polls: bool  # whether it takes a function that says whether to stop, and its argument
    ticks: int  # how long it takes


class Parts(NamedTuple):
    """A function in C, in parts of which a file is made."""

    name: str
    ins: list[tuple[str, Aval]]  # names of the parameters
    outs: list[tuple[str, Aval]]
    codes: list[str]  # those that it returns
    tables: list[str]  # constant arrays, above it
    slots: list[Memory]  # arrays of its workspace
    lines: list[str]  # statements
    stack: int  # bytes of its arrays on the stack
    rows: tuple[str, str] | None  # the names of memory for the rows of loops, and of its bytes
    polls: bool  # whether it has a loop that asks whether to stop

    @property
    def taken(self) -> list[str]:
        """Its names that another function in the same file may not use."""
        tables = re.findall(r"\w+(?=\[)|(?<=struct )\w+", "\n".join(self.tables))
        return [self.name, *tables]

    @property
    def work(self) -> int:
        """The bytes of the workspace."""
        return sum(_in_lines(m.aval) * m.aval.dtype.itemsize for m in self.slots)

    def struct(self) -> list[str]:
        """The definition of the workspace, whose arrays are whole cache lines."""
        rows = [f"    {ctype(m.aval.dtype)} {m.name}[{_in_lines(m.aval)}];" for m in self.slots]
        return [f"struct {self.name}_work {{", *rows, "};"]

    def body(self) -> list[str]:
        """The statements between the braces."""
        code = [line for line in self.lines if not line.lstrip().startswith("/*")]
        read = set(re.findall(r"\w+", "\n".join(code)))
        unread = [f"    (void){x};" for x, _ in (*self.ins, *self.outs) if x not in read]
        slots = [f"    {ctype(m.aval.dtype)} *restrict {m.name} = work->{m.name};"
                 for m in self.slots]  # fmt: skip
        count = ["    int ticks = 0;"] if self.polls else []
        return [*unread, *slots, *count, *self.lines, "    return 0;"]


def _in_lines(aval: Aval) -> int:
    """The number of elements in the cache lines of an array."""
    many = _LINE // aval.dtype.itemsize
    return -(-aval.size // many) * many


def function_parts(
    jaxpr: Jaxpr,
    name: str,
    inputs: Sequence[str],
    outputs: Sequence[str] = (),
    taken: Collection[str] = (),
    polls: bool = False,
    stack: int = STACKS,
) -> Parts:
    """Write a program as a function in C.

    Args:
        jaxpr: a program without constants.
        name: the name of the function.
        inputs: names of its inputs.
        outputs: names of its outputs.
        taken: names that it may not use.
        polls: whether long loops ask the caller whether to stop.
        stack: bytes of arrays on the stack, at most; others lie in the workspace.

    Raises:
        NotInCError: if it cannot be written; it tells the line of the equation.
    """
    w = Writer()
    w.polls, w.stacks = polls, stack
    w.used.update(taken)
    name = w.name(name)
    ins = [(w.name(hint), var.aval) for hint, var in zip(inputs, jaxpr.invars, strict=True)]
    try:
        given = [_input(x, aval) for x, aval in ins]
        w.names.known = {v: x for (x, _), v in zip(ins, jaxpr.invars, strict=True)}
        w.names.study(jaxpr)
        hints = [*outputs] or [_hint(w, a) for a in jaxpr.outvars]
        avals = [Aval(a.aval.shape, a.aval.dtype) for a in jaxpr.outvars]
        outs = [(w.name(hint), aval) for hint, aval in zip(hints, avals, strict=True)]
        w.block(jaxpr, given, [in_memory(Memory(x, aval, owned=True), aval) for x, aval in outs])
    except NotInCError as err:
        err.line = w.names.location(w.eqn) if w.eqn else ""
        raise
    lines = tidy(w.lines)
    codes = [code for code in CODES if any(f"return {code};" in line for line in lines)]
    return Parts(name, ins, outs, codes, w.top, w.slots, lines, w.stack, w.rows, w.polled)


def function_of(jaxpr: Jaxpr, parts: Parts) -> Function:
    """How the function is called that :func:`function_parts` wrote of a program."""
    ins = tuple([v.aval for v in jaxpr.invars])
    outs = tuple([a.aval for a in jaxpr.outvars])
    checks, rows = NOT_FINITE in parts.codes, parts.rows is not None
    return Function(parts.name, ins, outs, parts.work, checks, rows, parts.polls, ticks(jaxpr))


def _hint(w: Writer, atom: object) -> str:
    return (w.names.hint(atom) if hasattr(atom, "of") else "") or "out"  # type: ignore[arg-type]


def _input(name: str, aval: Aval) -> Value:
    ctype(aval.dtype)
    if not aval.shape:
        return registers(aval, [name])
    return in_memory(Memory(name, aval), aval)


def file_of(functions: Sequence[Parts], title: str) -> str:
    """The text of a file of functions, see :func:`function_parts`; ``title`` is its first line."""
    written = [line for parts in functions for line in parts.lines]
    params = [ctype(a.dtype) for parts in functions for _, a in (*parts.ins, *parts.outs)]
    tables = _read(dict.fromkeys(t for parts in functions for t in parts.tables), written)
    defined = definitions(written)
    lines = [f"/* {quote(title).replace('*/', '* /')} */", ""]
    lines += includes([*params, *tables, *defined, *written])
    codes = [code for code in CODES if any(code in parts.codes for parts in functions)]
    if codes:
        lines += ["", f"enum {{ {', '.join(f'{c} = {CODES[c]}' for c in codes)} }};"]
    for text in (*defined, *tables):
        lines += ["", text]
    for parts in functions:
        lines += _text(parts)
    return "\n".join([*lines, ""])


def _read(tables: Iterable[str], lines: Sequence[str]) -> list[str]:
    """The definitions above functions without constant arrays that no line reads."""
    words = set(re.findall(r"\w+", "\n".join(lines)))
    return [t for t in tables if not (found := _TABLE.match(t)) or found[1] in words]


def _text(parts: Parts) -> list[str]:
    """The lines of a function, behind those of its workspace."""
    lines = ["", *parts.struct()] if parts.slots else []
    lines += ["", f"/* Returns 0{', or a code of the list above' if parts.codes else ''}. */"]
    heads = [(_parameter(x, aval, "const "), f" /* {aval} */") for x, aval in parts.ins]
    heads += [(f"{ctype(a.dtype)} *restrict {x}", f" /* {a} */") for x, a in parts.outs]
    if parts.slots:
        heads.append((f"struct {parts.name}_work *restrict work", ""))
    heads += of_rows(parts.rows)
    if parts.polls:
        heads += [("int (*interrupted)(void *)", ""), ("void *caller", "")]
    return [*lines, f"int {parts.name}(", *listed(heads), ") {", *parts.body(), "}"]


def includes(text: Sequence[str]) -> list[str]:
    """The lines that include headers; some only where the text needs them."""
    needed = [h for h, words in _NEEDED.items() if any(w in line for w in words for line in text)]
    return [f"#include <{header}.h>" for header in sorted((*needed, *HEADERS))]


def of_rows(names: tuple[str, str] | None, restrict: str = "restrict ") -> list[tuple[str, str]]:
    """The parameters of memory for the rows of loops, with their comments."""
    if names is None:
        return []
    first = (f"char *{restrict}{names[0]}", " /* for the rows of loops, aligned as a double */")
    return [first, (f"int64_t {names[1]}", " /* its bytes, a multiple of 16 */")]


def listed(heads: Sequence[tuple[str, str]]) -> list[str]:
    """The lines of parameters, each with its comment."""
    commas = [","] * (len(heads) - 1) + [""]
    rows = zip(heads, commas, strict=True) if heads else ()
    return [f"    {text}{comma}{told}" for (text, told), comma in rows] or ["    void"]


def _parameter(name: str, aval: Aval, const: str) -> str:
    kind = ctype(aval.dtype)
    return f"{const}{kind} *restrict {name}" if aval.shape else f"{kind} {name}"
