"""Runs workloads in the libraries' processes, in turns, and keeps what was measured.

A library that raises, lacks a function, or takes too long is left out of the row with its reason;
its process is started again where it did not answer.
"""

import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .agreement import difference

ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "JAX_PLATFORMS": "cpu",
    "JAX_ENABLE_X64": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "TORCHINDUCTOR_COMPILE_THREADS": "1",
}
CHOSEN = {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"}  # left to OpenBLAS
REFERENCE = "eager"
SLOW = 1.0  # seconds of a call that is timed once, and not in every round


@dataclass
class Row:
    """What was measured of one workload at one size."""

    workload: str
    size: int
    seconds: dict[str, float] = field(default_factory=dict)  # medians of warm calls
    ratios: dict[str, float] = field(default_factory=dict)  # to jit, medians over rounds
    first: dict[str, float] = field(default_factory=dict)  # first calls
    left_out: dict[str, str] = field(default_factory=dict)  # reasons


class Library:
    """A library in a process of its own; see ``server.py``.

    Args:
        name: of a library in ``peers.py``, or "before".
        folder: another checkout, whose ``jit`` and workloads "before" runs.
    """

    def __init__(self, name, folder=None):
        self.name, self.process, self.version, self.absent = name, None, None, ""
        self.peer = "jit" if name == "before" else name
        self.folder = folder or Path(__file__).parents[2]
        self.slow = set()  # workloads without a result in time, not tried again at larger sizes

    def start(self):
        env = {k: v for k, v in os.environ.items() if k not in CHOSEN} | ONE_THREAD
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.server", self.peer],
            cwd=self.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
        )
        found = self.answer(patience=120)
        self.version, self.absent = found.get("version"), found.get("missing", "")

    def ask(self, patience, **request):
        if self.process is None:
            self.start()
        if self.absent:
            return {"missing": self.absent}
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        return self.answer(patience)

    def load(self, patience, request):
        workload, reason = request["workload"], f"no result in {patience:.0f} s"
        if workload in self.slow:
            return {"missing": reason}
        found = self.ask(patience, do="load", **request)
        if found.get("missing") == reason:
            self.slow.add(workload)
        return found

    def answer(self, patience):
        """The next line, or a reason why there is none within so many seconds."""
        ready, _, _ = select.select([self.process.stdout], [], [], patience)
        line = self.process.stdout.readline() if ready else b""
        if line:
            return json.loads(line)
        self.close()
        return {"missing": "its process ended" if ready else f"no result in {patience:.0f} s"}

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.process = None


def load(libraries, workload, size, options, row, folder):
    """Libraries that compute what the reference does; reasons of others go to the row."""
    wants, able = None, []
    for library in sorted(libraries, key=lambda x: x.name != REFERENCE):
        path = str(Path(folder) / f"{library.name}.npz")
        request = {"workload": workload.name, "size": size, "seed": options.seed, "path": path}
        found = library.load(options.patience, request)
        if "missing" in found:
            row.left_out[library.name] = found["missing"]
            continue
        with np.load(path) as arrays:
            gots = [arrays[name] for name in arrays]
        wants = wants or gots
        wrong = difference(wants, gots, workload.dtype)
        if wrong:
            row.left_out[library.name] = (
                f"differs from {able[0].name if able else 'itself'}: {wrong}"
            )
            continue
        row.first[library.name] = found["first"]
        able.append(library)
    return able


def in_turns(libraries, options, row):
    """Seconds of a call of each library, one number a round."""
    seconds, calls = {}, {}
    for library in list(libraries):
        for _ in range(2):  # a state that is returned may be of another kind, and compiled again
            found = library.ask(options.patience, do="time", calls=1)
        if "missing" in found:
            row.left_out[library.name] = found["missing"]
            continue
        seconds[library.name] = [found["seconds"]] if found["seconds"] > SLOW else []
        calls[library.name] = min(2000, max(1, round(options.budget / found["seconds"])))
    timed = [library for library in libraries if library.name in seconds]
    fast = [library for library in timed if not seconds[library.name]]
    for _ in range(options.rounds):
        for library in fast:
            found = library.ask(options.patience, do="time", calls=calls[library.name])
            seconds[library.name].append(found["seconds"])
    return seconds


def measure(libraries, workload, size, options, base="jit"):
    row = Row(workload.name, size)
    with tempfile.TemporaryDirectory() as folder:
        able = load(libraries, workload, size, options, row, folder)
    times = in_turns(able, options, row)
    for name, column in times.items():
        row.seconds[name] = statistics.median(column)
        if base in times:
            # one long call is set against the median of the rounds
            pairs = (
                zip(column, times[base], strict=True)
                if len(column) == len(times[base])
                else [(statistics.median(column), statistics.median(times[base]))]
            )
            row.ratios[name] = statistics.median(mine / theirs for mine, theirs in pairs)
    return row
