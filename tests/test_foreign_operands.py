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


class Foreign:
    """An array of another library, which has attributes of the same names."""

    aval = "float64[3]"
    shape, dtype, ndim, size = (3,), np.dtype(float), 1, 3

    def __array__(self, dtype=None, copy=None):
        return np.arange(3.0)

    def __getitem__(self, index):
        return np.arange(3.0)[index]


class Converted:
    """An object that NumPy converts, and that has nothing else of an array."""

    def __array__(self, dtype=None, copy=None):
        return np.arange(3.0)


def foreign(kind):
    """Return an array of another library with the numbers 0, 1, 2."""
    if kind in ("jax.numpy", "torch", "pandas"):
        library = pytest.importorskip(kind)
        make = {"jax.numpy": "arange", "torch": "arange", "pandas": "Series"}[kind]
        return getattr(library, make)(range(3) if kind == "pandas" else 3.0)
    return {"foreign": Foreign, "converted": Converted}[kind]()


def total(x):
    return np.sum(np.sin(x))


STEP = {
    "jit": lambda x: fg.jit(total)(x),
    "jit of a tree": lambda x: fg.jit(lambda d: total(d["x"]))({"x": x}),
    "jit, its source": lambda x: fg.jit(total).source(x),
    "jit that gives it": lambda x: fg.jit(lambda y: x)(1.0),
    "grad": lambda x: fg.grad(total)(x),
    "grad by another": lambda x: fg.vmap(lambda y, x: y, (0, None))(np.ones(2), x),
    "value_and_grad": lambda x: fg.value_and_grad(total)(x),
    "jvp": lambda x: fg.jvp(total, (x,), (x,)),
    "vjp": lambda x: fg.vjp(total, x),
    "linearize": lambda x: fg.linearize(total, x),
    "jacobian": lambda x: fg.jacobian(np.sin)(x),
    "hessian": lambda x: fg.hessian(total)(x),
    "vmap": lambda x: fg.vmap(np.sin)(x),
    "checkpoint": lambda x: fg.checkpoint(total)(x),
    "make_jaxpr": lambda x: fg.make_jaxpr(total)(x),
    "eval_shape": lambda x: fg.eval_shape(total, x),
    "scan": lambda x: fg.lax.scan(lambda c, t: (c + t, t), 0.0, x),
    "a carry": lambda x: fg.lax.scan(lambda c, t: (c * 2, t), x, None, 2),
    "fori_loop": lambda x: fg.lax.fori_loop(0, 2, lambda i, c: c * 2, x),
    "while_loop": lambda x: fg.lax.while_loop(lambda c: False, lambda c: c, x),
    "associative_scan": lambda x: fg.lax.associative_scan(np.add, x),
    "ravel_pytree": lambda x: fg.ravel_pytree(x),
    "an optimizer": lambda x: fg.optim.adam(0.1).init(x),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["foreign", "converted", "jax.numpy", "torch", "pandas"])
@pytest.mark.parametrize("step", STEP)
def test_arrays_of_other_libraries_are_refused_alike_at_every_entry(step, kind):
    cure = r"x\.numpy\(force=True\)" if kind == "torch" else r"numpy\.asarray\(x\)"
    with pytest.raises(UnsupportedError, match=rf"another library cannot .*; write {cure}(\n|$)"):
        STEP[step](foreign(kind))


ENTRIES = {
    "grad": lambda tree: fg.grad(lambda p: 1.0)(tree),
    "jit": lambda tree: fg.jit(lambda p: 1.0)(tree),
    "vmap": lambda tree: fg.vmap(lambda p: 1.0)(tree),
    "jvp": lambda tree: fg.jvp(lambda p: 1.0, (tree,), (tree,)),
    "vjp": lambda tree: fg.vjp(lambda p: 1.0, tree),
    "jacrev": lambda tree: fg.jacrev(lambda p: 1.0)(tree),
}


