"""Time funcgrad, eager and compiled, beside JAX, PyTorch and HIPS autograd.

Run it with ``python tests/benchmarks/suite.py``; the peers come with the ``bench`` extra, and one
that is missing is left out. Each library runs each workload in a process of its own, on one
thread; the driver asks them in turns, and ratios are medians over the rounds, so that a busy
machine slows all alike. Before anything is timed, results are compared with eager funcgrad's.

The workloads stand in ``inputs.py``, ``workloads.py`` and ``workloads_torch.py``, what each library
calls things in ``libraries.py``, and what is measured in ``worker.py``.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from inputs import TITLES
from libraries import LIBRARIES

ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}
REFERENCE = "funcgrad"
RTOL = 1e-3  # float32, two steps, sums in another order
BUSY = 1.2  # cores at which a library is said to use more than one thread
NONE = "-"

LEGEND = """
{versions}
Warm time: one call, the median of {rounds} rounds. Ratios: the median over rounds of a library's
time to that of {base} in the same round; above 1, {base} is faster.
First call: trace and compile in a fresh function, in a process that has compiled before.
Peak memory: for the NumPy libraries the tracemalloc peak of one warm call above its start, with
the arrays a function holds between calls (a workspace) added; for jax XLA's own plan, temporaries
and fresh outputs; torch is not measured. RSS: growth of the process's peak resident memory
(getrusage) from before the first call to after the last, compilation included.
Steady state: minor page faults of the process, and growth of traced memory, over so many warm
calls of {base}."""


class Disagreement(SystemExit):
    """A library's results are not eager funcgrad's."""


class Worker:
    """A library in a process of its own; see ``worker.py``."""

    def __init__(self, library, workload):
        self.library, self.workload = library, workload
        script = Path(__file__).with_name("worker.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), library, workload],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | ONE_THREAD,
        )

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.library}: {self.workload}: failed; its traceback is above")
        return json.loads(line)

    def ask(self, do, **request):
        print(json.dumps({"do": do, **request}), file=self.process.stdin, flush=True)
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def saved(worker, folder):
    path = Path(folder) / f"{worker.library}.npz"
    worker.ask("check", path=str(path))
    with np.load(path) as arrays:
        return [arrays[name] for name in arrays]


def compare(workers, folder):
    """Raise where a library's results are not those of eager funcgrad."""
    reference = REFERENCE if REFERENCE in workers else next(iter(workers))
    wants = saved(workers[reference], folder)
    for name in workers.keys() - {reference}:
        gots = saved(workers[name], folder)
        where = f"{workers[name].workload}: {name}"
        if [x.shape for x in gots] != [x.shape for x in wants]:
            raise Disagreement(f"{where}: results of other shapes than {reference}'s")
        for k, (got, want) in enumerate(zip(gots, wants, strict=True)):
            # by norms: where a gradient is noise, Adam's first steps are its sign
            error, size = np.linalg.norm(got - want), np.linalg.norm(want)
            if not error <= RTOL * size + 1e-7:
                raise Disagreement(f"{where}: result {k} is off by {error:.2g}, norm {size:.2g}")
        dtypes = {str(x.dtype) for x in gots}
        if dtypes != {"float32"}:
            print(f"{where}: results of dtypes {sorted(dtypes)}", file=sys.stderr)


def start(libraries, workload):
    """Return a worker for each library that can run the workload; say why another cannot."""
    started = {name: Worker(name, workload) for name in libraries}
    workers, versions = {}, []
    for name, worker in started.items():
        answer = worker.answer()
        if "missing" in answer:
            print(f"{workload}: {name} left out: {answer['missing']}", file=sys.stderr)
            worker.close()
        else:
            workers[name] = worker
            versions.append(answer["version"])
    return workers, versions


def in_turns(workers, rounds, budget):
    """Return each library's seconds a call, one number a round."""
    guess = {name: worker.ask("time", calls=3)["seconds"] for name, worker in workers.items()}
    calls = {name: min(300, max(1, round(budget / s))) for name, s in guess.items()}
    seconds, cores = {name: [] for name in workers}, {name: [] for name in workers}
    for _ in range(rounds):
        for name, worker in workers.items():
            answer = worker.ask("time", calls=calls[name])
            seconds[name].append(answer["seconds"])
            cores[name].append(answer["cores"])
    for name, used in cores.items():
        if statistics.median(used) > BUSY:
            what = f"{workers[name].workload}: {name} kept {statistics.median(used):.1f} cores busy"
            print(what, file=sys.stderr)
    return seconds


