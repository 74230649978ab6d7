"""A report of NumPy, BLAS, threads and the C compiler on this machine: measured, with advice.

Each setting is measured by a process of its own, because NumPy reads the environment once, when it
is imported. The processes run in turns, and the fastest time counts.
"""

import ctypes
import functools
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from .c.compiler import told
from .core.config import VARIABLE, config
from .transforms.jit.api import jit

Times: TypeAlias = Mapping[str, float]  # of TASKS, in seconds
Changes: TypeAlias = Mapping[str, str | None]  # of the environment, None for a variable unset

OPTIONAL = ("scipy", "jax", "torch", "autograd", "optax", "pytest")  # found, not imported
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
# variables that choose the kernels of BLAS and NumPy
KERNELS = (
    "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR",
    "NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES",
)  # fmt: skip
NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
TASKS = ("product", "chain", "chain2", "import")
PLENTY = 1.15  # the ratio of two times from which on it is worth advice

SIZE, LENGTH = 512, 1_000_000  # of the matrix product, of the elementwise chain
_ROUNDS = 2  # processes of each setting
_SECONDS = 0.15  # for each task of a process

_IMPORT = "import funcgrad; funcgrad.grad(lambda x: x * x)(1.0)"
_MEASURE = "import funcgrad.doctor, json; print(json.dumps(funcgrad.doctor.measure()))"


def report(measured: Callable[[Changes], Times] | None = None) -> str:
    """The report, one fact a line, with advice after arrows; it takes some 10 seconds.

    Args:
        measured: changes of the environment -> times; by default a new process measures them.

    >>> report(lambda changes: dict.fromkeys(TASKS, 0.01)).splitlines()[0].startswith("Python")
    True
    """
    return "\n".join([*_facts(), *_measured(in_turns if measured is None else measured)])


def _facts() -> Iterator[str]:
    yield f"Python {platform.python_version()} on {platform.machine()}, {_processors()} processors"
    yield f"NumPy {np.__version__}"
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    yield f"BLAS {blas['name']} {blas['version']}"
    library = _openblas()
    core = _call(library, "get_corename", ctypes.c_char_p)
    if core is not None:
        yield f"OpenBLAS runs its kernels for {core.decode()}"
    threads = _call(library, "get_num_threads", ctypes.c_int)
    yield f"BLAS threads: {threads or 'unknown'}"
    watched = (*THREADS, *KERNELS, NO_BYTECODE, "CC", VARIABLE)
    given = [name for name in watched if name in os.environ]
    yield f"set: {', '.join(f'{name}={os.environ[name]}' for name in given) or 'nothing'}"
    yield from told()
    yield f"backend of jit: {config.backend}"
    found = [name for name in OPTIONAL if importlib.util.find_spec(name) is not None]
    yield f"optional packages found: {', '.join(found) or 'none'}"


def _measured(measured: Callable[[Changes], Times]) -> Iterator[str]:
    now = measured({})
    rate = 2 * SIZE**3 / now["product"] / 1e9
    yield f"product of matrices, {SIZE} x {SIZE}, float64: {rate:.0f} GFLOP/s"
    each = now["chain"] * 1e9 / LENGTH
    yield f"compiled exp(-x*x) tanh(x), {LENGTH:,} elements: {each:.2f} ns an element"
    for name in KERNELS:
        if name in os.environ:
            yield from _of_kernels(name, now, measured({name: None}))
    if (count := _processors()) > 1:
        one, several = (measured(dict.fromkeys(THREADS, str(n))) for n in (1, count))
        yield from _of_threads(count, one["product"] / several["product"])
        yield from _of_blocks(now["chain"] / now["chain2"])
    if os.environ.get(NO_BYTECODE):
        slow, fast = now["import"], measured({NO_BYTECODE: None})["import"]
        yield f"{NO_BYTECODE}: import and first gradient {slow:.2f} s, without it {fast:.2f} s"
        if slow > PLENTY * fast:
            yield f"-> unset {NO_BYTECODE}: each start compiles the modules again"


