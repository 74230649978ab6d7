"""What meets a tracer and is neither array nor number: other classes, fractions, objects."""

from fractions import Fraction

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import ConversionError, UnsupportedError

TRANSFORMS = {
    "grad": fg.grad,
    "jvp": lambda f: lambda x: fg.jvp(f, (x,), (1.0,))[1],
    "vmap of grad": lambda f: lambda x: fg.vmap(fg.grad(f))(np.array([x, x]))[0],
    "jit of grad": lambda f: fg.jit(fg.grad(f)),
    "grad of jit": lambda f: fg.grad(fg.jit(f)),
}


class Labelled(np.lib.mixins.NDArrayOperatorsMixin):
    """A container that keeps a label beside any array, as xarray's do."""

    def __init__(self, data, label="m"):
        self.data, self.label = data, label

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        inputs = [x.data if isinstance(x, Labelled) else x for x in inputs]
        return Labelled(getattr(ufunc, method)(*inputs, **kwargs), self.label)


class Unit:
    """What knows how it is multiplied, and is no array at all."""

    def __mul__(self, other):
        return 3 * other

    __rmul__ = __mul__


BASE = np.array([1.0, 2.0, 3.0])
LABELLED = {
    "from the left": lambda x: x * Labelled(BASE),
    "from the right": lambda x: Labelled(BASE) * x,
    "by the ufunc": lambda x: np.multiply(x, Labelled(BASE)),
    "with a tracer inside": lambda x: x * (Labelled(BASE) * 1.0) + Labelled(0 * x),
    "by an array": lambda x: (Labelled(BASE) * x) * np.ones(3),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("way", LABELLED)
def test_a_container_that_overrides_ufuncs_keeps_its_say(transform, way):
    def f(x):
        y = LABELLED[way](x)
        assert isinstance(y, Labelled) and y.label == "m"
        return np.sum(y.data)

    assert TRANSFORMS[transform](f)(2.0) == 6.0


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_class_with_operators_of_its_own_is_asked(transform):
    assert TRANSFORMS[transform](lambda x: x * Unit())(2.0) == 3.0
    assert TRANSFORMS[transform](lambda x: Unit() * x)(2.0) == 3.0


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_fraction_is_a_number(transform):
    assert TRANSFORMS[transform](lambda x: x * Fraction(1, 2))(2.0) == 0.5
    assert TRANSFORMS[transform](lambda x: Fraction(1, 2) - x)(2.0) == -1.0


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("other", [{1}, object(), "a"], ids=repr)
def test_what_is_no_operand_raises_as_in_python(transform, other):
    with pytest.raises(TypeError):
        TRANSFORMS[transform](lambda x: x * other)(2.0)


def test_sequences_are_arrays():
    assert fg.grad(lambda x: np.sum(x * range(4)))(2.0) == 6.0
    assert fg.grad(lambda x: np.sum(x * (1.0, 2.0)))(2.0) == 3.0


def test_an_array_of_objects_has_no_derivative():
    with pytest.raises(UnsupportedError, match=r"array of Python objects .*numpy\.asarray"):
        fg.grad(lambda x: np.sum(x * np.array([1, 2], object)))(2.0)


# conversion to integers, which carry no derivative


def test_known_numbers_become_integers():
    def f(x):
        places = np.int64(x)
        assert type(places) is np.ndarray and places.dtype == np.int64
        return (x[places] * np.asarray(x, bool)).sum()

    x = np.array([1.5, 2.2, 0.3])

    assert np.array_equal(fg.grad(f)(x), np.ones(3))
    assert np.array_equal(fg.hessian(f)(x), np.zeros((3, 3)))
    assert np.array_equal(fg.jvp(f, (x,), (x,))[1], x.sum())


def test_numbers_that_are_not_known_do_not():
    for transform in (fg.jit, fg.vmap, lambda f: fg.jit(fg.grad(f))):
        with pytest.raises(ConversionError):
            transform(lambda x: x.sum() * np.int64(x).sum())(np.ones(3))
    leaked = []
    fg.grad(lambda x: leaked.append(x) or x.sum())(np.ones(3))
    with pytest.raises(fg.errors.LeakedTracerError):
        np.int64(leaked[0])


def test_conversion_to_floats_still_refuses():
    for convert in (np.float64, np.asarray, lambda x: np.asarray(x, float), np.complex128):
        with pytest.raises(ConversionError, match="derivative would be lost"):
            fg.grad(lambda x, c=convert: c(x).sum())(np.ones(3))
