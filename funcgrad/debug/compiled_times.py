"""The costs of a compiled function by lines of user code: clocks in its source."""

import ast
import os
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..compile.clocks import Clocked, Place, is_view, names_in, places
from ..compile.program import Program
from ..core import tree
from ..core.jaxpr import Jaxpr, programs_in
from ..core.tree_code import MISS
from ..transforms.jit.api import Compiled
from ..transforms.jit.signature import Signature, entry

SECONDS = 0.5  # of measured calls
FEWEST, MOST = 3, 2000  # calls
NEAR = 1.2  # times the least time of a call, up to which it counts

# seconds, bytes, arrays; of None what belongs to no line
Costs = dict[Place | None, list[float]]


def add(costs: Costs, place: Place | None, cost: list[float]) -> None:
    """Add to the costs of a place."""
    costs[place] = [a + b for a, b in zip(costs.get(place, [0.0] * 3), cost, strict=True)]


class Times(NamedTuple):
    """Mean seconds of a call without clocks, with clocks, and of each key that the clocks know."""

    plain: float
    total: float
    parts: dict[Any, float]
    calls: int  # that were measured

    @property
    def slowdown(self) -> float:
        """How many times longer a call takes with the clocks."""
        return self.total / self.plain if self.plain else 1.0


def in_turns(
    plain: Callable[[], Any], clocked: Callable[[], Any], read: Callable[[], dict[Any, float]]
) -> Times:
    """Call two functions in turns; ``read`` gives the seconds of the last call by keys.

    The means are those of the fastest calls: others were interrupted by other processes.
    """
    rows: list[tuple[float, dict[Any, float]]] = []
    bare: list[float] = []
    clock, begin = time.perf_counter, time.perf_counter()
    while len(rows) < FEWEST or (clock() - begin < SECONDS and len(rows) < MOST):
        start = clock()
        plain()
        middle = clock()
        clocked()
        rows.append((clock() - middle, read()))
        bare.append(middle - start)
    least = NEAR * min(seconds for seconds, _ in rows)
    fast = [row for row in rows if row[0] <= least]
    parts: dict[Any, float] = {}
    for _, found in fast:
        for key, seconds in found.items():
            parts[key] = parts.get(key, 0.0) + seconds / len(fast)
    undisturbed = [seconds for seconds in bare if seconds <= NEAR * min(bare)]
    total = sum(seconds for seconds, _ in fast) / len(fast)
    return Times(sum(undisturbed) / len(undisturbed), total, parts, len(rows))


def compiled_costs(f: Compiled[..., Any], args: Any, kwargs: Any) -> tuple[str, Costs, Times]:
    """The backend, the costs of a call by places, and its times."""
    signature, operands = f._signature(args, kwargs)
    program, engine = signature.program, signature.key.backend
    plain = _entry(signature, program.main, operands)
    run = lambda: plain(args, kwargs)
    if type(program) is not Program:  # of XLA
        return engine, {}, in_turns(run, run, dict)
    clocks = Clocks(program, files_of(signature.jaxpr))
    call = _entry(signature, clocks.timed(), operands)
    times = in_turns(run, lambda: call(args, kwargs), clocks.read)
    _entry(signature, clocks.weighed(), operands)(args, kwargs)
    costs = clocks.costs(times.parts)
    around = times.total - sum(times.parts.values())  # arguments and results
    add(costs, None, [max(around, 0.0), 0.0, 0.0])
    return engine, costs, times


def _entry(signature: Signature, main: Callable[..., Any], operands: Sequence[Any]) -> Any:
    """Calls of a program as users make them, from arguments to the tree of results."""
    call = entry(signature.key, main, signature.consts, signature.out_tree)

    def run(args: Any, kwargs: Any) -> Any:
        out = call(args, kwargs)
        if out is MISS:
            out = tree.unflatten(signature.out_tree, main(*signature.consts, *operands))
        return out

    return run


def files_of(jaxpr: Jaxpr) -> dict[str, str]:
    """The name of each file of user code in a program -> its path."""
    found = {}
    for eqn in jaxpr.eqns:
        path = eqn.line.rpartition(":")[0]
        found[os.path.basename(path)] = path
        for program in programs_in(eqn.params):
            found |= files_of(program)
    return found


