"""The text of exported C: the header, the source, and an example of a call."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..c.helpers import definitions
from ..c.literals import braced, ctype, number, plain
from ..c.programs import CODES, Parts, includes, listed, of_rows
from ..core.avals import Aval

ROWS = 1 << 16  # bytes for the rows of loops in the example
SHOWN = 1024  # elements of an argument whose values are written into the example
_TOLD = {
    "NOT_FINITE": "a derivative is not finite",
    "INDEX_OUT_OF_RANGE": "an index is out of range",
    "SINGULAR_MATRIX": "a matrix is singular",
    "TOO_MANY_STEPS": "a loop has more steps than the memory for its rows",
    "NOT_POSITIVE_DEFINITE": "a matrix is not positive definite",
}
_FORMATS = {"f": "%.17g", "i": "%lld", "u": "%llu", "b": "%d"}
_CASTS = {"i": "(long long)", "u": "(unsigned long long)"}
_TAKEN = "EOF FILE code fprintf fputs getchar i printf putchar puts stderr stdin stdout"
_OF_STDIO = frozenset(_TAKEN.split())  # names that example_main.c uses itself


@dataclass(frozen=True, slots=True)
class Unit:
    """An exported function.

    Args:
        parts: its text; where there are two, the second runs if the first is not finite.
        origin: the Python function, with its place.
        about: the first line of its docstring, or "".
        paths: of arguments and results, in the order of the parameters.
        values: of the arguments; None where they are not known.
        fixed: the static arguments with their values, as text.
        static: whether parameters tell the compiler their least sizes.
    """

    name: str
    parts: tuple[Parts, ...]
    origin: str
    about: str
    paths: Sequence[str]
    values: Sequence[Any]
    fixed: Sequence[str]
    static: bool

    @property
    def params(self) -> list[tuple[str, Aval]]:
        return [*self.parts[0].ins, *self.parts[0].outs]

    @property
    def works(self) -> bool:
        """Whether a call needs a workspace."""
        return any(part.slots for part in self.parts)

    @property
    def rows(self) -> tuple[str, str] | None:
        """The names of memory for the rows of loops, and of its bytes, if it is needed."""
        return next((part.rows for part in self.parts if part.rows), None)

    @property
    def codes(self) -> list[str]:
        """The codes that it may return."""
        return [code for code in CODES if any(code in part.codes for part in self.parts)]


# the header


def header(unit: Unit) -> str:
    """The text of NAME.h."""
    guard = f"{unit.name.upper()}_H"
    body = [*_status(unit), "", *_work(unit), *_head(unit, f"int {unit.name}(", ");", "")]
    types = {word for line in body for word in re.findall(r"\w+", re.sub(r"/\*.*\*/", "", line))}
    needs = {"stdbool": "bool" in types, "stdint": any(t.endswith("_t") for t in types)}
    lines = [
        *_comment(unit), "", f"#ifndef {guard}", f"#define {guard}", "",
        *[f"#include <{name}.h>" for name, needed in needs.items() if needed],
    ]  # fmt: skip
    lines += [""] * any(needs.values())
    lines += ["#ifdef __cplusplus", 'extern "C" {', "#endif", ""]
    if unit.static:
        lines += _static(unit)
    lines += [*body, "", "#ifdef __cplusplus", "}", "#endif", "", f"#endif /* {guard} */"]
    return _joined(lines)


def _comment(unit: Unit) -> list[str]:
    """What the function does, and how it is called."""
    fixed = [f"Static arguments: {', '.join(unit.fixed)}."] if unit.fixed else []
    stack = max(part.stack for part in unit.parts)
    work = max(part.work for part in unit.parts)
    own = ", each with a workspace of its own" if work else ""
    memory = f"a workspace of {work} bytes, " if work else ""
    rows = [
        f"{unit.name}.h: {unit.origin}, written in C99 by funcgrad.", "",
        *([unit.about, ""] if unit.about else []),
        *fixed,
        "Arrays are in C order. Numbers are passed by value, results by address; none may overlap.",
        f"Memory: {memory}{stack} bytes of arrays on the stack.",
        f"The function keeps no state: calls may run at once{own}.",
    ]  # fmt: skip
    rows = [plain(row) for row in rows]
    return [f"/* {rows[0]}", *rows[1:-1], f"{rows[-1]} */"]


def _static(unit: Unit) -> list[str]:
    word = f"{unit.name.upper()}_STATIC"
    return [
        "/* C++ has no least sizes of arrays. */", "#ifdef __cplusplus", f"#define {word}", "#else",
        f"#define {word} static", "#endif", "",
    ]  # fmt: skip


def _status(unit: Unit) -> list[str]:
    """The results of the function, by name."""
    prefix = unit.name.upper()
    rows = [f"    {prefix}_{code} = {CODES[code]}, /* {_TOLD[code]} */" for code in unit.codes]
    lines = [f"    {prefix}_OK = 0,", *rows]
    lines[-1] = lines[-1].replace(",", "", 1)
    return [f"enum {unit.name}_status {{", *lines, "};"]


def _work(unit: Unit) -> list[str]:
    """The type of the workspace."""
    if not unit.works:
        return []
    if len(unit.parts) == 1:
        return [*unit.parts[0].struct(), ""]
    own = [part for part in unit.parts if part.slots]
    rows = [f"        struct {p.name}_work {p.name.removeprefix(f'{unit.name}_')};" for p in own]
    structs = [line for part in own for line in [*part.struct(), ""]]
    return [*structs, f"struct {unit.name}_work {{", "    union {", *rows, "    } of;", "};", ""]


# the function


def _head(unit: Unit, start: str, end: str, restrict: str, part: Parts | None = None) -> list[str]:
    """The signature of the function, or of one of its parts."""
    name = part.name if part else unit.name
    given = [*part.ins, *part.outs] if part else unit.params
    works = bool(part.slots) if part else unit.works
    count = len(unit.parts[0].ins)
    heads = [
        (_parameter(unit, x, aval, i >= count, restrict), f" /* {plain(path)}: {aval} */")
        for i, ((x, aval), path) in enumerate(zip(given, unit.paths, strict=True))
    ]
    if works:
        heads.append((f"struct {name}_work *{restrict}work", ""))
    heads += of_rows(part.rows if part else unit.rows, restrict)
    return [start, *listed(heads), end]


def _parameter(unit: Unit, name: str, aval: Aval, is_result: bool, restrict: str) -> str:
    """The declaration of a parameter; its size, too, is part of that of an array."""
    kind = ctype(aval.dtype)
    if not aval.shape:
        return f"{kind} *{restrict}{name}" if is_result else f"{kind} {name}"
    static = f"{unit.name.upper()}_STATIC " if unit.static and aval.size else ""
    return f"{'' if is_result else 'const '}{kind} {name}[{restrict}{static}{max(aval.size, 1)}]"


def source(unit: Unit) -> str:
    """The text of NAME.c."""
    first = plain(f"{unit.name}.c: {unit.origin}, written in C99 by funcgrad.")
    lines = [f"/* {first} */", "", f'#include "{unit.name}.h"', ""]
    written = [line for part in unit.parts for line in part.lines]
    defined = definitions(written)
    lines += includes([*defined, *written])
    tables = dict.fromkeys(text for part in unit.parts for text in part.tables)
    for text in (*defined, *tables):
        lines += ["", text]
    if len(unit.parts) == 1:
        (part,) = unit.parts
        lines += ["", *_defined(unit, f"int {unit.name}(", part, None)]
        return _joined(lines)
    for part in unit.parts:
        lines += ["", *_defined(unit, f"static int {part.name}(", part, part)]
    return _joined([*lines, "", *_choice(unit)])


def _defined(unit: Unit, start: str, part: Parts, own: Parts | None) -> list[str]:
    prefix = unit.name.upper()
    body = [re.sub(r"^( *return )([A-Z_]+);$", rf"\1{prefix}_\2;", line) for line in part.body()]
    return [*_head(unit, start, ") {", "restrict ", own), *body, "}"]


def _choice(unit: Unit) -> list[str]:
    """The function that calls the second part where the first one is not finite."""
    given = ", ".join(x for x, _ in unit.params)
    calls = []
    for part in unit.parts:
        field = part.name.removeprefix(f"{unit.name}_")
        own = f", &work->of.{field}" if part.slots else ""
        rows = f", {', '.join(unit.rows)}" if part.rows and unit.rows else ""
        calls.append(f"{part.name}({given}{own}{rows});")
    lines = [
        f"    const int status = {calls[0]}",
        f"    if (status != {unit.name.upper()}_NOT_FINITE)",
        "        return status;",
        "    /* with masks, which take longer */",
        f"    return {calls[1]}",
        "}",
    ]
    return [*_head(unit, f"int {unit.name}(", ") {", "restrict "), *lines]


# the example


def example(unit: Unit) -> str:
    """The text of example_main.c."""
    name, count = unit.name, len(unit.parts[0].ins)
    local = [f"{x}_" if x in _OF_STDIO else x for x, _ in unit.params]
    given, shown, lines = list[str](), list[str](), list[str]()
    for i, (x, (_, aval)) in enumerate(zip(local, unit.params, strict=True)):
        kind = ctype(aval.dtype)
        if i < count:
            lines += _argument(x, aval, unit.values[i])
            given.append(x)
        else:
            lines.append(
                f"    {f'static {kind} {x}[{max(aval.size, 1)}]' if aval.shape else f'{kind} {x}'};"
            )
            given.append(x if aval.shape else f"&{x}")
            shown += _printed(x, aval)
    if unit.works:
        lines.append(f"    static struct {name}_work work;")
        given.append("&work")
    if unit.rows:
        lines.append(f"    static int64_t {unit.rows[0]}[{ROWS // 8}];")
        given += [f"(char *){unit.rows[0]}", f"sizeof {unit.rows[0]}"]
    head = f"    const int code = {name}({', '.join(given)});"
    check = [f"    if (code != {name.upper()}_OK) {{",
             f'        fprintf(stderr, "{name} returned %d\\n", code);',
             "        return code;", "    }"]  # fmt: skip
    first = [f"/* A call of {name}: cc -O2 example_main.c {name}.c -lm */", "",
             "#include <math.h>", "#include <stdio.h>", "", f'#include "{name}.h"', "",
             "int main(void) {"]  # fmt: skip
    return _joined([*first, *lines, head, *check, *shown, "    return 0;", "}"])


def _argument(x: str, aval: Aval, value: Any) -> list[str]:
    """The definition of an argument, with its values where they are few."""
    kind = ctype(aval.dtype)
    if not aval.shape:
        text = (
            "0" if value is None else number(np.asarray(value).astype(aval.dtype)[()], aval.dtype)
        )
        return [f"    const {kind} {x} = {text};"]
    if value is None or not 0 < aval.size <= SHOWN:
        return [f"    static {kind} {x}[{max(aval.size, 1)}]; /* zeros */"]
    values = np.asarray(value).astype(aval.dtype).ravel().tolist()
    return braced(
        f"    static const {kind} {x}[{aval.size}] = ", [number(v, aval.dtype) for v in values]
    )


def _printed(x: str, aval: Aval) -> list[str]:
    """The lines that print a result."""
    form, cast = _FORMATS[aval.dtype.kind], _CASTS.get(aval.dtype.kind, "")
    if not aval.shape:
        return [f'    printf("{x} = {form}\\n", {cast}{x});']
    if not aval.size:
        return [f"    (void){x};"]
    return [f"    for (int i = 0; i < {aval.size}; i++)",
            f'        printf("{x}[%d] = {form}\\n", i, {cast}{x}[i]);']  # fmt: skip


def _joined(lines: Sequence[str]) -> str:
    return "\n".join([line.rstrip() for line in lines]) + "\n"
