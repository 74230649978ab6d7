"""The table of the broad benchmark, its geometric means, and the worst workloads."""

import math
import statistics

from .families import WORKLOADS

NONE = "-"
NOT_WRITTEN = "not written by hand"


def number(x, unit=1.0):
    """A number in a unit, in three digits."""
    x = x / unit
    return f"{x:,.0f}" if abs(x) >= 100 or x == 0 else f"{x:.3g}"


def line(cells):
    return f"| {' | '.join(cells)} |"


def header(libraries):
    others = [name for name in libraries if name != "jit"]
    titles = ["workload", "n", "jit, µs", *(f"{name} / jit" for name in others)]
    titles += [f"first call, s: {name}" for name in libraries if name in COMPILED]
    return [line(titles), line(["---"] * len(titles))]


COMPILED = ("jit", "c", "jax", "torch-compile")


class Notes:
    """Reasons that were met, each once, by a letter in the cells."""

    def __init__(self):
        self.letters = {}

    def letter(self, reason):
        k = len(self.letters)
        name = chr(97 + k % 26) * (1 + k // 26)
        return f"{NONE} ({self.letters.setdefault(reason, name)})"

    def lines(self):
        return [f"({letter}) {reason}" for reason, letter in self.letters.items()]


def row_line(row, libraries, notes):
    def cell(found, name, unit=1.0):
        if name in found:
            return number(found[name], unit)
        reason = row.left_out.get(name)
        if reason == NOT_WRITTEN:
            return NONE
        return notes.letter(f"{name}: {reason}") if reason else NONE

    others = [name for name in libraries if name != "jit"]
    cells = [row.workload, str(row.size), cell(row.seconds, "jit", 1e-6)]
    cells += [cell(row.ratios, name) for name in others]
    cells += [number(row.first[x]) if x in row.first else NONE for x in libraries if x in COMPILED]
    return line(cells)


def geometric(values):
    return math.exp(statistics.fmean(map(math.log, values))) if values else math.nan


def quotients(rows, top, bottom):
    """Times of one library over those of another, where both ran."""
    both = [row.ratios for row in rows if top in row.ratios and bottom in row.ratios]
    return [ratios[top] / ratios[bottom] for ratios in both]


def brief(rows, libraries, notes):
    """A line a workload: its sizes, and geometric means over them."""
    others = [name for name in libraries if name != "jit"]
    yield line(["workload", "n", "jit, µs", *(f"{name} / jit" for name in others)])
    yield line(["---"] * (3 + len(others)))
    for workload in dict.fromkeys(row.workload for row in rows):
        own = [row for row in rows if row.workload == workload]
        sizes = " ".join(str(row.size) for row in own)
        times = " ".join(number(row.seconds["jit"], 1e-6) for row in own if "jit" in row.seconds)
        cells = [mean_cell(own, name, notes) for name in others]
        yield line([workload, sizes, times, *cells])


def mean_cell(rows, name, notes):
    values = [row.ratios[name] for row in rows if name in row.ratios]
    if values:
        return number(geometric(values))
    reasons = [row.left_out[name] for row in rows if name in row.left_out]
    if not reasons or reasons[0] == NOT_WRITTEN:
        return NONE
    return notes.letter(f"{name}: {reasons[0]}")


PAIRS = (
    ("jax", "jit"),
    ("torch", "jit"),
    ("torch-compile", "jit"),
    ("by-hand", "jit"),
    ("autograd", "jit"),
    ("eager", "jit"),
    ("before", "jit"),
    ("autograd", "eager"),
    ("torch", "eager"),
)


def means(rows):
    """Lines of geometric means of ratios, a family a line."""
    pairs = [pair for pair in PAIRS if quotients(rows, *pair)]
    titles = [f"{top} / {bottom}" for top, bottom in pairs]
    yield line(["family", "rows", *titles])
    yield line(["---"] * (2 + len(pairs)))
    families = dict.fromkeys(WORKLOADS[row.workload].family for row in rows)
    for family in [*families, "all"]:
        own = [row for row in rows if family in ("all", WORKLOADS[row.workload].family)]
        found = [quotients(own, *pair) for pair in pairs]
        cells = [number(geometric(values)) if values else NONE for values in found]
        yield line([family, str(len(own)), *cells])


def worst(rows, peer, count=12):
    """Workloads at which a library is ahead of jit by most, the mean over the sizes of each."""
    names = dict.fromkeys(row.workload for row in rows)
    found = {}
    for name in names:
        values = quotients([row for row in rows if row.workload == name], peer, "jit")
        if values:
            found[name] = geometric(values)
    lowest = sorted(found, key=found.get)[:count]
    return f"Worst against {peer}: " + ", ".join(f"{x} {found[x]:.2g}" for x in lowest)


def summary(rows, notes):
    yield ""
    yield from means(rows)
    for peer in ("jax", "torch"):
        if any(peer in row.ratios for row in rows):
            yield ""
            yield worst(rows, peer)
    if notes.letters:
        yield ""
        yield "Left out:"
        yield from notes.lines()
