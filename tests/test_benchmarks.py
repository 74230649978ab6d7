"""The workloads of the broad benchmark: every library computes the same."""

import subprocess
import sys
from pathlib import Path

import pytest

from .benchmarks.agreement import difference, host
from .benchmarks.by_hand import STEPS
from .benchmarks.driver import Row
from .benchmarks.emitted import explain
from .benchmarks.families import WORKLOADS
from .benchmarks.peers import PEERS
from .benchmarks.report import Notes, brief, means, row_line, worst
from .benchmarks.workload import MissingError, drawn_sizes, leaves

ROOT = Path(__file__).parents[1]


def results(peer, name, size=None):
    workload = WORKLOADS[name]
    args = workload.arguments(size or workload.tiny, seed=0)
    out = peer.ready(peer.step(workload)(*peer.arrays(args)))
    return [host(x) for x in leaves(out)]


@pytest.fixture(scope="module")
def eager():
    return PEERS["eager"]()


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_compiled_workload_computes_the_eager_one(name, eager):
    wants, gots = results(eager, name), results(PEERS["jit"](), name)

    assert difference(wants, gots, WORKLOADS[name].dtype) == ""
    assert {x.dtype.name for x in gots} == {WORKLOADS[name].dtype}


@pytest.mark.parametrize("name", STEPS)
def test_a_workload_written_by_hand_computes_the_eager_one(name, eager):
    wants, gots = results(eager, name), results(PEERS["by-hand"](), name)

    assert difference(wants, gots, WORKLOADS[name].dtype) == ""


def test_there_are_enough_workloads_of_each_family():
    found = {w.family for w in WORKLOADS.values()}

    assert len(found) == 10  # nine, and ADBench's objectives
    assert len(WORKLOADS) >= 72, "no workload is taken out"
    assert len(STEPS) >= 19


@pytest.mark.parametrize("seed", range(3))
def test_sizes_are_drawn_within_their_bounds(seed):
    for workload in WORKLOADS.values():
        sizes = drawn_sizes(workload, seed)

        assert min(workload.sizes) <= sizes[0] and sizes[-1] <= max(workload.sizes)
        assert sizes == sorted(sizes) == drawn_sizes(workload, seed)


def test_each_line_of_the_source_has_its_costs(monkeypatch):
    monkeypatch.setattr("tests.benchmarks.emitted.SECONDS", 0.0)
    lines = list(explain(WORKLOADS["pendulum"], size=2, seed=0))
    costs = next(line for line in lines if "t0" in line and "sin(" in line).split()

    assert costs[1].endswith("%") and costs[3] == "1"  # time, share, KiB, calls


def test_the_table_says_why_a_library_is_left_out():
    row = Row("heat", 9, {"jit": 2e-6}, {"jit": 1.0}, {"jit": 0.5}, {"torch": "no roll"})
    notes = Notes()

    assert row_line(row, ["jit", "torch"], notes) == "| heat | 9 | 2 | - (a) | 0.5 |"
    assert notes.lines() == ["(a) torch: no roll"]


def test_means_are_geometric_and_the_worst_is_named():
    rows = [Row("heat", n, ratios={"jit": 1.0, "jax": r}) for n, r in ((2, 0.5), (3, 2.0))]
    rows.append(Row("wave", 4, ratios={"jit": 1.0, "jax": 0.25}))

    assert list(means(rows[:2]))[2].startswith("| PDE and image stencils | 2 | 1 |")
    assert list(brief(rows, ["jit", "jax"], Notes()))[2] == "| heat | 2 3 |  | 1 |"
    assert worst(rows, "jax") == "Worst against jax: wave 0.25, heat 1"


@pytest.mark.slow
def test_the_command_compares_and_times():
    command = [sys.executable, "-m", "tests.benchmarks", "--only", "rosenbrock", "--sizes", "1"]
    command += ["--libraries", "jit", "eager", "by-hand", "--rounds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert "| linear algebra and kernels | 1 |" in done.stdout and "- (a)" not in done.stdout


@pytest.mark.slow
@pytest.mark.peers
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("library", ["jax", "torch", "autograd"])
def test_peers_compute_the_same(library, eager, jax):
    pytest.importorskip(library)
    peer = PEERS[library]()
    for name, workload in WORKLOADS.items():
        try:
            gots = results(peer, name)
        except MissingError:
            assert library == "autograd"
            continue

        assert (name, difference(results(eager, name), gots, workload.dtype)) == (name, "")
