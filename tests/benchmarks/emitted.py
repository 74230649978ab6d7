"""The source that jit writes for a workload, each line with its time, bytes and calls.

The standalone text of the compiled function is run with a clock after each statement of ``main``;
what the clock itself takes is measured and subtracted.
"""

import ast
import statistics
import time
from collections import defaultdict

import numpy as np

from .peers import PEERS
from .workload import leaves

SECONDS = 0.5  # of measured calls
VIEWS = {"reshape", "transpose", "swapaxes", "view"}


class Costs:
    """Seconds, calls and bytes of each line, as the program reports them."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.seconds, self.calls, self.bytes = (defaultdict(float) for _ in range(3))

    def tick(self, line, start, values):
        """Add a statement that began at ``start``; ``values`` gives the arrays it names."""
        self.seconds[line] += time.perf_counter() - start
        self.calls[line] += 1
        return time.perf_counter()

    def weigh(self, line, start, values):
        """Add the bytes of the arrays that a statement names; one named twice counts once."""
        self.bytes[line] += sum(x.nbytes for x in values() if isinstance(x, np.ndarray))
        return start


def is_view(node):
    """Whether a statement only takes a view, and moves no bytes."""
    if not isinstance(node, ast.Assign):
        return False
    value = node.value
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Attribute) and value.func.attr in VIEWS
    return isinstance(value, ast.Subscript | ast.Attribute | ast.Name | ast.Tuple)


class Clocked(ast.NodeTransformer):
    """Reports after each simple statement of a function."""

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        node.body[:0] = ast.parse("_t = _clock()").body
        return node

    def reported(self, node):
        names = [] if is_view(node) else sorted({x.id for x in ast.walk(node) if is_name(x)})
        values = "".join(f"{name}, " for name in names)
        report = f"_t = _tick({node.lineno}, _t, lambda: ({values}))"
        return [node, *ast.parse(report).body]

    visit_Assign = visit_AugAssign = visit_Expr = reported  # noqa: N815


def is_name(node):
    return isinstance(node, ast.Name)


def clocked(text):
    """The names of a standalone module that reports, and the span of ``main`` in its lines."""
    tree = ast.parse(text)
    main = next(x for x in ast.walk(tree) if isinstance(x, ast.FunctionDef) and x.name == "main")
    span = range(main.lineno, main.end_lineno + 1)
    Clocked().visit(main)
    scope = {"_clock": time.perf_counter, "_tick": None}
    exec(compile(ast.fix_missing_locations(tree), "<clocked>", "exec"), scope)
    return scope, span


def overhead(costs, count=20_000):
    """Seconds of one report, as it counts itself."""
    start = time.perf_counter()
    for _ in range(count):
        start = costs.tick(0, start, lambda: ())
    found = costs.seconds[0] / count
    costs.clear()
    return found


def measured(scope, run, args):
    """Costs of the lines for one call, their times medians over many calls."""
    costs, columns = Costs(), defaultdict(list)
    own, start = overhead(costs), time.perf_counter()
    scope["_tick"] = costs.tick
    while time.perf_counter() - start < SECONDS or len(columns[0]) < 3:
        costs.clear()
        run(*args)
        columns[0].append(0.0)
        for line, seconds in costs.seconds.items():
            columns[line].append(seconds)
    for line, count in costs.calls.items():
        costs.seconds[line] = max(0.0, statistics.median(columns[line]) - own * count)
    scope["_tick"] = costs.weigh
    run(*args)
    return costs


def plain_time(step, args, carried):
    """Seconds of a call of the compiled function, without clocks."""
    out, seconds, begin = step(*args), [], time.perf_counter()
    while time.perf_counter() - begin < SECONDS or not seconds:
        now = (out[0], *args[1:]) if carried else args
        start = time.perf_counter()
        out = step(*now)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def explain(workload, size, seed):
    """Lines of text: the body of ``main`` with its costs, then the lines that cost most."""
    peer = PEERS["jit"]()
    step, args = peer.step(workload), peer.arrays(workload.arguments(size, seed))
    text = step.source(*args, standalone=True)
    name = ast.parse(text).body[-1].name
    scope, span = clocked(text)
    costs = measured(scope, scope[name], args)
    total, source = sum(costs.seconds.values()), text.splitlines()

    def shown(k):
        t, code = costs.seconds.get(k), source[k - 1]
        if t is None:
            return f"{'':>36}  {code[4:]}"
        share, kilo = 100 * t / total, costs.bytes.get(k, 0.0) / 1024
        return f"{t * 1e6:9.2f} {share:4.1f}% {kilo:11,.1f} {costs.calls[k]:8,.0f}  {code[4:]}"

    yield f"{workload.name}, n = {size}, seed {seed}: {workload.about}"
    arrays = sum(x.nbytes for x in leaves(args) if isinstance(x, np.ndarray))
    yield f"{plain_time(step, args, workload.carried) * 1e6:,.1f} µs a call, of {arrays:,} bytes"
    yield f"{total * 1e6:,.1f} µs in {sum(costs.calls.values()):,.0f} statements, clocked"
    yield ""
    yield f"{'µs':>9} {'':>5} {'KiB':>11} {'calls':>8}"
    yield from map(shown, span)
    yield ""
    yield "Most costly:"
    yield from map(shown, sorted(costs.seconds, key=costs.seconds.get, reverse=True)[:12])
