"""Grow a random program: a line of the grammar at a time, each tried in plain NumPy at once.

So the types need no theory of their own: the value of each name is known while the program grows,
an operand is chosen by its value's shape and dtype, and a line that NumPy refuses is dropped.
"""

import itertools
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from . import control
from .grammar import CONTROL, LINES
from .plain import NAMESPACE
from .programs import Block, Program, Step, literal
from .words import WORDS

SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    -2.0,
    3.0,
    np.inf,
    -np.inf,
    np.nan,
    5e-324,
    1e300,
    -710.0,
]
DTYPES = {
    "float64",
    "float32",
    "float16",
    "complex128",
    "complex64",
    "int64",
    "int32",
    "uint8",
    "bool",
}
TOKEN = re.compile(r"\$([fcniba])(\d?)([~=]?)|@(\w+)")
KINDS = {"f": "f", "c": "c", "n": "fc", "i": "iu", "b": "b", "a": "fciub"}
LARGEST, RANK = 60, 4
PALETTES = [  # the dtypes of a program's inputs, and how often
    (0.55, ("float64",)),
    (0.17, ("float32",)),
    (0.10, ("float64", "complex128")),
    (0.06, ("float16",)),
    (0.04, ("complex64", "float32")),
    (0.08, ("float64", "float32", "complex128")),
]


class RejectedError(Exception):
    """A line that does not fit here; another one is tried."""


