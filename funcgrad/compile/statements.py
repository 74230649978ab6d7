"""The statements of one function: its text, the names it uses, and its memory."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..core.avals import Aval
from ..core.errors import FuncgradError
from ..core.registry import primitives
from ..ops.elementwise import quotient
from .allocator import Allocator
from .names import Globals, Names, label
from .text import keywords, lengths, literal
from .values import Value

INDENT = "    "


class Statements:
    """A function under construction, with the imports and constants that it needs."""

    def __init__(self) -> None:
        self.names = Names()
        self.globals = Globals(self.names)
        self.memory = Allocator(self.names, self.globals)
        self.token, self.bind = self.names.token, self.globals.bind
        self.made = self.globals.constant
        self.numpy, self.dtype = self.globals.numpy, self.globals.dtype
        self.lines: list[str] = []
        self.depth = 1
        self.count = 0  # of lines without comments
        self.parts: dict[tuple[str, str], str] = {}  # methods of primitives that are called
        self.functions: dict[Any, str] = {}  # elementwise primitive -> the name of its function
        self.told: dict[Any, str] = {}  # shape and dtype -> the comment behind a line
        self.silent = False  # whether NumPy does not warn of the lines now written
        self.unread: set[str] = set()  # views that may be needless, as another is read in place
        self.shares = False  # whether a loop is dealt out to threads

    # text

    def line(self, text: str, aval: Aval | None = None) -> None:
        """Write a line, with the aval of the array that it fills as a comment."""
        told = ""
        if aval is not None and aval.shape:
            key = aval.shape, aval.dtype
            told = self.told.get(key) or self.told.setdefault(key, f"  # {aval}")
        self.lines.append(f"{INDENT * self.depth}{text}{told}")
        self.count += 1

    def comment(self, text: str) -> None:
        """Write a line of comment."""
        self.lines.append(f"{INDENT * self.depth}# {text}")

    @contextmanager
    def indented(self, head: str) -> Iterator[None]:
        """Write the head of a block (``for i in range(3):``); lines in the context are its body."""
        self.line(head)
        self.depth += 1
        before = self.count
        yield
        if self.count == before:
            self.line("pass")
        self.depth -= 1

    def function(self, prim: Any) -> str:
        """The name of an elementwise primitive's function: NumPy's own, or its own."""
        if prim is quotient and self.silent:
            return self.numpy("divide")  # the same, where NumPy does not warn
        found = self.functions.get(prim)
        if found is None:
            name = getattr(prim.function, "__name__", "")
            own = not name or getattr(np, name, None) is not prim.function
            found = self.part(prim, "function") if own else self.numpy(name)
            self.functions[prim] = found
        return found

    def part(self, prim: Any, attribute: str) -> str:
        """The name of a function or method that belongs to a primitive."""
        if primitives.get(prim.name) is not prim:  # another has taken its name since
            return self.bind(getattr(prim, attribute), prim.name)
        key = (prim.name, attribute)
        if key not in self.parts:
            name = f"{prim.name}_plan" if attribute == "plan" else prim.name
            self.parts[key] = self.names.token(label(name))
        return self.parts[key]

    def share(self) -> str:
        """The name of the function that deals a loop out to threads, which is imported."""
        self.shares = True
        return "share"

    def param(self, value: Any) -> str:
        """A static parameter as an expression, bound where it has no text."""
        try:
            return literal(value)
        except FuncgradError:
            return self.bind(value)

    def keywords(self, params: Mapping[str, Any]) -> list[str]:
        """Parameters as the keyword arguments of a call."""
        return keywords({k: self.param(v) for k, v in params.items()})

    def as_tuple(self, items: Sequence[Any]) -> str:
        """Expressions as that of their tuple."""
        return f"({', '.join(map(str, items))}{',' if len(items) == 1 else ''})"

    # values

    def scalar(self, value: Value) -> str:
        """A value of shape () as a NumPy scalar, a weak one as a Python scalar: never an array."""
        return value.text if value.aval.weak or not value.text.isidentifier() else f"{value}[()]"

    def array(self, value: Value) -> Value:
        """A value that can be indexed: a Python scalar as an array."""
        if not value.aval.weak:
            return value
        return Value(f"{self.numpy('asarray')}({value})", value.aval)

    def view(
        self,
        value: Value,
        expression: str,
        aval: Aval,
        contiguous: bool,
        hint: str = "",
        static: bool | None = None,
    ) -> Value:
        """A view of a value: made once where the value is static, else at each call."""
        static = value.static if static is None else static
        token = self.names.token(hint)
        if static:
            self.memory.statics[token] = expression
        else:
            self.line(f"{token} = {expression}")
        return Value(token, aval, value.allocation, static=static, contiguous=contiguous)

    # statements that fill an output

    def allocate(self, out: Value) -> str:
        """The name of an output, for which memory is allocated if it has none."""
        if out.reshape_of is not None and not out.allocated:
            self.allocate(out.reshape_of)
            self.line(f"{out} = {out.reshape_of.reshaped(out.aval.shape)}")
            out.allocated = True
        if not out.allocated:
            shape, dtype = lengths(out.aval.shape), self.dtype(out.aval.dtype)
            self.line(f"{out} = {self.numpy('empty')}({shape}, {dtype})")
            out.allocated = out.contiguous = True
        return out.text

    def call(self, function: str, args: Sequence[Any], out: Value, keyword: bool = False) -> None:
        """Write a call that fills ``out``, its last argument where it has memory."""
        given = ", ".join([str(x) if type(x) in (str, Value) else self.param(x) for x in args])
        if out.allocated and out.aval.shape:
            self.line(f"{function}({given}, {'out=' if keyword else ''}{out})", out.aval)
        else:
            self.line(f"{out} = {function}({given})", out.aval)
            out.allocated = True

    def assign(self, out: Value, expression: str) -> None:
        """Write an expression, whose value is a new array, into ``out``."""
        if out.allocated and out.aval.shape:
            self.line(f"{out}[...] = {expression}", out.aval)  # copyto takes 0.1 us more
        else:
            self.line(f"{out} = {expression}", out.aval)
            out.allocated = True

    def assign_view(self, out: Value, expression: str, scalar: bool = False) -> None:
        """Write an expression, whose value aliases another array, into ``out``: it is copied.

        ``scalar``: NumPy gives a scalar, if the value has no axis.
        """
        if not out.aval.shape:
            expression += "" if scalar or out.aval.weak else "[()]"
        elif not out.allocated:
            expression += ".copy()"
        self.assign(out, expression)

    def copy(self, out: Value, value: Value) -> None:
        """Write the elements of a value into ``out``."""
        if not out.aval.shape:
            self.line(f"{out} = {self.scalar(value)}")
        elif out.allocated:
            self.line(f"{out}[...] = {value}", out.aval)
        elif value.aval.shape:
            self.line(f"{out} = {value}.copy()", out.aval)
        else:
            self.line(f"{self.allocate(out)}[...] = {value}")
        out.allocated = True

    def to_scalar(self, out: Value) -> None:
        """Make a NumPy scalar of an array of shape (), which was needed to write to."""
        if not out.aval.shape:
            self.line(f"{out} = {out}[()]")
