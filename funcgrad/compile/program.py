"""A compiled program: its source, and the Python function of it."""

import collections
import functools
import gc
import itertools
import linecache
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from threading import local
from typing import Any

import numpy as np

from ..core.effects import has_effects
from ..core.errors import MemoryLimitError
from ..core.jaxpr import Jaxpr
from .clocks import Lines
from .constant_folding import fold_constants
from .finite_checks import keep_donated, masked_program, without_checks
from .names import label, quote
from .passes import FIRST, LARGE, LAST, optimize, passed
from .rematerialization import fit_memory, keep_states
from .rewrite import on_programs
from .source import Source, source_of

_numbers = itertools.count(1)
_freed: collections.deque[str] = collections.deque()  # files of programs that are gone

_NEVER = 1 << 30  # collections of young objects, after which all objects are looked at


class Program:
    """A compiled program: ``main`` takes arrays and returns a tuple of arrays.

    It pickles as its source and its constants.
    """

    note = ""  # why it is not as its backend would have it

    def __init__(self, name: str, source: Source) -> None:
        self.name, self.source = name, source
        self.filename = f"<funcgrad {quote(name)} {next(_numbers)}>"
        text = source.text
        # so that tracebacks, warnings and debuggers show the lines, and those of the user
        with suppress(IndexError):
            while True:
                linecache.cache.pop(_freed.popleft(), None)
        entry: Any = (len(text), None, Lines(text), self.filename)
        linecache.cache[self.filename] = entry
        scope = {"constants": source.constants, "__name__": name}
        exec(compile(text, self.filename, "exec"), scope)
        self.main = _alone(scope)

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        return self.main(*args)

    @property
    def arena(self) -> int:
        """The bytes of a workspace."""
        return self.source.arena

    def trim(self) -> None:
        """Free the workspaces that no call uses."""
        scope = self.main.__globals__
        if "spaces" in scope:
            scope["spaces"] = local()

    def __del__(self) -> None:
        if linecache is not None:  # as it is at the end of the interpreter
            _freed.append(self.filename)  # not now: linecache may be walking over its files

    def __reduce__(self) -> Any:
        return Program, (self.name, self.source)


def _alone(scope: dict[str, Any]) -> types.FunctionType:
    """``main`` with globals that do not contain it.

    A reference cycle of the function and its module would keep a workspace until the garbage
    collector runs.
    """
    own = {k: v for k, v in scope.items() if getattr(v, "__globals__", None) is scope}
    for name in own:
        del scope[name]
    main, names = own.pop("main"), {**scope, **own}
    scope.pop("spaces", None)  # trim() replaces the only reference
    return types.FunctionType(main.__code__, names, "main")


class Fallback:
    """The program with masks of a derivative, compiled when the one without was not finite."""

    def __init__(
        self, jaxpr: Jaxpr, name: str, program: Program | None = None, limit: int | None = None
    ) -> None:
        self.jaxpr, self.name, self.program, self.limit = jaxpr, name, program, limit

    def ready(self) -> Program:
        """The program, compiled at the first call."""
        if self.program is None:
            jaxpr, name = masked_program(self.jaxpr), f"{self.name}_masked"
            try:
                self.program = compiled(jaxpr, name, memory_limit=self.limit)
            except MemoryLimitError:  # masks need more
                self.program = compiled(jaxpr, name)
        return self.program

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):  # the program without masks has warned
            return self.ready().main(*args)

    def __reduce__(self) -> Any:
        return Fallback, (None, self.name, self.ready())


def compiled(
    jaxpr: Jaxpr,
    name: str,
    inputs: Sequence[str] = (),
    donated: Sequence[int | None] = (),
    title: str = "",
    memory_limit: int | None = None,
    threads: int = 1,
    constants: Sequence[Any] = (),
    translate: Callable[[Jaxpr, str, Sequence[str]], Jaxpr] | None = None,
) -> Program:
    """Optimise a program, write its source and compile it.

    Args:
        jaxpr: a program without constants.
        name: the name of the function.
        inputs: names of the inputs.
        donated: for each output the index of the input whose memory it reuses, or None.
        title: the docstring of the source.
        memory_limit: the largest workspace, in bytes.
        threads: the number of threads that share loops over blocks of big arrays.
        constants: known values of the first inputs.
        translate: replaces equations of the optimised program by calls into another language.

    Raises:
        MemoryLimitError: if no plan fits the limit.
    """
    names = inputs or [f"x{i}" for i in range(len(jaxpr.invars))]
    alone = Jaxpr(jaxpr.invars, jaxpr.constvars, jaxpr.eqns, jaxpr.outvars)  # without its memo
    masked = functools.partial(Fallback, alone, name, None, memory_limit)
    write = lambda program: source_of(
        passed(keep_donated(program, donated) if donated else program, LAST),
        title or name, names, donated, threads, masked,
    )  # fmt: skip
    jaxpr = without_checks(jaxpr) if has_effects(jaxpr) else jaxpr  # a fallback repeats effects
    with paused() if len(jaxpr.eqns) > LARGE else nullcontext():
        program = optimize(jaxpr)
        program = fold_constants(program, constants) if constants else program
        if translate is not None:
            program = translate(program, label(name) or "main", names)
        if memory_limit is not None:
            planned = lambda candidate: write(candidate).arena
            shorter = functools.partial(keeping_states, jaxpr, constants)
            program = fit_memory(program, memory_limit, planned, shorter)
        return Program(name, write(program))


def keeping_states(
    jaxpr: Jaxpr, constants: Sequence[Any], within: bool, states: int
) -> Jaxpr | None:
    """The optimised program in which loops keep states, None if no loop can."""
    first = passed(jaxpr, FIRST)
    found = keep_states(on_programs(first, first_passed) if within else first, states, within)
    if found is None:
        return None
    return fold_constants(optimize(found), constants) if constants else optimize(found)


def first_passed(jaxpr: Jaxpr) -> Jaxpr:
    """A program, and those that it holds, after the first passes."""
    return on_programs(passed(jaxpr, FIRST), first_passed)


# Python's garbage collector looks at every object again while many new ones are kept


@contextmanager
def paused() -> Iterator[None]:
    """A block without automatic collections: it makes many objects and no reference cycles.

    A program of 50,000 equations compiles in 0.8 of the time.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def young_only() -> Iterator[None]:
    """A block in which automatic collections look at young objects alone, for user code runs.

    A program of 50,000 equations is traced in 0.8 of the time.
    """
    young, middle, old = gc.get_threshold()
    if old == _NEVER:  # another thread, or an enclosing block, ends it
        yield
        return
    gc.set_threshold(young, middle, _NEVER)
    try:
        yield
    finally:
        if gc.get_threshold() == (young, middle, _NEVER):
            gc.set_threshold(young, middle, old)
