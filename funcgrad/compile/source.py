"""The module of a compiled program: imports, a workspace, and one function.

    spaces = local()

    def main(x, w):
        try:
            free = spaces.free
        except AttributeError:  # the first call of this thread
            free = spaces.free = []
        space = free.pop() if free else workspace()
        ...

Each call takes a workspace from a list of its thread, so calls may nest and run in threads. The
list is freed with the thread. After an exception the workspace goes back to the list, unless other
threads may still write to it.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from ..core.jaxpr import Jaxpr, Var
from .allocator import ALIGNMENT
from .donation import safe_donors
from .errstate import spans
from .names import OF_NUMPY, RESERVED, TOKEN, label, quote, unused
from .statements import INDENT
from .text import literal
from .values import Allocation, Value
from .writer import Writer

CACHE = 1 << 15  # bytes that lie in the first cache, where an alignment to its lines gains nothing
_APART = "\1"  # no text of the module holds it
_PRIMITIVE = "from funcgrad.core.registry import primitive"
_SHARE = "from funcgrad.compile.threads import share"
_QUIET = "from funcgrad.core.floating import quiet, settings"
QUIETS = "settings.set(quiet)"  # a line with it turns NumPy's warnings off


class Source(NamedTuple):
    """The text of a module, the constants that it is given, and its memory plan."""

    text: str
    constants: tuple[Any, ...]
    arena: int  # bytes of the workspace
    profile: tuple[tuple[str, str, int], ...]  # of each equation name, line, and bytes live at it
    title: str  # the docstring
    head: str  # the text above the functions, without imports from this library
    size: int  # of the rest of the text
    parts: tuple[tuple[str, str, str], ...]  # name in the text, primitive, method of it
    shares: bool  # whether ``share`` is called

    @property
    def body(self) -> str:
        """The text without imports from this library."""
        return self.head + self.text[len(self.text) - self.size :]


def source_of(
    jaxpr: Jaxpr,
    title: str,
    inputs: Sequence[str],
    donated: Sequence[int | None] = (),
    threads: int = 1,
    fallback: Callable[..., Any] | None = None,
) -> Source:
    """Write a program as the source of a module.

    Args:
        jaxpr: a program without constants.
        title: the docstring of the module.
        inputs: names of the inputs.
        donated: for each output the index of the input whose memory it reuses, or None.
        threads: the number of threads that share loops over blocks of big arrays.
        fallback: gives the function that is called where a derivative is not finite.
    """
    w = Writer(threads, fallback)
    given = _distinct(inputs)
    clashes = OF_NUMPY.intersection(given)
    given = [unused(f"{name}_", set(given)) if name in clashes else name for name in given]
    w.names.study(jaxpr, given)
    rows = zip(given, jaxpr.invars, strict=True)
    ins = [Value(name, v.aval, Allocation() if v.aval.shape else None) for name, v in rows]
    targets: list[Value | None] = [
        w.memory.fresh(a.aval, w.names.hint(a)) if isinstance(a, Var) and a.aval.shape else None
        for a in jaxpr.outvars
    ]
    for i, donor in enumerate(safe_donors(jaxpr, donated) if donated else ()):
        targets[i] = targets[i] if donor is None else ins[donor]
    w.depth = 2
    silent = any(eqn.is_silent for eqn in jaxpr.eqns)
    outs = w.block(jaxpr, ins, targets, spans(jaxpr) if silent else ())
    returned = [y.text if y.aval.shape else w.scalar(y) for y in outs]
    return _module(w, title, given, w.as_tuple(returned))


def _distinct(names: Sequence[str]) -> list[str]:
    """Names as identifiers that differ."""
    used = set(RESERVED)
    result = []
    for i, name in enumerate(names):
        name = unused(label(name) or f"x{i}", used)
        used.add(name)
        result.append(name)
    return result


def _module(w: Writer, title: str, inputs: Sequence[str], returned: str) -> Source:
    """The module around the lines of the function."""
    if w.unread:
        w.lines = _read(w.lines, w.unread, returned)
    read = set(TOKEN.findall("\n".join([*w.lines, returned])))
    statics = w.memory.statics and needed(w.memory.statics, read)
    same = w.memory.shared(statics) if statics else {}
    statics = {token: made for token, made in statics.items() if token not in same}
    bound = list(w.globals.bound.values())
    given = f"{w.as_tuple([token for token, _ in bound])} = constants\n" if bound else ""
    given += "\n".join(f"{token} = {made}" for made, token in w.globals.made.items())
    read = {same.get(token, token) for token in map("\0{}\0".format, read)}
    space = [token for token in statics if token in read]
    main = _main(w, inputs, space, returned)
    lines = "\n".join(_guarded(w, main, inputs) if w.masked else main)
    if statics:
        lines = f"{_workspace(w, statics, space)}\n\nspaces = local()\n\n{lines}"
    rows = ["from threading import local"] if statics else []
    rows += (
        [f"from numpy import {', '.join(sorted(w.globals.imports))}"] if w.globals.imports else []
    )
    imports = "\n".join(rows)
    texts = [imports, given, lines, *w.parts.values()]
    taken = {*w.globals.imports, *inputs}
    imports, given, lines, *names = w.names.resolved(_APART.join(texts), taken, same).split(_APART)
    parts = tuple([(n, prim, part) for n, (prim, part) in zip(names, w.parts, strict=True)])
    calls = "\n".join(f"{n} = primitive({literal(prim)}).{part}" for n, prim, part in parts)
    rows += [_SHARE] if w.shares else []
    rows += [_QUIET] if QUIETS in lines else []
    rows += [_PRIMITIVE] if parts else []
    title = quote(title).replace("\\", "/").replace('"', "'")  # in a docstring
    imports, given, lines, head = map(_folded, (imports, given, lines, "\n".join(rows)))
    above = "".join(f"{part}\n\n" for part in (imports, given) if part)
    text = [part for part in (f'"""{title}"""', head, given, calls, lines) if part]
    constants = tuple([x for _, x in bound])
    arena, profile = w.memory.arena.size, tuple(w.profile)
    whole, size = "\n\n".join([*text, ""])[:-1], len(lines) + 1
    return Source(whole, constants, arena, profile, title, above, size, parts, w.shares)


def _read(lines: Sequence[str], unread: set[str], returned: str) -> list[str]:
    """The lines without views that no line reads."""
    reads = Counter(TOKEN.findall("\n".join([*lines, returned])))
    kept = list[str]()
    for line in reversed(lines):
        token, _, made = line.strip().partition(" = ")
        if token in unread and reads[token[1:-1]] == 1:
            reads.subtract(TOKEN.findall(made))
        else:
            kept.append(line)
    return kept[::-1]


def _folded(text: str) -> str:
    """A section in which long lists of names are folded."""
    return "\n".join([x if len(x) <= 100 else _rows(x) for x in text.split("\n")])


def _workspace(w: Writer, statics: dict[str, str], space: Sequence[str]) -> str:
    size = w.memory.arena.size
    lines = ["def workspace():", f'{INDENT}"""Return the memory of one call, {size} bytes."""']
    room = size + ALIGNMENT if size >= CACHE else size
    if size:
        lines.append(f"{INDENT}arena = {w.numpy('empty')}({room}, {w.numpy('uint8')})")
    if room > size:  # NumPy aligns to 16 bytes
        lines.append(f"{INDENT}arena = arena[-arena.ctypes.data % {ALIGNMENT} :]")
    lines += [f"{INDENT}{token} = {made}" for token, made in statics.items()]
    return "\n".join([*lines, f"{INDENT}return {w.as_tuple(space)}"])


def _guarded(w: Writer, lines: Sequence[str], inputs: Sequence[str]) -> list[str]:
    """The lines of the function; where a check fails it calls the fallback."""
    head, *body = lines
    return [
        head,
        f"{INDENT}try:",
        *(f"{INDENT}{line}" for line in body),
        f"{INDENT}except {w.signal}:  # the same program with masks",
        f"{INDENT * 2}return {w.masked}({', '.join(inputs)})",
    ]


def _main(w: Writer, inputs: Sequence[str], statics: Sequence[str], returned: str) -> list[str]:
    head = f"def main({', '.join(inputs)}):"
    plain = [line[len(INDENT) :] for line in w.lines]
    if not statics:
        return [head, *plain, f"{INDENT}return {returned}"]
    taken = [
        f"{INDENT}try:",
        f"{INDENT * 2}free = spaces.free",
        f"{INDENT}except AttributeError:  # the first call of this thread",
        f"{INDENT * 2}free = spaces.free = []",
        f"{INDENT}space = free.pop() if free else workspace()",
        f"{INDENT}{w.as_tuple(statics)} = space",
    ]
    if w.shares:
        result = w.names.token("result")
        return [
            head,
            *taken,
            *plain,
            f"{INDENT}{result} = {returned}",
            f"{INDENT}free.append(space)  # not after an exception: a thread may still write to it",
            f"{INDENT}return {result}",
        ]
    given_back = [f"{INDENT}finally:", f"{INDENT * 2}free.append(space)"]
    body = [*w.lines, f"{INDENT * 2}return {returned}"]
    return [head, *taken, f"{INDENT}try:", *body, *given_back]


def needed(statics: dict[str, str], read: Collection[str]) -> dict[str, str]:
    """The static values whose numbers are read, and those that define them."""
    wanted = set(read)
    for token, made in reversed(statics.items()):
        if token[1:-1] in wanted:
            wanted.update(TOKEN.findall(made))
    return {token: made for token, made in statics.items() if token[1:-1] in wanted}


def _rows(line: str) -> str:
    """A long list of names as several lines."""
    text = line.strip()
    if "#" in line or "'" in line:
        return line
    if text.startswith("from "):
        first, _, rest = line.partition(" import ")
        line = f"{first} import ({rest})"
    indent = line[: len(line) - len(text)] if not line.startswith("from ") else ""
    if text.startswith("for ") and text.endswith("):"):
        names, _, rows = text[4:-2].partition(" in zip(")
        parts = ["for (", *_wrapped(names, indent)]
        parts += [") in zip(", *_wrapped(rows, indent), "):"]
        return "\n".join(p if p.startswith(" ") else f"{indent}{p}" for p in parts)
    head, opened, rest = line.strip().partition("(")
    inner, _, tail = rest.rpartition(")")
    if not opened or (head not in ("", "return ", "def main") and not head.startswith("from ")):
        return line
    return "\n".join([f"{indent}{head}(", *_wrapped(inner, indent), f"{indent}){tail}"])


def _wrapped(names: str, indent: str) -> list[str]:
    """A list of names in several lines."""
    width = 100 - len(indent) - len(INDENT)
    rows = list[str]()
    for name in names.split():
        if rows and len(rows[-1]) + len(name) < width:
            rows[-1] += f" {name}"
        else:
            rows.append(name)
    return [f"{indent}{INDENT}{row}" for row in rows]
