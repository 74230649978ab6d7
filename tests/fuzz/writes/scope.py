"""The scope of a program that grows: the value of each name, and which arrays it may write into.

A line runs in plain NumPy at once. A line that NumPy refuses is dropped, and what it may have
written is undone by running the lines before it again.
"""

import contextlib
import functools
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .plain import NAMESPACE

LARGEST, RANK, BOUND = 40, 3, 40.0
NAME = re.compile(r"\b[a-z]\d+\b")


class RejectedError(Exception):
    """A line that does not fit here; another one is tried."""


@functools.lru_cache(50_000)
def compiled(text: str, mode: str) -> Any:
    return compile(text, "<line>", mode)


def base(x: Any) -> Any:
    """The array that owns the memory."""
    while isinstance(x, np.ndarray) and isinstance(x.base, np.ndarray):
        x = x.base
    return x


def repeats(x: np.ndarray) -> bool:
    """Whether an array is broadcast: NumPy's order of results that are made of it is not ours."""
    return any(n > 1 and not s for n, s in zip(x.shape, x.strides, strict=True))


class Scope:
    """The names of a program so far.

    A name is ``traced`` if its value may depend on an argument, a ``buffer`` if it was made to be
    written into, otherwise ``plain``: such an array takes no traced value. A name that a block
    binds to a value of another kind is ``either``.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        abstract: bool,
        changed: bool,
        statement: Callable[["Scope"], None],
    ):
        self.statement = statement  # adds one
        self.rng, self.abstract, self.changed = rng, abstract, changed
        self.start: dict[str, Any] = {}
        self.values: dict[str, Any] = {}
        self.kinds: dict[str, str] = {}
        self.counters: dict[str, int] = {}  # names of loop counters, and where they stop
        self.script: list[str] = []  # what has run, in order
        self.lines: list[str] = []  # of the block that grows
        self.fenced: frozenset[str] = frozenset()  # names outside the function that grows
        self.local: set[str] | None = None  # names that it may bind, None if all
        self.reaches = True  # whether the array that is written holds the elements of its name
        self.depth = 0
        self.count = 0

    # chance

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def choice(self, options: Any) -> Any:
        options = list(options)
        if not options:
            raise RejectedError
        return options[int(self.rng.integers(len(options)))]

    def fresh(self, letter: str = "v") -> str:
        self.count += 1
        return f"{letter}{self.count - 1}"

    # values

    def begin(self, inputs: dict[str, Any]) -> None:
        self.start = inputs
        self.kinds = dict.fromkeys(inputs, "traced")
        self.rerun()

    def rerun(self) -> None:
        """Run everything again, from the start."""
        self.values = {n: x.copy() if hasattr(x, "copy") else x for n, x in self.start.items()}
        scope = {**NAMESPACE, **self.values}
        try:
            for text in self.script:
                exec(compiled(text, "exec"), scope)
        except Exception as error:
            raise RejectedError from error
        self.scope = scope
        self.read()

    def read(self) -> None:
        self.values = {n: self.scope[n] for n in self.kinds if n in self.scope}

    def value_of(self, text: str) -> Any:
        try:
            return eval(compiled(text, "eval"), self.scope)
        except Exception as error:
            raise RejectedError from error

    def kind_of(self, text: str) -> str:
        """Whether the value of an expression may depend on an argument."""
        names = {n for n in NAME.findall(text) if n in self.kinds}
        return "traced" if any(self.kinds[n] in ("traced", "either") for n in names) else "plain"

    def pick(self, fits: Callable[[np.ndarray], bool]) -> str | None:
        """The name of an array that fits, most often one made lately."""
        names = [n for n, x in self.values.items() if isinstance(x, np.ndarray) and fits(x)]
        if not names:
            return None
        weights = np.arange(2.0, 2.0 + len(names))
        return str(self.rng.choice(names, p=weights / weights.sum()))

    def target(self, fits: Callable[[np.ndarray], bool] = lambda x: True) -> str:
        """The name of an array that may be written into."""
        fenced = {id(base(self.values[n])) for n in self.fenced if n in self.values}
        plain = [x for n, x in self.values.items() if self.kinds[n] in ("plain", "either")]
        fenced |= {id(base(x)) for x in plain}
        free = lambda x: x.flags.writeable and id(base(x)) not in fenced
        name = self.pick(lambda x: x.dtype.kind in "fc" and free(x) and fits(x))
        if name is None:
            raise RejectedError
        return name

    # lines

    def run(self, text: str, wrote: str | None = None, kind: str = "traced") -> None:
        """Add a line, if NumPy takes it and all values stay of moderate size.

        Args:
            wrote: the name of the array into which it wrote.
            kind: of the values that it wrote.
        """
        self.script.append(text)
        try:
            try:
                exec(compiled(text, "exec"), self.scope)
            except Exception as error:
                raise RejectedError from error
            self.read()
            self.admit()
        except RejectedError:
            self.script.pop()
            self.rerun()
            raise
        self.lines.append(text)
        if wrote is not None and kind == "traced" and self.reaches:
            owner = base(self.values.get(wrote))
            for name, x in self.values.items():
                if base(x) is owner and isinstance(x, np.ndarray):
                    self.kinds[name] = "traced"

    def admit(self) -> None:
        for x in self.values.values():
            if not isinstance(x, np.ndarray | np.generic):
                continue
            if x.size > LARGEST or x.ndim > RANK:
                raise RejectedError
            if x.dtype.kind in "fc" and not np.all(np.abs(x) < BOUND):
                raise RejectedError

    def bind(self, text: str, kind: str | None = None, letter: str = "v") -> str:
        """Give a name to the value of an expression: a new one most often."""
        value = self.value_of(text)
        known = isinstance(value, np.ndarray | np.generic | float | complex)
        if not known or (isinstance(value, np.ndarray) and value.ndim > RANK):
            raise RejectedError
        if np.asarray(value).dtype.kind not in "fc":
            raise RejectedError
        free = [n for n in self.values if self.local is None or n in self.local]
        rebinds = letter == "v" and free and self.chance(0.15)
        name = self.choice(free) if rebinds else self.fresh(letter)
        kind = kind or self.kind_of(text)
        before = self.kinds.get(name)
        self.kinds[name] = kind
        try:
            self.run(f"{name} = {text}")
        except RejectedError:
            if before is None:
                del self.kinds[name]
            else:
                self.kinds[name] = before
            self.read()
            raise
        if self.local is not None:
            self.local.add(name)
        return name

    @contextlib.contextmanager
    def block(self) -> Iterator[list[str]]:
        """Grow the lines of a block, in a list; all is as before if it is left by an error.

        On the way out the scope is that before the block, to which its text is then added.
        """
        saved = dict(self.kinds), list(self.script), self.lines, dict(self.counters)
        outside = self.fenced, self.local, self.abstract
        self.lines, self.depth = [], self.depth + 1
        try:
            yield self.lines
        finally:
            inner = self.kinds
            self.kinds, self.script, self.lines, self.counters = saved
            for name, kind in self.kinds.items():  # what was written into stays traced
                if (new := inner.get(name, kind)) != kind:
                    self.kinds[name] = new if kind == "buffer" and new == "traced" else "either"
            self.fenced, self.local, self.abstract = outside
            self.depth -= 1
            self.rerun()


def indented(lines: list[str]) -> list[str]:
    return ["    " + line for text in lines for line in text.splitlines()]
