"""The source that jit writes for a workload, each line with its time, bytes and calls.

The standalone text of the compiled function is run with a clock after each statement of ``main``;
what the clock itself takes is measured and subtracted.
"""

import ast
import statistics
import time
from collections import defaultdict

import numpy as np

from funcgrad.compile.clocks import Clocked, is_view, names_in

from .peers import PEERS
from .workload import leaves

SECONDS = 0.5  # of measured calls


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


def report(line, nodes):
    """The report of one statement, with the names of the arrays that it reads and writes."""
    (node,) = nodes
    silent = is_view(node) or isinstance(node, ast.If)
    values = "".join(f"{name}, " for name in ([] if silent else names_in(node)))
    return f"_t = _tick({line}, _t, lambda: ({values}))"


def clocked(text):
    """The names of a standalone module that reports, and what each line of ``main`` calls."""
    tree = ast.parse(text)
    main = next(x for x in ast.walk(tree) if isinstance(x, ast.FunctionDef) and x.name == "main")
    called = dict.fromkeys(range(main.lineno, main.end_lineno + 1), "")
    for node in ast.walk(main):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr | ast.If):
            called[node.lineno] = callee(node)
    module = Clocked(lambda node: node.lineno, report).module(text)
    scope = {"_clock": time.perf_counter, "_tick": None}
    exec(compile(module, "<clocked>", "exec"), scope)
    return scope, called


def callee(node):
    """Name of the function that a statement calls, or of the operator that it applies."""
    if is_view(node):
        return "views"
    if isinstance(node, ast.If):
        return "if"
    value = node.value
    if isinstance(value, ast.Subscript):
        value = value.value
    if not isinstance(value, ast.Call):
        return type(getattr(value, "op", value)).__name__.lower()
    function = value.func
    if isinstance(function, ast.Attribute) and function.attr in ("fill", "copy", "get", "set"):
        return f".{function.attr}"
    return ast.unparse(function)


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
    """Seconds of a call of the compiled function, without clocks, by the time of the process."""
    out, seconds, begin = step(*args), [], time.perf_counter()
    while time.perf_counter() - begin < SECONDS or not seconds:
        now = (out[0], *args[1:]) if carried else args
        start = time.process_time()
        out = step(*now)
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def explain(workload, size, seed):
    """Lines of text: the body of ``main`` with its costs, and what costs most."""
    peer = PEERS["jit"]()
    step, args = peer.step(workload), peer.arrays(workload.arguments(size, seed))
    text = step.source(*args, standalone=True)
    scope, called = clocked(text)
    costs = measured(scope, scope[ast.parse(text).body[-1].name], args)
    yield f"{workload.name}, n = {size}, seed {seed}: {workload.about}"
    bytes_in = sum(x.nbytes for x in leaves(args) if isinstance(x, np.ndarray))
    yield f"{plain_time(step, args, workload.carried) * 1e6:,.1f} µs a call, of {bytes_in:,} bytes"
    total, count = sum(costs.seconds.values()), sum(costs.calls.values())
    yield f"{total * 1e6:,.1f} µs in {count:,.0f} statements, clocked"
    yield from ("", f"{'µs':>9} {'':>5} {'KiB':>11} {'calls':>8}")
    yield from by_line(costs, text.splitlines(), called)
    yield from ("", "Most costly:")
    most = sorted(costs.seconds, key=costs.seconds.get, reverse=True)[:12]
    yield from by_line(costs, text.splitlines(), most)
    yield from ("", "By function:")
    yield from by_function(costs, called)


def by_line(costs, source, numbers):
    total = sum(costs.seconds.values())
    for k in numbers:
        code, t = source[k - 1][4:], costs.seconds.get(k)
        if t is None:
            yield f"{'':>36}  {code}"
        else:
            kilo = costs.bytes.get(k, 0.0) / 1024
            yield f"{timed(t, total)} {kilo:11,.1f} {costs.calls[k]:8,.0f}  {code}"


def by_function(costs, called, count=12):
    seconds, calls = defaultdict(float), defaultdict(float)
    for k, t in costs.seconds.items():
        seconds[called[k]] += t
        calls[called[k]] += costs.calls[k]
    total = sum(seconds.values())
    for name in sorted(seconds, key=seconds.get, reverse=True)[:count]:
        yield f"{timed(seconds[name], total)} {'':>11} {calls[name]:8,.0f}  {name}"


def timed(seconds, total):
    return f"{seconds * 1e6:9.2f} {100 * seconds / total:4.1f}%"
