"""Programs on arrays of the Array API standard: primitives, loops, derivatives, refusals."""

import warnings

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.bridge import to_array_api
from funcgrad.bridge.array_api.program import FORMS, LACKING
from funcgrad.core.errors import MissingRuleError, UnsupportedError
from funcgrad.core.registry import primitives
from funcgrad.ops.elementary import ELEMENTARY

from .support.compare import assert_same
from .support.rules import program, sweep

xp = pytest.importorskip("array_api_strict", reason="the strict namespace is an optional extra")

F32 = np.dtype("f4")
RNG = np.random.default_rng(0)
W, X = RNG.normal(size=(3, 3)), RNG.normal(size=(4, 3))

# factors that are right up to a sign: LAPACK reads the other triangle
LOOSE = {("eigh", "U"): "up to a phase"}


def torch_array(x):
    torch = pytest.importorskip("torch", reason="torch is an optional peer")
    pytest.importorskip("array_api_compat", reason="torch needs it for its namespace")
    return torch.asarray(x.copy())


LIBRARIES = ("strict", "torch", "jax")


@pytest.fixture
def lift(request, library):
    """The function to an array of a library; of JAX with 64-bit numbers."""
    if library == "jax":
        return request.getfixturevalue("jax").numpy.asarray
    return torch_array if library == "torch" else xp.asarray


def test_each_elementary_primitive_has_a_form_or_is_refused():
    assert ELEMENTARY - FORMS.keys() == LACKING.keys()


SWEEP = sweep(2, lambda name, case: (name, case.params.get("uplo")) in LOOSE)


@pytest.mark.parametrize(("name", "case", "dtype"), SWEEP)
def test_a_primitive_gives_its_own_results_or_is_refused_by_name(name, case, dtype):
    operands = case.operands(dtype)
    places = [i for i, x in enumerate(operands) if isinstance(x, np.ndarray)]
    function, arrays = program(name, case, operands, places)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = tuple(map(np.asarray, primitives[name].run(*operands, **case.params)))
        try:
            got = to_array_api(function)(*map(xp.asarray, arrays))
        except (MissingRuleError, UnsupportedError) as err:
            assert " at " in str(err) and (
                "Array API standard" in str(err) or "refuses" in str(err)
            )
            return
    wide = all(y.dtype.itemsize >= 8 or y.dtype.kind not in "fc" for y in want)
    slack = 1e-12 if dtype != F32 and wide else 2e-6

    assert all(isinstance(y, type(xp.asarray(0.0))) for y in got)
    assert_same(want, tuple(map(np.asarray, got)), slack, slack)


def counted(x):
    step = lambda s: (s[0] + 1, np.sin(s[1]))
    return fg.lax.while_loop(lambda s: s[0] < 3, step, (0, x))[1].sum()


FUNCTIONS = {
    "layered": lambda x: np.mean(fg.nn.softmax(np.tanh(x @ W)) * fg.losses.huber(x, 0 * x)),
    "indexing": lambda x: (x[np.array([0, 1, 1, 3])][:, ::-1] ** 2).sum() + x[-1, 1],
    "by argmax": lambda x: x[np.argmax(x, 0), np.arange(3)].sum(),
    "writes": lambda x: fg.at(x)[np.array([0, 0, 2])].add(x[1:] ** 2).sum(),
    "scan": lambda x: fg.lax.scan(lambda c, r: (np.sin(c) * r, c), x[0], x)[1].sum(),
    "while": counted,
    "cond": lambda x: fg.lax.cond(x.sum() > 0, np.sin, np.cos, x).sum(),
    "checkpointed": lambda x: fg.lax.scan(
        lambda c, r: (np.sin(c * r), None), x[0], x, checkpoint=2)[0].sum(),
    "solve": lambda x: np.linalg.solve(W @ W.T + np.diag(x[0] ** 2), x.T).sum(),
    "implicit": lambda x: fg.lax.custom_linear_solve(
        lambda v: v * (1 + x[0] ** 2), x[1], lambda f, b: b / (1 + x[0] ** 2),
        symmetric=True).sum(),
    "sort": lambda x: (np.sort(x, 0) * X).sum(),
    "fft": lambda x: np.abs(np.fft.fft(x, axis=0)).sum(),
    "convolution": lambda x: fg.lax.conv_general_dilated(
        x[None, None], x[None, None, :2, :2], (1, 2), "SAME").sum(),
    "draws": lambda x: (x * fg.random.normal(fg.random.key(0), x.shape, dtype=x.dtype)).sum(),
    "not selected": lambda x: np.where(x > 0, np.log(x), 0.0).sum(),
    "not finite": lambda x: np.where(x < 9, x, np.exp(1e300 * x)).sum(),
    "special": lambda x: fg.special.erf(x).sum() + fg.special.gammaln(x**2 + 1).sum(),
}  # fmt: skip


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_program_and_its_gradient_are_those_of_numpy(name, lift):
    both = fg.value_and_grad(FUNCTIONS[name])
    with np.errstate(all="ignore"):
        want, got = both(X), to_array_api(both)(lift(X))

    assert type(got[1]) is type(lift(X))
    assert_same(want, tuple(map(np.asarray, got)), 1e-12, 1e-12, kinds=False)