def measure(workers, base, options):
    """Return all that the table says of one workload."""
    with tempfile.TemporaryDirectory() as folder:
        compare(workers, folder)
    found = {name: {"first": w.ask("first", times=options.firsts)} for name, w in workers.items()}
    times = in_turns(workers, options.rounds, options.budget)
    for name, worker in workers.items():
        pairs = zip(times[name], times.get(base, ()), strict=False)
        ratios = [mine / theirs for mine, theirs in pairs]
        found[name] |= worker.ask("memory")
        found[name]["warm"] = statistics.median(times[name])
        found[name]["ratio"] = statistics.median(ratios) if ratios else None
    if base in workers:
        calls = round(min(1000, max(10, options.steady / found[base]["warm"])))
        found[base] |= workers[base].ask("steady", calls=calls) | {"calls": calls}
    return found


def number(x, unit=1.0):
    """Return a number in a unit, in three digits or so."""
    if x is None:
        return NONE
    x = x / unit
    return f"{x:,.0f}" if abs(x) >= 100 or x == 0 else f"{x:.3g}"


def header(libraries, base):
    peaks = [name for name in libraries if name != "torch"]
    titles = ["workload"] + [f"{name}, µs" for name in libraries]
    titles += [f"{name} / {base}" for name in libraries if name != base]
    titles += [f"first call, ms: {name}" for name in libraries if LIBRARIES[name].compiles]
    titles += ["peak, KiB: " + " · ".join(peaks), "RSS, MiB: " + " · ".join(libraries)]
    return titles + ["page faults", "growth, bytes", "in calls"]


def row(workload, found, libraries, base):
    get = lambda name, *keys: value_at(found.get(name, {}), keys)
    peaks = [name for name in libraries if name != "torch"]
    cells = [TITLES[workload]]
    cells += [number(get(name, "warm"), 1e-6) for name in libraries]
    cells += [number(get(name, "ratio")) for name in libraries if name != base]
    compiled = [name for name in libraries if LIBRARIES[name].compiles]
    cells += [number(get(name, "first", "seconds"), 1e-3) for name in compiled]
    cells.append(" · ".join(number(get(name, "peak"), 2**10) for name in peaks))
    cells.append(" · ".join(number(get(name, "rss"), 2**20) for name in libraries))
    return cells + [number(get(base, key)) for key in ("faults", "growth", "calls")]


def value_at(found, keys):
    for key in keys:
        found = found.get(key) if found else None
    return found


def line(cells):
    return f"| {' | '.join(cells)} |"


def run(workload, libraries, base, options):
    """Print the row of one workload; return the versions of what ran."""
    workers, versions = start(dict.fromkeys([*libraries, REFERENCE]), workload)
    try:
        found = measure(workers, base, options) if workers else {}
    finally:
        for worker in workers.values():
            worker.close()
    print(line(row(workload, found, libraries, base)), flush=True)
    return versions


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, help="rounds over the libraries (21; quick: 5)")
    parser.add_argument("--workloads", nargs="+", choices=TITLES, default=list(TITLES))
    parser.add_argument("--libraries", nargs="+", choices=LIBRARIES, default=list(LIBRARIES))
    parser.add_argument("--against", choices=LIBRARIES, help="to which times the ratios are taken")
    parser.add_argument("--quick", action="store_true", help="a minute or two, rough numbers")
    options = parser.parse_args()
    options.rounds = options.rounds or (5 if options.quick else 21)
    options.budget = 0.01 if options.quick else 0.04  # seconds of calls, a library and round
    options.firsts = 1 if options.quick else 3
    options.steady = 0.2 if options.quick else 2.0  # seconds, untraced
    return options


def main():
    options = parse()
    base = options.against or "funcgrad-jit"
    titles = header(options.libraries, base)
    print(line(titles))
    print(line(["---"] * len(titles)))
    versions = {}
    for workload in options.workloads:
        versions |= dict.fromkeys(run(workload, options.libraries, base, options))
    print(LEGEND.format(versions=", ".join(versions), rounds=options.rounds, base=base))


if __name__ == "__main__":
    main()
