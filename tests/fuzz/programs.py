"""A program as data: inputs, steps and results; its source, and the function that it is.

A step binds names to one expression. Its text has holes: ``{0}``, ``{1}``, ... are its operands by
name, ``{b0}``, ``{b1}``, ... the functions that its blocks define before it. A block is the body of
such a function; it may use every name that is bound outside of it.
"""

import itertools
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Block:
    """The body of a function."""

    params: tuple[str, ...]
    steps: tuple["Step", ...]
    results: tuple[str, ...]

    def lines(self, name: str, noisy: bool) -> Iterator[str]:
        yield f"def {name}({', '.join(self.params)}):"
        for line in itertools.chain.from_iterable(step.lines(noisy) for step in self.steps):
            yield f"    {line}"
        yield f"    return {', '.join(self.results)}"

    def names(self) -> set[str]:
        """Return the names that the block reads, its own and those from outside."""
        inner = (name for step in self.steps for name in step.names())
        return {*self.results, *inner}


@dataclass(frozen=True)
class Step:
    """One line of a program, with the functions and lines that it needs before it."""

    targets: tuple[str, ...]
    text: str
    operands: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()
    before: tuple[str, ...] = ()

    def lines(self, noisy: bool = False) -> Iterator[str]:
        holes = {f"b{i}": f"{self.targets[0]}_{i}" for i in range(len(self.blocks))}
        for name, block in zip(holes.values(), self.blocks, strict=True):
            yield from block.lines(name, noisy)
        for text in self.before:
            yield text.format(*self.operands, **holes)
        yield f"{', '.join(self.targets)} = {self.text.format(*self.operands, **holes)}"
        if noisy:
            yield from (f"{target} = noise({target})" for target in self.targets)

    def names(self) -> set[str]:
        return {*self.operands, *(name for block in self.blocks for name in block.names())}


@dataclass(frozen=True)
class Program:
    """A function of arrays and Python scalars, and the point at which it is tried."""

    inputs: tuple[Any, ...]
    body: Block

    @property
    def source(self) -> str:
        return "\n".join(self.body.lines("f", False))

    @property
    def text(self) -> str:
        """Return the function and a call of it, to be pasted."""
        values = [f"    {literal(x)},  # {name}" for name, x in self.named()]
        return "\n".join([self.source, "", "inputs = (", *values, ")"])

    def named(self) -> Iterator[tuple[str, Any]]:
        return zip(self.body.params, self.inputs, strict=True)

    def function(self, namespace: dict[str, Any], noisy: bool = False) -> Any:
        """Return the function in one meaning of ``np`` and ``fg``; results are a tuple."""
        lines = self.body.lines("f", noisy)
        if noisy:  # on entry too, on what is no Python scalar
            head, *rest = lines
            lines = [head, *(f"    {p} = noise({p})" for p in self.body.params), *rest]
        scope = dict(namespace)
        exec("\n".join(lines) + ",", scope)
        return scope["f"]

    def size(self) -> tuple[int, int]:
        """Return what a shrunk program has less of: text, then everything else."""
        return len(self.source.splitlines()), len(self.text)


def literal(x: Any) -> str:
    """Return the text of an array or Python scalar, exact to the last bit."""
    if isinstance(x, bool | int | float | complex) and not isinstance(x, np.generic):
        return repr(x)
    x = np.asarray(x)
    if not x.size:
        return f"np.zeros({x.shape}, '{x.dtype}')"
    return f"np.array({x.tolist()!r}, '{x.dtype}')"


def renamed(block: Block, old: str, new: str) -> Block:
    """Return the block with each reading of a name replaced by one of another."""
    swap = lambda names: tuple(new if name == old else name for name in names)
    if old in block.params:
        return block
    steps = tuple(
        replace(
            step,
            operands=swap(step.operands),
            blocks=tuple(renamed(inner, old, new) for inner in step.blocks),
        )
        for step in block.steps
    )
    return replace(block, steps=steps, results=swap(block.results))


def indented(text: str) -> str:
    return textwrap.indent(text, "    ")