class Clocks:
    """The functions of a program that report, and the costs that they have reported."""

    def __init__(self, program: Program, files: dict[str, str]) -> None:
        self.program, self.files = program, files
        self.text = program.source.text
        self.places = places(self.text)
        values = program.main.__globals__
        callees = [x for x in program.source.constants if hasattr(x, "lines")]
        self.kernels = {name: lib for name, x in values.items() for lib in callees
                        if x is lib.__dict__.get("call")}  # fmt: skip
        self.groups: dict[Any, int] = {}
        self.seconds: list[float] = []
        self.bytes: dict[int, float] = defaultdict(float)
        self.arrays: dict[int, float] = defaultdict(float)

    def key(self, node: ast.stmt) -> int:
        """The number of the group of a statement: a place, or a function in C."""
        value = getattr(node, "value", None)
        called = value.func if isinstance(value, ast.Call) else None
        name = called.id if isinstance(called, ast.Name) else ""
        group = name if name in self.kernels else self.places[node.lineno]
        if group not in self.groups:
            self.groups[group] = len(self.groups)
            self.seconds.append(0.0)
        return self.groups[group]

    def timed(self) -> Callable[..., Any]:
        """The function that adds up the seconds of each group."""
        report = lambda k, _: f"_n = _clock(); _seconds[{k}] += _n - _t; _t = _n"
        clocked = Clocked(self.key, report)
        return self._made(clocked, _clock=time.perf_counter, _seconds=self.seconds)

    def weighed(self) -> Callable[..., Any]:
        """The function that adds up the bytes, and the new arrays, of each statement."""

        def report(line: int, nodes: Sequence[ast.stmt]) -> str:
            (node,) = nodes
            if isinstance(node, ast.If) or is_view(node):
                return ""
            targets = node.targets if isinstance(node, ast.Assign) else []
            made = [x for t in targets for x in names_in(t)]
            group = self.key(node)
            return f"_weigh({group}, ({_listed(made)}), ({_listed(names_in(*nodes))}))"

        return self._made(Clocked(lambda node: node.lineno, report, ""), _weigh=self.weigh)

    def weigh(self, group: int, made: Sequence[Any], named: Sequence[Any]) -> None:
        self.bytes[group] += sum(x.nbytes for x in named if isinstance(x, np.ndarray))
        owned = [x for x in made if isinstance(x, np.ndarray) and x.base is None and x.ndim]
        self.arrays[group] += len(owned)

    def _made(self, clocked: Clocked, **names: Any) -> Callable[..., Any]:
        scope = {"constants": self.program.source.constants, "__name__": "clocked", **names}
        exec(compile(clocked.module(self.text), self.program.filename, "exec"), scope)
        return scope["main"]  # type: ignore[no-any-return]

    def read(self) -> dict[Any, float]:
        """The seconds of each group since the last time."""
        found = dict(zip(self.groups, self.seconds, strict=True))
        self.seconds[:] = [0.0] * len(self.seconds)
        return found

    def costs(self, seconds: dict[Any, float]) -> Costs:
        """Seconds, bytes and arrays of a call by places; those in C by the parts of its lines."""
        found: Costs = {}
        for group, k in self.groups.items():
            cost = [seconds.get(group, 0.0), self.bytes[k], self.arrays[k]]
            for place, part in self._parts(group):
                add(found, place, [part * x for x in cost])
        return found

    def _parts(self, group: Any) -> list[tuple[Place | None, float]]:
        """The places of a group, and the part of each."""
        if group is None:
            return [(None, 1.0)]
        if isinstance(group, Place):
            return [(group._replace(file=self.files.get(group.file, group.file)), 1.0)]
        lines = self.kernels[group].lines
        total = sum(lines.values()) or 1.0
        return [(_place(source), t / total) for source, t in lines.items()]


def _place(source: str) -> Place:
    """The place of an equation's source line, ``file:number`` with a prime for a derivative."""
    path, _, number = source.removesuffix("'").rpartition(":")
    return Place(path, int(number or 0), source.endswith("'"))


def _listed(names: Sequence[str]) -> str:
    return "".join(f"{name}, " for name in names)
