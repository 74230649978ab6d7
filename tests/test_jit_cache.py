"""The cache of compiled functions: which calls find one program, and which make another."""

import dataclasses

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax, tree

X = np.array([1.5, -2.0, 3.0])


def programs(f):
    return f.cache_info().misses


def test_numbers_share_a_program_by_dtype_and_by_whether_they_are_pythons():
    f = fg.jit(lambda x: X.astype("f4") * x)
    groups = [
        [(np.float64(2), "f8"), (np.array(2.0), "f8")],
        [(2.0, "f4"), (0.5, "f4")],
        [(2, "f4"), (7, "f4")],
        [(True, "f4"), (False, "f4")],
        [(np.True_, "f4"), (np.array(False), "f4")],
        [(np.float32(2), "f4")],
    ]
    for n, group in enumerate(groups, start=1):
        for number, dtype in group * 2:
            assert f(number).dtype == dtype
            np.testing.assert_array_equal(f(number), X.astype("f4") * number)
        assert programs(f) == n


def test_a_program_is_compiled_for_each_shape_dtype_and_structure_and_then_found():
    f = fg.jit(lambda *xs: tree.map(lambda x: x * 2, xs))
    calls = [(np.ones(n),) for n in range(7)] + [(np.ones(3, "f4"),), ([np.ones(3)],), (1.0, 2)]
    for _ in range(3):
        for args in calls:
            assert tree.structure(f(*args)) == tree.structure(args)

    assert f.cache_info() == (20, 10, 10)


def test_explain_says_what_differs():
    f = fg.jit(lambda x, n=0: x * 2)

    assert "nothing was compiled yet" in f.explain()
    f(X)
    assert "it is the first call" in f.explain()
    assert "argument 0 ('x') was f64[3], and is f32[2]" in f.explain(np.ones(2, "f4"))
    assert "was f64[3], and is f64[], a Python scalar" in f.explain(1.0)
    assert "structure" in f.explain([X])
    assert "it is compiled" in f.explain(X)
    f.clear_cache()
    assert f.cache_info() == (0, 0, 0)
    np.testing.assert_array_equal(f(X), X * 2)


def test_a_dict_in_another_order_is_another_program():
    f = fg.jit(lambda d: d["a"] - d["b"])

    assert f({"a": 3.0, "b": 1.0}) == f({"b": 1.0, "a": 3.0}) == 2.0
    assert programs(f) == 2


def test_strings_and_none_among_the_leaves_are_static():
    f = fg.jit(lambda x, c: x if c["how"] == "same" else -x if c["by"] is None else x * c["by"])

    assert f(2.0, {"how": "same", "by": None}) == 2.0
    assert f(2.0, {"how": "other", "by": None}) == -2.0
    assert f(2.0, {"how": "other", "by": 4.0}) == 8.0
    assert programs(f) == 3


# static arguments


def test_static_values_of_another_type_or_value_are_other_programs():
    f = fg.jit(lambda x, how: x * 2 if how else x, static_argnums=1)
    for how in (1, True, 1.0, 0, False, "", "a", None, (1, 2), np.sin, 1):
        np.testing.assert_array_equal(f(X, how), X * 2 if how else X)

    assert f.cache_info() == (1, 10, 10)


def test_static_values_that_are_equal_but_not_the_same_are_other_programs():
    f = fg.jit(lambda x, s: x * s[0], static_argnums=1)
    g = fg.jit(np.copysign, static_argnums=1)

    assert [f(np.arange(3), (n,)).dtype.kind for n in (1, 1.0)] == ["i", "f"]
    assert [np.signbit(g(1.0, zero)) for zero in (0.0, -0.0)] == [False, True]


@dataclasses.dataclass(frozen=True)
class Scaled:
    by: float

    @fg.jit
    def apply(self, x):
        return x * self.by


def test_static_objects_that_are_equal_may_hold_numbers_of_other_types():
    whole = np.arange(3)

    assert [Scaled(2).apply(whole).dtype.kind, Scaled(2.0).apply(whole).dtype.kind] == ["i", "f"]
    assert np.signbit(Scaled(-0.0).apply(1.0)) and not np.signbit(Scaled(0.0).apply(1.0))


@fg.tree.register_dataclass
@dataclasses.dataclass
class Factor:
    x: object
    by: object = dataclasses.field(metadata={"static": True})


class Plain(float):
    """A number that does not show its digits."""

    def __repr__(self):
        return "a number"


KINDS = {
    "a field":            (lambda f: f.x * f.by, [Factor(X, n) for n in (2, 2.0, True)]),
    "a field's part":     (lambda f: f.x * f.by[0][1], [Factor(X, ((0, n),)) for n in (2, 2.0)]),
    "a field's sign":     (lambda f: np.copysign(f.x, f.by), [Factor(X, z) for z in (0.0, -0.0)]),
    "a key":              (lambda d: [x * k for k, x in d.items()], [{1: X}, {1.0: X}, {True: X}]),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_static_data_that_is_equal_but_of_other_types_is_another_program(kind):
    f, arguments = KINDS[kind]
    whole = lambda tree: fg.tree.map(lambda x: np.arange(3), tree)
    compiled = fg.jit(f)
    for argument in [*arguments, *arguments]:
        for x in (argument, whole(argument)):
            want, got = fg.tree.leaves(f(x)), fg.tree.leaves(compiled(x))
            for w, g in zip(want, got, strict=True):
                assert w.dtype == g.dtype
                np.testing.assert_array_equal(np.signbit(g), np.signbit(w))


@pytest.mark.parametrize(
    "values", [(2.0, 3.0), (np.float32(0.0), np.float32(-0.0)), (Plain(2), Plain(3))]
)
def test_static_numbers_are_told_apart_by_their_digits(values):
    f = fg.jit(np.copysign if values[0] == 0 else np.multiply, static_argnums=1)

    assert f(1.0, values[0]) != f(1.0, values[1])


@pytest.mark.parametrize("n", [5, -5])
def test_static_argnums_beyond_the_arguments_are_refused(n):
    with pytest.raises(ValueError, match="static_argnums"):
        fg.jit(lambda x: x, static_argnums=n)


# named axes


def test_a_program_is_of_the_named_axes_around_its_call():
    f = fg.jit(lambda c: c * lax.psum(1, "i"))
    for n in (3, 5):
        got = fg.vmap(lambda x: x * f(2.0), axis_name="i")(np.ones(n))
        np.testing.assert_array_equal(got, np.full(n, 2.0 * n))
    with pytest.raises(fg.errors.FuncgradError, match="no axis"):
        f(2.0)


def test_a_sum_over_a_named_axis_is_of_the_axis_around_the_call():
    f = fg.jit(lambda x: x / lax.psum(x, "i"))
    for n in (3, 5, 3):
        x = np.arange(1.0, n + 1)
        np.testing.assert_allclose(fg.vmap(f, axis_name="i")(x), x / x.sum(), rtol=1e-12)
        rows = np.stack([x, 2 * x + 1])
        got = fg.vmap(fg.vmap(f), 1, 1, axis_name="i")(rows)
        np.testing.assert_allclose(got, rows / rows.sum(1, keepdims=True), rtol=1e-12)