def test_a_training_step_keeps_arrays_of_the_library():
    optimizer, params = fg.optim.adam(1e-2), {"w": W}

    def step(params, state, x):
        grads = fg.grad(lambda p: np.mean((np.tanh(x @ p["w"]) - x) ** 2))(params)
        updates, state = optimizer.update(grads, state, params)
        return fg.optim.apply_updates(params, updates), state

    want = step(params, optimizer.init(params), X)[0]
    lift = lambda t: fg.tree.map(lambda x: xp.asarray(np.asarray(x)), t)

    got, _ = to_array_api(step)(*lift((params, optimizer.init(params), X)))
    assert_same(want["w"], np.asarray(got["w"]), 1e-12)


def test_keys_of_numpy_give_the_same_draws():
    draw = lambda key, x: x + fg.random.normal(key, x.shape, dtype=x.dtype)
    key = fg.random.key(3)

    assert_same(draw(key, X), np.asarray(to_array_api(draw)(key, xp.asarray(X))))
    with pytest.raises(UnsupportedError, match=r"random_bits at .*pass the key as an array of Nu"):
        to_array_api(draw)(fg.tree.map(xp.asarray, key), xp.asarray(X))


def test_an_index_out_of_bounds_is_refused():
    take = to_array_api(lambda x, i: x[i])
    x = xp.asarray(X)

    assert_same(X[[3, -4]], np.asarray(take(x, xp.asarray([3, -4]))))
    for i in (xp.asarray([0, 4]), np.array([-5])):
        with pytest.raises(IndexError, match="out of bounds for an axis of size 4"):
            take(x, i)


def test_writes_at_one_position_follow_their_order():
    i, v = np.array([1, 1, 0, 1]), np.arange(4.0)
    for how in ("set", "add", "min", "max"):
        write = lambda x, i, v, how=how: getattr(fg.at(x)[i], how)(v)
        want = write(X[:, 0], i, v)

        assert_same(want, np.asarray(to_array_api(write)(xp.asarray(X[:, 0]), xp.asarray(i), v)))


def test_what_a_library_lacks_is_refused_with_the_line():
    x = xp.asarray(X)
    with pytest.raises(UnsupportedError, match=r"eig at .*test_bridge_array_api.*lacks it"):
        to_array_api(lambda x: np.linalg.eigvals(x[:3]))(x)
    with pytest.raises(
        UnsupportedError, match=r"convert at .*array_api_strict has no dtype float16"
    ):
        to_array_api(lambda x: x.astype("f2") * 2)(x)
    with pytest.raises(MissingRuleError, match=r"callback at .*no form in the Array API standard"):
        to_array_api(lambda x: (fg.debug.print("{}", x), x)[1])(x)
    with pytest.raises(UnsupportedError, match=r"maximum at .*gives complex numbers no order"):
        to_array_api(lambda x: np.maximum(x * 1j, x))(x)


def test_arrays_without_a_namespace_or_of_two_are_refused(monkeypatch):
    class Foreign:
        dtype, shape, device = "float64", (2,), "cpu"

    monkeypatch.setattr("funcgrad.bridge.array_api.namespaces.find_spec", lambda name: None)
    with pytest.raises(TypeError, match=r"Foreign has no __array_namespace__; run pip install"):
        to_array_api(np.sin)(Foreign())
    monkeypatch.undo()
    with pytest.raises(TypeError, match=r"got arrays of array_api_strict and array_api_compat"):
        to_array_api(np.add)(xp.asarray(X), torch_array(X))


def test_arrays_of_numpy_give_those_of_numpy():
    got = to_array_api(fg.grad(lambda x: np.sum(np.sin(x))))(X)

    assert type(got) is np.ndarray
    assert_same(np.cos(X), got)


def test_slices_of_empty_arrays_are_empty():
    x = np.zeros((0, 3))
    for index in (slice(None, None, -2), slice(-1, None), slice(5, 1, -1), slice(2, 9)):
        got = to_array_api(lambda x, index=index: x[index] * 2)(xp.asarray(x))

        assert x[index].shape == got.shape