@pytest.mark.parametrize("who", ENTRIES)
def test_an_array_of_another_library_is_named_by_its_place(who):
    with pytest.raises(
        UnsupportedError, match=rf"^{who}: argument 0 \('p'\) at \['a'\]\[1\]: an array"
    ):
        ENTRIES[who]({"a": [np.ones(3), Foreign()]})


def of_library(name):
    """An array that says that it is of a library."""
    return type("Array", (Foreign,), {"__module__": f"{name}.core", "__hash__": object.__hash__})()


@pytest.mark.parametrize(("library", "cure"), {"cupy": "get", "dask": "compute"}.items())
def test_arrays_of_a_gpu_and_those_not_computed_yet_have_cures_of_their_own(library, cure):
    with pytest.raises(UnsupportedError, match=rf"got {library}.*; write x\.{cure}\(\)$"):
        fg.jit(total)(of_library(library))


def test_a_static_value_holds_no_array_of_another_library():
    array = of_library("torch")  # it has a hash, and could change in place
    for static in (array, (3, (array,)), frozenset([array])):
        with pytest.raises(UnsupportedError, match=r"argument 1 \('s'\) is static, and holds"):
            fg.jit(lambda x, s: x, static_argnums=1)(1.0, static)
    partial = fg.tree.Partial(lambda s, x: x, array)  # of static data
    with pytest.raises((UnsupportedError, TypeError), match="another library"):
        fg.jit(lambda p, x: p(x))(partial, 1.0)
    holder = fg.nn.module(type("Holder", (), {"__annotations__": {"name": str}}))
    with pytest.raises(fg.nn.ModuleError, match="'name' is static by its annotation"):
        holder(array)


def cure_of(thunk):
    with pytest.raises(UnsupportedError) as raised:
        thunk()
    return str(raised.value).rpartition("; write ")[2]


@pytest.mark.parametrize("way", ["of a graph", "conjugate", "bfloat16"])
def test_the_cure_for_a_tensor_works(way):
    torch = pytest.importorskip("torch")
    x = torch.ones(3, dtype=torch.bfloat16 if way == "bfloat16" else torch.complex64)
    x = x.conj() if way == "conjugate" else x.requires_grad_()
    y = eval(cure_of(lambda: fg.grad(total)(x)), {"x": x})

    np.testing.assert_allclose(fg.jvp(total, (y,), (y,))[1], 3 * np.cos(1), rtol=1e-6)


def test_the_cure_for_what_jax_traces_or_numpy_lacks_works(jax):
    x, half = jax.numpy.arange(3.0), jax.numpy.ones(3, "bfloat16")

    assert "funcgrad.bridge.to_jax(f)" in cure_of(lambda: jax.grad(fg.jit(total))(x))
    np.testing.assert_allclose(jax.grad(fg.bridge.to_jax(total))(x), np.cos(x), rtol=1e-12)
    assert cure_of(lambda: fg.grad(total)(half)) == "numpy.asarray(x, float)"
    scope = {"x": jax.random.key(0), "numpy": np, "jax": jax}
    assert eval(cure_of(lambda: fg.jit(total)(scope["x"])), scope).shape == (2,)


def test_to_jax_refuses_arrays_that_are_not_of_jax(jax):
    with pytest.raises(UnsupportedError, match=r"another library .*; write numpy\.asarray\(x\)"):
        fg.bridge.to_jax(total)(Foreign())


@pytest.mark.parametrize("kind", ["foreign", "converted", "jax.numpy", "torch"])
def test_arrays_of_other_libraries_are_constants_beside_what_is_traced(kind):
    x, y = foreign(kind), np.arange(3.0)
    f = lambda t, y: np.sum(np.multiply(np.sin(t) * y, y))

    for transform in (fg.jit, fg.grad, lambda f: fg.jit(fg.grad(f)), fg.make_jaxpr):
        got, want = (transform(lambda t, z=z: f(t, z))(0.5) for z in (x, y))
        if transform is not fg.make_jaxpr:
            np.testing.assert_allclose(got, want, rtol=1e-6)  # jax and torch have float32
