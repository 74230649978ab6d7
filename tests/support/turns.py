"""Fewer tests: products of parameters thinned to pairs, and laws of many values in one test.

The quick suite meets every pair of values of a thinned product, the slow one all combinations.
"""

import itertools

import pytest

# a law whose loop over values is thinned by ``share``, and without it in the slow suite
in_full = pytest.mark.parametrize(
    "full", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["in turns", "in full"]
)


def in_one(values, named=str):
    """Make one test of a law for a value: it names all of these values that break it.

    For values whose law takes less time than the half millisecond that a test of its own costs.
    """

    def decorate(law):
        def test():
            broken = {}
            for value in values:
                try:
                    law(value)
                except AssertionError as err:
                    broken[named(value)] = str(err).partition("\n")[0]
                except Exception as err:
                    err.add_note(f"the law of {named(value)}")
                    raise
            assert not broken, "\n".join(f"{name}: {words}" for name, words in broken.items())

        test.__name__, test.__qualname__, test.__doc__ = law.__name__, law.__qualname__, law.__doc__
        test.__module__ = law.__module__
        return test

    return decorate


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
