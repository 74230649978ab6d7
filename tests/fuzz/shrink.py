"""Make a failing program small: leave out what the failure does not need, as long as it fails.

A change is kept if the program still runs in plain NumPy and still fails by the same law in the
same words, and is smaller. Then everything is tried again, until nothing helps.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .programs import Block, Program, Step, literal, renamed

ROUNDS, TRIES = 8, 1500


def shrink(program: Program, fails: Callable[[Program], bool]) -> Program:
    """Return a small program that fails as this one does."""
    left = itertools.count(TRIES, -1)
    for _ in range(ROUNDS):
        start = program
        for changes in (fewer_results, shorter, without_inputs, simpler_values, smaller_shapes):
            again = True
            while again:
                again = False
                for smaller in changes(program):
                    if next(left) < 0:
                        return program
                    if cost(smaller) < cost(program) and fails(smaller):
                        program, again = smaller, True
                        break
        if program is start:
            return program
    return program


def cost(program: Program) -> tuple[int, int, float]:
    """Return what is to become less: lines, then elements, then digits."""
    sizes = sum(np.size(x) for x in program.inputs)
    return len(program.source.splitlines()), sizes, len(program.text)


def fewer_results(program: Program) -> Iterator[Program]:
    results = program.body.results
    for keep in range(len(results)):
        if len(results) > 1:
            yield with_body(program, replace(program.body, results=(results[keep],)))


def with_body(program: Program, body: Block) -> Program:
    return replace(program, body=pruned(body))


def pruned(block: Block) -> Block:
    """Leave out what the results do not depend on, here and in all inner functions."""
    read, kept = set(block.results), []
    for step in reversed(block.steps):
        if read.intersection(step.targets):
            step = replace(step, blocks=tuple(pruned(inner) for inner in step.blocks))
            kept.append(step)
            read |= step.names()
    return replace(block, steps=tuple(kept[::-1]))


def shorter(program: Program) -> Iterator[Program]:
    """Replace the result of a step by another name, or a step that holds functions by its body."""
    for body in shorter_blocks(program.body, ()):
        yield with_body(program, body)


def shorter_blocks(block: Block, outside: tuple[str, ...]) -> Iterator[Block]:
    seen = [*outside, *block.params]
    for i, step in enumerate(block.steps):
        others = [name for name in {*step.operands, *seen} if name not in step.targets]
        rest = replace(block, steps=block.steps[i + 1 :])
        for name in sorted(others, key=lambda name: name not in step.operands):
            if len(step.targets) == 1:
                after = renamed(rest, step.targets[0], name)
                yield replace(after, steps=block.steps[:i] + after.steps)
        yield from inlined(block, i)
        for place, inner in enumerate(step.blocks):
            for less in shorter_blocks(inner, tuple(seen)):
                blocks = (*step.blocks[:place], less, *step.blocks[place + 1 :])
                steps = (*block.steps[:i], replace(step, blocks=blocks), *block.steps[i + 1 :])
                yield replace(block, steps=steps)
        seen += step.targets


def inlined(block: Block, place: int) -> Iterator[Block]:
    """Replace a call of a function by its body, its parameters by operands in turn."""
    step = block.steps[place]
    for inner in step.blocks:
        if len(inner.results) != 1 or len(inner.params) > len(step.operands):
            continue
        for operands in (step.operands, step.operands[1:]):
            if len(operands) < len(inner.params):
                continue
            body = inner
            for param, operand in zip(inner.params, operands, strict=False):
                body = renamed(replace(body, params=()), param, operand)
            rest = renamed(
                replace(block, steps=block.steps[place + 1 :]), step.targets[0], body.results[0]
            )
            yield replace(rest, steps=block.steps[:place] + body.steps + rest.steps)


def without_inputs(program: Program) -> Iterator[Program]:
    """Drop what is not read, and make a constant of an input."""
    names = program.body.params
    read = program.body.names()
    for i, (name, value) in enumerate(program.named()):
        if len(names) == 1:
            return
        params = names[:i] + names[i + 1 :]
        inputs = program.inputs[:i] + program.inputs[i + 1 :]
        steps = program.body.steps
        if name in read:
            steps = (Step((name,), literal(value)), *steps)
        yield Program(inputs, replace(program.body, params=params, steps=steps))


def simpler_values(program: Program) -> Iterator[Program]:
    """Make elements of the inputs 1, 2 or of fewer digits."""
    for i, x in enumerate(program.inputs):
        if not isinstance(x, np.ndarray) or x.dtype.kind not in "fc":
            continue
        for value in (1.0, 2.0):
            yield with_input(program, i, np.full_like(x, value))
        yield with_input(program, i, np.round(x, 1))
        for place in range(x.size):
            for value in (1.0, 2.0, 0.0):
                if x.flat[place] != value:
                    y = x.copy()
                    y.flat[place] = value
                    yield with_input(program, i, y)


def smaller_shapes(program: Program) -> Iterator[Program]:
    for i, x in enumerate(program.inputs):
        for axis in range(np.ndim(x)):
            for size in (1, 2):
                if isinstance(x, np.ndarray) and x.shape[axis] > size:
                    yield with_input(program, i, np.take(x, range(size), axis=axis))
        if np.ndim(x):
            yield with_input(program, i, x[0] if len(x) else np.zeros(x.shape[1:], x.dtype))


def with_input(program: Program, place: int, value: Any) -> Program:
    value = np.asarray(value)
    return replace(program, inputs=(*program.inputs[:place], value, *program.inputs[place + 1 :]))
