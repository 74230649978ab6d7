"""A compiled program: its source, and the function that Python made of it."""

import io
import itertools
import linecache
import types
from collections.abc import Sequence
from threading import local
from typing import Any

import numpy as np

from ..core.jaxpr import Jaxpr
from .constant_folding import precomputed
from .finite_checks import held, masked_twin
from .passes import finished, optimized
from .rematerialization import within
from .source import Source, source_of
from .text import quote

_numbers = itertools.count(1)


class Program:
    """A program as NumPy source that has been run: ``main`` takes and gives flat tuples.

    It pickles as its source and its constants.
    """

    def __init__(self, name: str, source: Source) -> None:
        self.name, self.source = name, source
        self.filename = f"<funcgrad {quote(name)} {next(_numbers)}>"
        text = source.text
        # so that tracebacks and debuggers show the lines
        lines = io.StringIO(text).readlines()
        linecache.cache[self.filename] = (len(text), None, lines, self.filename)
        scope = {"constants": source.constants, "__name__": name}
        exec(compile(text, self.filename, "exec"), scope)
        self.main = _alone(scope)

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        return self.main(*args)

    def trim(self) -> None:
        """Free the workspaces that no call has."""
        scope = self.main.__globals__
        if "spaces" in scope:
            scope["spaces"] = local()

    def __del__(self) -> None:
        linecache.cache.pop(self.filename, None)

    def __reduce__(self) -> Any:
        return Program, (self.name, self.source)


def _alone(scope: dict[str, Any]) -> types.FunctionType:
    """Return ``main`` with globals that do not hold it.

    In a module each function holds the module, which holds the function: a workspace would wait
    for the garbage collector.
    """
    own = {k: v for k, v in scope.items() if getattr(v, "__globals__", None) is scope}
    for name in own:
        del scope[name]
    main, names = own.pop("main"), {**scope, **own}
    scope.pop("spaces", None)  # what trim() replaces in one place is held in no other
    return types.FunctionType(main.__code__, names, "main")


class Fallback:
    """A program with masks for its derivatives, compiled when one was not finite without them."""

    def __init__(self, jaxpr: Jaxpr, name: str, program: Program | None = None) -> None:
        self.jaxpr, self.name, self.program = jaxpr, name, program

    def ready(self) -> Program:
        if self.program is None:
            self.program = compiled(masked_twin(self.jaxpr), f"{self.name}_masked")
        return self.program

    def __call__(self, *args: Any) -> tuple[Any, ...]:
        with np.errstate(all="ignore"):  # the program without masks has given the warnings
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
) -> Program:
    """Return a program, without constants, as compiled source.

    Args:
        jaxpr: the program.
        name: what it is called.
        inputs: names for its inputs.
        donated: for each output the input over which it is written, if any.
        title: the first words of the source.
        memory_limit: bytes that its workspace may take.
        threads: how many share loops over blocks of big arrays.
        constants: what the first inputs always are.

    Raises:
        MemoryLimitError: if it cannot do with so little.
    """
    names = inputs or [f"x{i}" for i in range(len(jaxpr.invars))]
    alone = Jaxpr(jaxpr.invars, jaxpr.constvars, jaxpr.eqns, jaxpr.outvars)  # no memo leads back
    masked = Fallback(alone, name)
    write = lambda program: source_of(
        finished(held(program, donated)), title or name, names, donated, threads, masked
    )
    program = precomputed(optimized(jaxpr), constants)
    if memory_limit is not None:
        program = within(program, memory_limit, lambda candidate: write(candidate).arena)
    return Program(name, write(program))
