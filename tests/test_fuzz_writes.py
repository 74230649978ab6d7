"""Random programs that write into arrays, and faults planted to see that they are found.

``python -m tests.fuzz --writes --programs 20000 --workers 2`` is the long run.
"""

import numpy as np
import pytest

from .fuzz.compare import DifferenceError
from .fuzz.writes import run as fuzz
from .fuzz.writes.generate import program
from .fuzz.writes.laws import Case, check
from .fuzz.writes.plants import PLANTS, planted
from .fuzz.writes.program import Program
from .fuzz.writes.stores import reads_written

PART, MANY = 20, 2500
PARTS = [*range(2), *(pytest.param(part, marks=pytest.mark.slow) for part in (2, 3))]
FOUND_WITHIN = 300


def described(report, seed):
    """The programs of a report that differ, to be pasted."""
    return "\n".join(
        f"# python -m tests.fuzz --writes --seed {seed} --start {number} --programs 1\n"
        f"{program(seed, number).text}\n# {difference.kind}\n# {difference.detail}"
        for number, difference in report.found[:3]
    )


@pytest.mark.parametrize("part", PARTS)
def test_a_random_program_that_writes_is_the_same_in_every_mode(part):
    report = fuzz.run(0, range(part * PART, (part + 1) * PART))

    assert not report.found, described(report, 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_many_random_programs_that_write_are_the_same_in_every_mode(seed):
    report = fuzz.run(seed, range(MANY))

    assert not report.found, described(report, seed)


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_fault_of_writes_is_found(name):
    with planted(name):
        report = fuzz.run(0, range(FOUND_WITHIN), stop=True)
        assert report.found
        number, difference = report.found[0]

    assert check(program(0, number), number, difference.by) is None


def test_a_program_that_writes_is_the_same_for_the_same_number():
    assert program(7, 3).text == program(7, 3).text != program(7, 4).text


def test_a_value_is_copied_where_numpys_order_of_writing_decides():
    m = lambda: np.arange(9.0).reshape(3, 3)
    pairs = [(lambda x: x.T[2], lambda x: x[1]), (lambda x: x[2], lambda x: x[::-1, 2]),
             (lambda x: x[0, 1:], lambda x: x[0, :2]), (lambda x: x[0], lambda x: x[0, ::-1]),
             (lambda x: x.T, lambda x: x), (lambda x: x[0], lambda x: x[:, :1].T)]  # fmt: skip
    for part, value in pairs:
        x, want = m(), m()
        part(x)[...] = value(x)
        part(want)[...] = value(want).copy()
        differs = not np.array_equal(want, x)

        assert reads_written(value(x), part(x), x) >= differs
    assert reads_written(m()[1], m().T[2], m()) is False


def test_a_difference_is_one_of_rounding_only_where_rounding_grows():
    for source, grows in (("np.sin(1e4 * x0)", True), ("np.sin(x0)", False)):
        x = np.array([0.5, 0.7])
        case = Case(Program(f"def f(x0):\n    return {source},", (x,)), np.random.default_rng(0))
        off = [case.want[0] + 5e-12]
        case.given()
        if grows:
            case.same("jit", off, case.want, 1e-12, [(x,)])
        else:
            with pytest.raises(DifferenceError):
                case.same("jit", off, case.want, 1e-12, [(x,)])
        with pytest.raises(DifferenceError):
            case.same("jit", off, case.want, 1e-12)


def test_a_failing_program_that_writes_is_shrunk_to_the_lines_that_fail():
    source = """def f(x0, x1):
    v0 = np.sin(x1) + 1.0
    for i in range(2):
        v1 = x0.T
        v1[i] += v0[0, 0]
    v2 = v0 * 2.0
    return x0, v0, v2,"""
    made = Program(source, (np.ones((2, 2)), np.ones((2, 3))))
    with planted("views have no owner"):
        difference = check(made)
        small = fuzz.shrunk(made, 0, difference)

    assert len(small.source.splitlines()) <= 4
    assert ".T" in small.source
