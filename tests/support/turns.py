"""Thin products of parameters: the quick suite meets every pair of values, the slow one all."""

import itertools

import pytest

# a law whose loop over values is thinned by ``share``, and without it in the slow suite
in_full = pytest.mark.parametrize(
    "full", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["in turns", "in full"]
)


def share(values, turn, count):
    """Every count-th value, beginning at this turn; count turns together give all values."""
    return values[turn % count :: count]


def in_turns(names, *axes, always=()):
    """Parametrize a test by the product of the axes, of which the last takes turns.

    A combination of the other axes meets one value of the last axis in the quick suite, and all of
    them in the slow one. Every pair of values, of any two axes, is met in the quick suite.

    Args:
        names: str, the parameters, separated by commas.
        axes: iterables of strings, numbers or tuples, which name the tests.
        always: values of the last axis that every combination meets.
    """
    *others, last = map(list, axes)
    turning = [value for value in last if value not in always]
    params, met = [], set()
    for places in itertools.product(*(range(len(axis)) for axis in others)):
        given = [axis[i] for axis, i in zip(others, places, strict=True)]
        turn = turning[sum(places) % len(turning)]
        for value in last:
            quick = value == turn or value in always
            row, marks = (*given, value), () if quick else pytest.mark.slow
            params.append(pytest.param(*row, id="-".join(map(str, row)), marks=marks))
            met |= set(itertools.combinations(enumerate(row), 2)) if quick else set()
    pairs = itertools.combinations(map(len, (*others, last)), 2)
    assert len(met) == sum(m * n for m, n in pairs), f"{names}: the axis in turns is too long"
    return pytest.mark.parametrize(names, params)
