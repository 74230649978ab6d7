"""Random programs in every mode, and faults planted to see that they are found.

``python -m tests.fuzz --programs 100000 --workers 2`` is the long run; see ``tests/fuzz``.
"""

import time
from unittest.mock import patch

import numpy as np
import pytest

from funcgrad.ops.elementwise import mul, tanh

from .fuzz import run as fuzz
from .fuzz.generate import Generator, program
from .fuzz.laws import check, deadline
from .fuzz.plain import NAMESPACE, rounding
from .fuzz.plants import PLANTS, planted
from .fuzz.programs import Block, Program, Step
from .fuzz.wide import Wide

PART, MANY = 50, 3000
PARTS = [*range(2), *(pytest.param(part, marks=pytest.mark.slow) for part in range(2, 6))]
FOUND_WITHIN = 2000


def described(report, seed, kind=Generator):
    """Return the programs of a report that differ, to be pasted."""
    return "\n".join(
        f"# python -m tests.fuzz --seed {seed} --start {number} --programs 1\n"
        f"{program(seed, number, kind).text}\n# {difference.kind}\n# {difference.detail}"
        for number, difference in report.found[:3]
    )


@pytest.mark.parametrize("part", PARTS)
def test_a_random_program_is_the_same_in_every_mode(part):
    report = fuzz.run(0, range(part * PART, (part + 1) * PART))

    assert not report.found, described(report, 0)


def test_a_program_of_any_dtype_and_layout_is_that_of_numpy():
    report = fuzz.run(0, range(100), only="values", kind=Wide)

    assert not report.found, described(report, 0, Wide)


@pytest.mark.slow
@pytest.mark.parametrize("law", ["in_c", "transformed_in_c"])
def test_a_program_of_any_dtype_and_layout_is_the_same_in_c(law):
    report = fuzz.run(0, range(300), only=law, kind=Wide)

    assert not report.found, described(report, 0, Wide)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_many_random_programs_are_the_same_in_every_mode(seed):
    report = fuzz.run(seed, range(MANY))

    assert not report.found, described(report, seed)


@pytest.mark.slow
def test_a_program_is_the_same_within_transforms_that_keep_values():
    report = fuzz.run(1, range(MANY // 6), only="wrapped")

    assert not report.found, described(report, 1)


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


@pytest.mark.parametrize("name", PLANTS)
def test_a_plant_takes_the_place_of_what_there_is(name):
    owner, attribute, _ = PLANTS[name]
    before = vars(owner).get(attribute)
    with planted(name):
        assert vars(owner)[attribute] is not before

    assert vars(owner).get(attribute) is before


def one_line(text, *inputs):
    """Return a program of one line."""
    names = tuple(f"x{i}" for i in range(len(inputs)))
    return Program(inputs, Block(names, (Step(("v0",), text, names),), ("v0",)))


# Jacobians whose terms are of size 1 and cancel, and slopes where there is no derivative
CANCEL = {
    "a cross product": one_line(
        "np.cross(np.resize({0}, 3), np.resize({0}, 3))", np.array([0.3, -1.7])
    ),
    "a standard score": one_line("fg.nn.standardize({0})", np.array([1.0, 2.0])),
}
ONE_SIDED = {
    "equal eigenvalues": one_line("np.linalg.eigvalsh({0} + {0}.T)", np.diag([2.0, 2.0, 1.0])),
    "a singular matrix": one_line("np.linalg.norm(np.resize({0}, (3, 3)), 'nuc')", np.ones(2)),
    "equal singular values": one_line("np.linalg.cond(3 * np.eye(2) + {0})", np.zeros((2, 2))),
}


@pytest.mark.parametrize("name", CANCEL)
def test_terms_that_cancel_show_their_size(name):
    for law in ("adjoint", "compiled_gradient", "blocked", "batched_gradient", "symmetric"):
        for seed in range(3):
            assert check(CANCEL[name], seed, only=law)[0] is None


def test_differences_of_a_steep_function_are_not_held_against_it():
    made = one_line("np.arcsin(np.tanh({0} ** 3))", np.array([2.5]))
    for seed in range(5):
        assert check(made, seed, only="differences")[0] is None


@pytest.mark.parametrize("name", ONE_SIDED)
def test_where_there_is_no_derivative_both_modes_give_slopes_from_nearby(name):
    difference, explained = check(ONE_SIDED[name], only="adjoint")

    assert difference is None
    assert explained == ["one-sided slopes"]


@pytest.mark.parametrize("factor", [1.001, -1.0, 2.0])
@pytest.mark.parametrize("name", CANCEL | ONE_SIDED)
def test_a_wrong_factor_is_found_beside_terms_that_cancel_and_one_sided_slopes(name, factor):
    made = (CANCEL | ONE_SIDED)[name]
    steps = (Step(("t",), "np.tanh({0} * 0.5)", ("x0",)), *made.body.steps)
    made = Program(made.inputs, Block(("x0",), steps, ("v0", "t")))
    wrong = lambda cts, needs, outs, ins: (tanh.rules[0](cts[0] * factor, *outs, *ins),)
    with patch.object(tanh, "vjp", wrong):
        assert check(made, only="adjoint")[0] is not None


def test_a_point_that_numpy_refuses_is_no_difference():
    made = one_line(
        "np.linalg.cond(np.resize({0}, (2, 2)))", np.array([1.0, 3.0, 1.0, 2.0, np.nan])
    )
    for law in ("batched", "batched_gradient", "differences"):
        for seed in range(5):
            assert check(made, seed, only=law)[0] is None


def test_a_program_that_does_not_end_is_stopped_by_the_processors_time():
    with pytest.raises(TimeoutError), deadline(1):
        while True:
            pass
    with deadline(1):
        time.sleep(1.5)


def test_rounding_anew_leaves_no_trace():
    x, before = np.full(50, 0.3), dict(vars(mul))
    with rounding(1):
        moved = mul(x, x)

    assert 0 < np.abs(moved / 0.09 - 1).max() < 1e-15
    assert vars(mul) == before
    np.testing.assert_array_equal(mul(x, x), x * x)
