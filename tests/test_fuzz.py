"""Random programs in every mode, and faults planted to see that they are found.

``python -m tests.fuzz --programs 100000 --workers 2`` is the long run; see ``tests/fuzz``.
"""

import numpy as np
import pytest

from .fuzz import run as fuzz
from .fuzz.generate import program
from .fuzz.laws import check
from .fuzz.plain import NAMESPACE
from .fuzz.plants import PLANTS, planted
from .fuzz.programs import Block, Program, Step

PART, PARTS, MANY = 50, 6, 3000
FOUND_WITHIN = 2000


def described(report, seed):
    """Return the programs of a report that differ, to be pasted."""
    return "\n".join(
        f"# python -m tests.fuzz --seed {seed} --start {number} --programs 1\n"
        f"{program(seed, number).text}\n# {difference.kind}\n# {difference.detail}"
        for number, difference in report.found[:3]
    )


@pytest.mark.parametrize("part", range(PARTS))
def test_a_random_program_is_the_same_in_every_mode(part):
    report = fuzz.run(0, range(part * PART, (part + 1) * PART))

    assert not report.found, described(report, 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_many_random_programs_are_the_same_in_every_mode(seed):
    report = fuzz.run(seed, range(MANY))

    assert not report.found, described(report, seed)


def test_a_program_is_the_same_for_the_same_number():
    texts = [program(7, 3).text for _ in range(2)]

    assert texts[0] == texts[1] != program(7, 4).text


def test_a_program_is_printed_to_the_last_bit():
    made = program(0, 26)
    scope = dict(NAMESPACE)
    exec(made.text, scope)

    for x, y in zip(scope["inputs"], made.inputs, strict=True):
        assert np.asarray(x).dtype == np.asarray(y).dtype
        np.testing.assert_array_equal(x, y)


def test_a_failing_program_is_shrunk_to_the_line_that_fails():
    steps = (
        Step(("v0",), "np.sin({0})", ("x0",)),
        Step(("v1",), "np.tanh({0})", ("v0",)),
        Step(("v2",), "np.sum({0} * {1})", ("v1", "x1")),
    )
    made = Program((np.ones((2, 3)), np.ones(3)), Block(("x0", "x1"), steps, ("v0", "v2")))

    with planted("sign"):
        difference, _ = check(made)
        small = fuzz.shrunk(made, 0, difference)

    assert [step.text for step in small.body.steps] == ["np.tanh({0})"]
    assert [np.size(x) for x in small.inputs] == [1]


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_fault_is_found(name):
    with planted(name):
        report = fuzz.run(0, range(FOUND_WITHIN), stop=True)
        assert report.found
        number, difference = report.found[0]

    assert check(program(0, number), number, only=difference.by)[0] is None