def _of_kernels(name: str, now: Times, without: Times) -> Iterator[str]:
    product, chain = (now[task] / without[task] for task in ("product", "chain"))
    times = f"product {product:.2f} times, chain {chain:.2f} times the time without it"
    yield f"{name}={os.environ[name]}: {times}"
    if max(product, chain) > PLENTY:
        yield f"-> unset {name} before NumPy is imported"


def _of_threads(count: int, ratio: float) -> Iterator[str]:
    yield f"{count} BLAS threads: the product {ratio:.2f} times as fast as with one"
    if ratio < PLENTY:
        yield (
            "-> set OPENBLAS_NUM_THREADS=1 before NumPy is imported; on a busy machine several "
            "threads may be much slower than one"
        )


def _of_blocks(ratio: float) -> Iterator[str]:
    yield f"jit(threads=2): the chain {ratio:.2f} times as fast as with threads=1"
    if ratio > PLENTY:
        yield "-> try jit(threads=2) for functions of arrays above a megabyte"


def in_turns(changes: Changes) -> Times:
    """The times of the tasks with changes of the environment, each the fastest of processes."""
    with tempfile.TemporaryDirectory() as bytecode:
        env = {name: x for name, x in (os.environ | changes).items() if x is not None}
        if NO_BYTECODE not in env:  # the bytecode of the measurement is not left behind
            env["PYTHONPYCACHEPREFIX"] = bytecode
        path = [str(Path(__file__).parents[1]), *env.get("PYTHONPATH", "").split(os.pathsep)]
        env["PYTHONPATH"] = os.pathsep.join(filter(None, path))
        rounds = []
        for _ in range(_ROUNDS):
            start = time.perf_counter()
            _run(_IMPORT, env)
            seconds = time.perf_counter() - start  # the last round reads the bytecode of the first
            rounds.append(json.loads(_run(_MEASURE, env)) | {"import": seconds})
    return {task: min(times[task] for times in rounds) for task in rounds[0]}


def _run(source: str, env: Mapping[str, str]) -> str:
    command = [sys.executable, "-c", source]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout


def measure() -> dict[str, float]:
    """The times of a matrix product, and of a compiled chain in one and in two threads."""
    rng = np.random.default_rng(0)
    a, x = rng.normal(size=(SIZE, SIZE)), rng.normal(size=LENGTH)
    chain = lambda x: np.exp(-x * x) * np.tanh(x)
    tasks: dict[str, Callable[[], Any]] = {"product": lambda: a @ a}
    for name, threads in (("chain", 1), ("chain2", 2)):
        compiled = jit(chain, threads=threads, backend="numpy")
        tasks[name] = functools.partial(compiled, x)
    return {name: _fastest(task) for name, task in tasks.items()}


def _fastest(task: Callable[[], Any]) -> float:
    """The least time of runs of a task, in seconds."""
    task()
    best, end = float("inf"), time.perf_counter() + _SECONDS
    while (start := time.perf_counter()) < end:
        task()
        best = min(best, time.perf_counter() - start)
    return best


def _processors() -> int:
    counted = getattr(os, "sched_getaffinity", None)
    return len(counted(0)) if counted else os.cpu_count() or 1


def _openblas() -> Any:
    """The OpenBLAS library of NumPy, None if there is none."""
    home = Path(np.__file__).parent
    for folder in (home.parent / "numpy.libs", home / ".dylibs"):
        for path in sorted(folder.glob("*openblas*")):
            try:
                return ctypes.CDLL(str(path))  # loaded already, since NumPy is
            except OSError:
                continue
    return None


def _call(library: Any, name: str, kind: Any) -> Any:
    """Call a function without arguments, by the name that it has in this build."""
    for prefix in ("scipy_openblas_", "openblas_"):
        for suffix in ("64_", ""):
            function = getattr(library, f"{prefix}{name}{suffix}", None)
            if function is not None:
                function.restype = kind
                return function()
    return None