class Generator:
    """The scope of one function: the names that it may read, and the value of each."""

    dtypes, largest, palettes = frozenset(DTYPES), LARGEST, PALETTES
    words, lines, loops = WORDS, LINES, CONTROL
    always = frozenset({"int64", "int32", "uint8", "bool"})  # in each palette
    growers: tuple[Callable[[Any], None], ...] = control.GROWERS

    def __init__(
        self,
        rng: np.random.Generator,
        palette: tuple[str, ...],
        outer: Any = None,
        closed: bool = False,
    ):
        self.rng, self.palette, self.outer = rng, palette, outer
        self.counter = outer.counter if outer else itertools.count()
        self.depth: int = outer.depth + 1 if outer else 0
        self.closed = closed
        self.values: dict[str, Any] = {}
        self.live: set[str] = set(outer.live) if outer else set()  # depends on an argument
        self.steps: list[Step] = []

    # what there is

    def everything(self) -> dict[str, Any]:
        return (
            dict(self.values)
            if self.closed or not self.outer
            else {**self.outer.everything(), **self.values}
        )

    def fresh(self, prefix: str = "v") -> str:
        return f"{prefix}{next(self.counter)}"

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def choice(self, options: Any) -> Any:
        options = list(options)
        return options[int(self.rng.integers(len(options)))]

    def pick(self, fits: Callable[[Any], bool]) -> str | None:
        """Return the name of a value that fits, most often one made lately in this function."""
        if not (names := [name for name, value in self.everything().items() if fits(value)]):
            return None
        weights = np.array([
            (2 + 4 * (name in self.values) + i) * (6 if name in self.live else 1)
            for i, name in enumerate(names)
        ])  # fmt: skip
        return str(self.rng.choice(names, p=weights / weights.sum()))

    # operands

    def operand(self, kinds: str, rank: int = 0, like: tuple[int, ...] | None = None) -> str:
        """Return the name of a value of a kind, that broadcasts with a shape if one is given."""

        def fits(value: Any) -> bool:
            if kind_of(value) not in kinds or np.ndim(value) < rank:
                return False
            return like is None or broadcasts(np.shape(value), like)

        name = self.pick(fits) if self.chance(0.85) else None
        if name is not None:
            return name
        shape = self.shape(rank) if like is None else self.narrowed(like)
        if len(shape) < rank:
            raise RejectedError
        return self.constant(shape, self.choice(kinds))

    def exact(self, kinds: str, shape: tuple[int, ...]) -> str:
        """Return the name of a value of a shape."""
        name = self.pick(lambda x: kind_of(x) in kinds and np.shape(x) == shape)
        if name is None or self.chance(0.1):
            return self.constant(shape, self.choice(kinds))
        return name

    def constant(self, shape: tuple[int, ...], kind: str) -> str:
        return self.bind(literal(self.array(shape, kind)))

    def bind(self, text: str, *operands: str) -> str:
        """Add a step, and return the name of its result."""
        return self.add(Step((self.fresh(),), text, operands))[0]

    def add(self, step: Step) -> tuple[str, ...]:
        """Add a step if plain NumPy takes it and its results are of a size to go on with."""
        scope = {**NAMESPACE, **self.everything()}
        try:
            exec("\n".join(step.lines()), scope)
        except RejectedError:
            raise
        except Exception as error:
            raise RejectedError from error
        if "**" in step.text and any(type(scope[target]) is complex for target in step.targets):
            raise RejectedError  # (-1.5) ** 0.5 of Python floats: its dtype depends on the sign
        for target in step.targets:
            self.admit(scope[target], bool(step.operands))
        self.values |= {target: scope[target] for target in step.targets}
        self.steps.append(step)
        if self.live.intersection(step.names()):
            self.live.update(step.targets)
        return step.targets

    def admit(self, value: Any, made: bool) -> None:
        if isinstance(value, tuple):
            return
        dtype = getattr(value, "dtype", np.dtype(type(value)))
        wanted = {*self.palette, *self.always}
        if dtype.name not in self.dtypes or np.size(value) > self.largest or np.ndim(value) > RANK:
            raise RejectedError
        if dtype.name not in wanted and self.chance(0.85):
            raise RejectedError
        if dtype.kind in "fc" and made:
            finite = np.isfinite(value)
            if not finite.all() and self.chance(0.6 if finite.any() else 0.95):
                raise RejectedError
            if np.any(np.abs(value) > 1e6) and self.chance(0.8):
                raise RejectedError

    # values

    def shape(self, rank: int = 0) -> tuple[int, ...]:
        top = max(rank, int(self.rng.choice([0, 1, 2, 3], p=[0.2, 0.4, 0.3, 0.1])))
        return tuple(int(self.rng.choice([0, 1, 2, 3, 4], p=[0.03, 0.2, 0.3, 0.4, 0.07]))
                     for _ in range(top))  # fmt: skip

    def narrowed(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return a shape that broadcasts with another: sides of 1, sides left out."""
        kept = shape[int(self.rng.integers(len(shape) + 1)) :] if self.chance(0.5) else shape
        return tuple(1 if self.chance(0.2) else side for side in kept)

    def array(self, shape: tuple[int, ...], kind: str) -> np.ndarray:
        if kind == "b":
            return self.rng.random(shape) < 0.5
        if kind in "iu":
            return self.rng.integers(-2, 4, shape)
        names = [name for name in self.palette if np.dtype(name).kind == kind]
        dtype = np.dtype(self.choice(names) if names else {"f": "f8", "c": "c16"}[kind])
        x = self.numbers(shape)
        if kind == "c":
            x = x + 1j * self.numbers(shape)
        with np.errstate(all="ignore"):
            return np.asarray(x).astype(dtype)

    def numbers(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return reals: smooth ones most often, else whole ones with ties, else special points."""
        form = self.rng.random()
        x = np.asarray(self.rng.normal(size=shape)).round(3)
        if form > 0.75:
            x = np.asarray(self.rng.integers(-2, 3, shape)).astype(float)
        if form > 0.9:
            x = np.where(self.rng.random(shape) < 0.4, self.rng.choice(SPECIAL, shape), x)
        return x

    def scalar(self) -> str:
        """Return the text of a Python scalar, weak in NumPy's promotion."""
        return self.choice(["2.0", "0.5", "-1.5", "0.0", "1.0", "-1.0", "2", "0", "1", "-1", "3.0"])

    def carried(self) -> str:
        """Return the kinds of a value that a branch or a loop takes."""
        return control.inexact_kinds(self)

    def loop_options(self, whiles: bool = False) -> str:
        """Return the text of more arguments of a loop."""
        return ""

    def entry(self, position: int) -> Any:
        """Return an argument: an array most often, else a Python scalar or integers."""
        form = self.rng.random()
        if position and form < 0.1:
            return self.choice([0.5, 2.0, -1.5, 0.0])
        if position and form < 0.25:
            return self.array(self.shape(), self.choice("ib"))
        return self.array(self.shape(), np.dtype(self.choice(self.palette)).kind)

    # lines

    def line(self) -> None:
        """Add a line of the grammar that fits; one that holds functions less often within them."""
        weights = np.array([weight for weight, _ in self.lines.values()])
        holding = self.loops / (self.loops + weights.sum()) / max(self.depth, 1)
        for _ in range(30):
            before = len(self.steps), dict(self.values), set(self.live)
            try:
                if self.depth < 3 and self.chance(holding):
                    control.grow(self)
                else:
                    family = self.rng.choice(list(self.lines), p=weights / weights.sum())
                    self.row(self.choice(self.lines[family][1]))
                return
            except RejectedError:
                self.steps, self.values, self.live = self.steps[: before[0]], *before[1:]

    def row(self, text: str) -> str:
        """Add a line, its operands and static arguments filled in."""
        operands: list[str] = []
        sides = int(self.rng.integers(1, 4))  # of square matrices

        def fill(match: re.Match[str]) -> str:
            kind, digit, mode, word = match.groups()
            if word is not None:
                return str(self.words[word](self, operands, sides))
            shapes = [np.shape(self.everything()[name]) for name in operands]
            if mode == "=":
                name = self.exact(KINDS[kind], shapes[0])
            elif digit == "0":
                name = self.exact(KINDS[kind], ())
            else:
                like = np.broadcast_shapes(*shapes) if mode == "~" else None
                name = self.operand(KINDS[kind], int(digit or 0), like)
            operands.append(name)
            return f"{{{len(operands) - 1}}}"

        try:
            filled = TOKEN.sub(fill, text)
        except (ValueError, IndexError) as error:
            raise RejectedError from error
        empty = not all(np.size(self.everything()[name]) for name in operands)
        if empty and ("np.fft" in text or "np.bincount" in text or "mode=" in text):
            # NumPy's irfft of nothing is memory that nobody has written; its bincount of nothing
            # with weights is of integers, here of floats as that of something; its take with
            # mode="wrap" adds the length of an empty axis to a negative index without end
            raise RejectedError
        if "wrap" in text and any(is_far(self.everything()[name]) for name in operands):
            raise RejectedError  # NumPy's take subtracts the length again and again
        return self.bind(filled, *operands)

    # functions

    def block(
        self,
        params: dict[str, Any],
        length: int,
        finish: Callable[["Generator"], list[str]],
        closed: bool = False,
    ) -> Block:
        """Grow the body of an inner function; ``finish`` makes its results.

        Args:
            closed: it reads nothing from outside.
        """
        inner = type(self)(self.rng, self.palette, self, closed)
        inner.values |= params
        inner.live |= set(params)
        for _ in range(length):
            inner.line()
        results = finish(inner)
        return Block(tuple(params), tuple(inner.steps), tuple(results))

    def recent(self, fits: Callable[[Any], bool]) -> str:
        """Return the last value of this function that fits."""
        for name in reversed(self.values):
            if fits(self.values[name]):
                return name
        raise RejectedError

    def shaped(self, name: str, like: Any) -> str:
        """Return a value of the shape and dtype of another, made from a name."""
        value, like = self.everything()[name], np.asarray(like)
        if np.shape(value) != like.shape:
            if broadcasts(np.shape(value), like.shape) and np.ndim(value) <= like.ndim:
                text = f"np.broadcast_to({{0}}, {like.shape})"
            else:
                text = f"np.broadcast_to(np.sum({{0}}), {like.shape})"
            name = self.bind(text, name)
        if kind_of(value) == "c" and like.dtype.kind != "c":
            name = self.bind("np.real({0})", name)
        value = self.everything()[name]
        if not hasattr(value, "dtype") or value.dtype != like.dtype:
            text = f"{{0}}.astype('{like.dtype}')"
            name = self.bind(
                text if hasattr(value, "dtype") else f"fg.numpy.asarray({{0}}, '{like.dtype}')",
                name,
            )
        return name


def kind_of(value: Any) -> str:
    if isinstance(value, tuple):
        return "t"
    kind = np.asarray(value).dtype.kind
    return "i" if kind == "u" else kind


def is_far(x: Any) -> bool:
    """Whether some integers are large."""
    return kind_of(x) == "i" and bool(np.any(np.abs(np.asarray(x, float)) > 1e6))


def broadcasts(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    try:
        return len(np.broadcast_shapes(shape, other)) <= RANK
    except ValueError:
        return False


def is_inexact(value: Any) -> bool:
    return hasattr(value, "dtype") and value.dtype.kind in "fc"


# whole programs


def program(seed: int, number: int, kind: type[Generator] = Generator) -> Program:
    """Return the program of a number: always the same one for the same seed."""
    rng = np.random.default_rng([seed, number])
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return grown(rng, kind)


def grown(rng: np.random.Generator, kind: type[Generator] = Generator) -> Program:
    chances = np.array([chance for chance, _ in kind.palettes])
    palette = kind.palettes[int(rng.choice(len(kind.palettes), p=chances / chances.sum()))][1]
    g = kind(rng, palette)
    inputs = {g.fresh("x"): g.entry(i) for i in range(int(rng.integers(1, 4)))}
    g.values |= inputs
    g.live |= set(inputs)
    for _ in range(int(rng.integers(2, 9))):
        g.line()
    results = outputs(g, inputs)
    steps = g.steps if g.chance(0.15) else needed(g.steps, results)
    return Program(tuple(inputs.values()), Block(tuple(inputs), tuple(steps), results))


def needed(steps: list[Step], results: tuple[str, ...]) -> list[Step]:
    """Return the steps that the results depend on; dead ones stay in functions within them."""
    read, kept = set(results), []
    for step in reversed(steps):
        if read.intersection(step.targets):
            kept.append(step)
            read |= step.names()
    return kept[::-1]


def outputs(g: Generator, inputs: dict[str, Any]) -> tuple[str, ...]:
    """Return one to three results: inexact ones that nothing else reads, then any."""
    read = {name for step in g.steps for name in step.names()}
    made = [name for name in g.values if name in g.live and name not in inputs]
    ends = [name for name in made if name not in read and not isinstance(g.values[name], tuple)]
    inexact = [name for name in made if is_inexact(g.values[name])]
    first = [name for name in ends if name in inexact][-1:] or inexact[-1:] or list(inputs)[:1]
    rest = [name for name in ends if name not in first]
    return (*first, *rest[::-1][: int(g.rng.integers(0, 3))])
