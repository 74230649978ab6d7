"""Make a failing program small: leave out statements, and parts of expressions."""

import ast
import copy
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .program import Program

TRIES = 4000
MODULE = re.compile(r"\b(np|fg)(\.\w+)* [-+*/%@]*=[^=]")  # a function of NumPy's is bound anew


def shrink(program: Program, fails: Callable[[Program], bool]) -> Program:
    """A small program that fails as this one does."""
    left, again = itertools.count(TRIES, -1), True
    while again:
        again = False
        for smaller in itertools.chain(fewer(program), simpler(program)):
            if next(left) < 0:
                return program
            if size(smaller) < size(program) and fails(smaller):
                program, again = smaller, True
                break
    return program


def size(program: Program) -> tuple[int, int, int]:
    return (
        len(program.source.splitlines()),
        len(program.source),
        sum(np.size(x) for x in program.inputs),
    )


def fewer(program: Program) -> Iterator[Program]:
    """Leave out statements, or put the body of one in its place; leave out results and inputs."""
    tree = ast.parse(program.source)
    count = len(list(bodies(tree)))
    for place in reversed(range(count)):
        for k in reversed(range(len(list(bodies(tree))[place]))):
            for inner in (False, True):
                made = copy.deepcopy(tree)
                body = list(bodies(made))[place]
                if k >= len(body) or isinstance(body[k], ast.Return):
                    continue
                inside = getattr(body[k], "body", [])
                if inner and not inside:
                    continue
                counter = counter_of(body[k])
                body[k : k + 1] = [*counter, *inside] if inner else []
                yield written(program, made)
    function: Any = tree.body[0]
    for k in range(len(function.body[-1].value.elts)):
        made = copy.deepcopy(tree)
        last: Any = made.body[0]
        kept = last.body[-1].value.elts
        last.body[-1].value.elts = [kept[k]]
        if len(kept) > 1:
            yield written(program, made)
    for k, arg in enumerate(function.args.args):
        if len(function.args.args) > 1 and program.source.count(arg.arg) == 1:
            made = copy.deepcopy(tree)
            changed: Any = made.body[0]
            del changed.args.args[k]
            inputs = program.inputs[:k] + program.inputs[k + 1 :]
            yield replace(written(program, made), inputs=inputs)


def counter_of(statement: ast.AST) -> list[ast.stmt]:
    """The first step of a loop, as an assignment."""
    if not isinstance(statement, ast.For):
        return []
    first = f"{ast.unparse(statement.target)} = next(iter({ast.unparse(statement.iter)}))"
    return ast.parse(first).body


def bodies(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for name in ("body", "orelse", "handlers"):
            if isinstance(body := getattr(node, name, None), list) and name != "handlers":
                yield body


def simpler(program: Program) -> Iterator[Program]:
    """Put a part of an expression in its place."""
    tree = ast.parse(program.source)
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.expr)]
    for place, node in enumerate(nodes):
        parts = [c for c in ast.walk(node) if isinstance(c, ast.expr) and c is not node]
        for part in [*parts[:6], ast.Constant(0.5)]:
            if isinstance(node, ast.Name | ast.Constant) or ast.unparse(part) == "np":
                continue
            text = Replaced(place, part).visit(copy.deepcopy(tree))
            yield written(program, text)
    for i, x in enumerate(program.inputs):
        if isinstance(x, np.ndarray) and x.ndim and x.shape[0] > 1:
            y = x[:-1].copy()
            yield replace(program, inputs=(*program.inputs[:i], y, *program.inputs[i + 1 :]))


class Replaced(ast.NodeTransformer):
    """Replace the expression of a number by another."""

    def __init__(self, place: int, new: ast.expr):
        self.place, self.new = place, new

    def visit_Module(self, node: ast.Module) -> ast.Module:
        old = [n for n in ast.walk(node) if isinstance(n, ast.expr)][self.place]
        for parent in ast.walk(node):
            for name, value in ast.iter_fields(parent):
                if value is old:
                    setattr(parent, name, self.new)
                elif isinstance(value, list):
                    value[:] = [self.new if v is old else v for v in value]
        return node


def written(program: Program, tree: ast.AST) -> Program:
    try:
        text = ast.unparse(ast.fix_missing_locations(tree))
        source = "\n".join(line for line in text.splitlines() if line)
        last = tree.body[0].body[-1]  # type: ignore[attr-defined]
        if MODULE.search(source) or not isinstance(getattr(last, "value", None), ast.Tuple):
            source = ""
    except Exception:  # a block without statements
        source = ""
    return replace(program, source=source)
