"""The doctor advises what was measured, and measures by processes of their own."""

import os
import re

import pytest

from funcgrad import doctor

ALIKE = dict.fromkeys(doctor.TASKS, 0.01)


@pytest.fixture
def environment(monkeypatch):
    for name in (*doctor.THREADS, *doctor.KERNELS, doctor.NO_BYTECODE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(doctor, "_processors", lambda: 2)
    return monkeypatch


def advice(measured):
    return [line for line in doctor.report(measured).splitlines() if line.startswith("->")]


def faster(where, **times):
    """Measurements in which the tasks take these times if a variable has been changed so."""
    return lambda changes: ALIKE | times if where(changes) else ALIKE


def test_a_machine_on_which_nothing_would_be_faster_gets_no_advice_but_one_thread(environment):
    (only,) = advice(lambda changes: ALIKE)

    assert "OPENBLAS_NUM_THREADS=1" in only


@pytest.mark.parametrize("name", doctor.KERNELS)
@pytest.mark.parametrize("task", ["product", "chain"])
def test_what_costs_time_is_to_be_unset(name, task, environment):
    environment.setenv(name, "some")

    costs = faster(lambda changes: changes == {name: None}, **{task: 0.005})
    assert any(f"unset {name}" in line for line in advice(costs))
    assert f"{name}=some: product 1.00 times, chain 1.00 times" in doctor.report(lambda _: ALIKE)
    assert not any(name in line for line in advice(lambda _: ALIKE))


def test_threads_are_advised_where_they_gain(environment):
    two = lambda changes: changes.get("OPENBLAS_NUM_THREADS") == "2"

    assert advice(faster(two, product=0.005)) == []
    assert len(advice(faster(two, product=0.02))) == 1
    (blas, jit) = advice(faster(lambda changes: True, chain2=0.005))
    assert "OPENBLAS_NUM_THREADS=1" in blas and "jit(threads=2)" in jit


def test_bytecode_is_advised_where_starts_take_longer_without(environment):
    environment.setenv(doctor.NO_BYTECODE, "1")

    costs = faster(lambda changes: doctor.NO_BYTECODE in changes, **{"import": 0.005})
    assert any(f"unset {doctor.NO_BYTECODE}" in line for line in advice(costs))
    assert not any(doctor.NO_BYTECODE in line for line in advice(lambda _: ALIKE))


@pytest.mark.slow
def test_the_doctor_measures_in_processes_with_another_environment(environment):
    environment.setenv("OPENBLAS_CORETYPE", "Nehalem")
    text = doctor.report()

    assert re.search(r"product of matrices, .*: [1-9]\d* GFLOP/s", text)
    assert re.search(r"OPENBLAS_CORETYPE=Nehalem: product \d+\.\d\d times", text)
    assert os.environ["OPENBLAS_CORETYPE"] == "Nehalem"
