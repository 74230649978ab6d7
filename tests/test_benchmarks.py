"""The workloads of the broad benchmark: every library computes the same."""

import pytest

from .benchmarks.agreement import difference, host
from .benchmarks.by_hand import STEPS
from .benchmarks.families import WORKLOADS
from .benchmarks.peers import PEERS
from .benchmarks.workload import MissingError, drawn_sizes, leaves

FAULTS = {"tensor-decomposition": "jit of an einsum of three operands: axes don't match array"}
NAMES = [
    pytest.param(name, marks=pytest.mark.xfail(reason=FAULTS[name])) if name in FAULTS else name
    for name in WORKLOADS
]


def results(peer, name, size=None):
    workload = WORKLOADS[name]
    args = workload.arguments(size or workload.tiny, seed=0)
    out = peer.ready(peer.step(workload)(*peer.arrays(args)))
    return [host(x) for x in leaves(out)]


@pytest.fixture(scope="module")
def eager():
    return PEERS["eager"]()


@pytest.mark.parametrize("name", NAMES)
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
