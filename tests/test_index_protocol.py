"""Whatever has ``__index__`` is an integer where one is asked for, as it is for NumPy.

Each row calls a public function with an integer; with NumPy's scalars, a 0-d array, an IntEnum and
another object with ``__index__`` in its place the result is the same.
"""

import enum
import functools
import inspect

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import lax, losses, nn, optim, random, special

from .support.compare import assert_same


class Index:
    """An object that NumPy takes as an axis or a length."""

    def __init__(self, n):
        self.n = n

    def __index__(self):
        return self.n


KINDS = {
    "int64": np.int64,
    "int8": np.int8,
    "array": np.array,
    "enum": lambda n: enum.IntEnum("Number", {"MEMBER": n}).MEMBER,
    "index": Index,
}
X = np.arange(1.0, 13.0).reshape(3, 4)
IMAGE = np.arange(16.0).reshape(1, 4, 4, 1)
KEY = random.key(0)
twice = lambda a: a * 2.0
product = lambda a, b: np.sum(a * b * b)
body = lambda c, _: (c * 2.0, c)


def made(layer, *shape):
    return layer.init(KEY)(np.ones(shape))


def ruled(kind, n):
    f = getattr(fg, kind)(lambda a, b: a * b, nondiff_argnums=n)
    if kind == "custom_jvp":
        f.defjvp(lambda b, p, t: (p[0] * b, t[0] * b))
    else:
        f.defvjp(lambda a, b: (a * b, None), lambda b, _, ct: (ct * b,))
    return fg.grad(f)(2.0, 3.0)


# the integer, and the call with it
ROWS = {
    "vmap in_axes": (1, lambda n: fg.vmap(twice, in_axes=n)(X)),
    "vmap in_axes, one of several": (
        1, lambda n: fg.vmap(lambda a, b: a * b, in_axes=(n, None))(X, 2.0)),
    "vmap in_axes in a tree": (
        1, lambda n: fg.vmap(lambda d: d["a"] * 2, in_axes=({"a": n},))({"a": X})),
    "vmap out_axes": (1, lambda n: fg.vmap(twice, out_axes=n)(X)),
    "vmap out_axes, from the end": (-1, lambda n: fg.vmap(twice, out_axes=n)(X)),
    "vmap axis_size": (3, lambda n: fg.vmap(lambda: np.ones(2), in_axes=(), axis_size=n)()),
    "vmap axis_size beside an array": (3, lambda n: fg.vmap(twice, axis_size=n)(X)),
    "vmap chunk_size": (2, lambda n: fg.vmap(twice, chunk_size=n)(X)),
    **{
        f"{f} argnums{' of several' * many}": (
            1, lambda n, f=f, many=many: getattr(fg, f)(product, (0, n) if many else n)(2.0, 3.0))
        for f in ("grad", "value_and_grad", "jacfwd", "jacrev", "jacobian", "hessian")
        for many in (False, True)
    },
    "grad argnums, from the end": (-1, lambda n: fg.grad(product, n)(2.0, 3.0)),
    "jit static_argnums": (
        1, lambda n: fg.jit(lambda a, b: a * b, static_argnums=n)(2.0, 3)),
    "jit static_argnums, a tuple": (
        1, lambda n: fg.jit(lambda a, b: a * b, static_argnums=(n,))(2.0, 3)),
    "jit donate_argnums": (0, lambda n: fg.jit(twice, donate_argnums=n)(X.copy())),
    "jit donate_argnums, a tuple": (0, lambda n: fg.jit(twice, donate_argnums=(n,))(X.copy())),
    "jit threads": (2, lambda n: fg.jit(twice, threads=n)(X)),
    "checkpoint static_argnums": (
        1, lambda n: fg.checkpoint(lambda a, b: a * b, static_argnums=n)(2.0, 3)),
    "make_jaxpr static_argnums": (
        1, lambda n: str(fg.make_jaxpr(lambda a, b: a * b, static_argnums=n)(2.0, 3))),
    **{
        f"{kind} nondiff_argnums{' of several' * many}": (
            1, lambda n, kind=kind, many=many: ruled(kind, (n,) if many else n))
        for kind in ("custom_jvp", "custom_vjp") for many in (False, True)
    },
    "check_grads order": (1, lambda n: fg.check_grads(np.sin, (1.0,), order=n)),
    "ShapeDtypeStruct": (
        3, lambda n: fg.eval_shape(twice, fg.ShapeDtypeStruct((n, 2), np.float64))),
    "at": (1, lambda n: fg.jit(lambda x: fg.at(x)[n].add(1.0))(X)),
    "at, two": (1, lambda n: fg.grad(lambda x: np.sum(fg.at(x)[n, n].set(2.0) ** 2))(X)),
    "index": (1, lambda n: fg.grad(lambda x: x[n] @ x[n, ::n])(X)),
    # control flow
    "fori_loop upper": (3, lambda n: lax.fori_loop(0, n, lambda i, c: c + i, 0)),
    "fori_loop lower": (1, lambda n: lax.fori_loop(n, 3, lambda i, c: c + i * 1.0, 0.0)),
    "fori_loop of jit": (
        3, lambda n: fg.jit(lambda c: lax.fori_loop(0, n, lambda i, c: c + i, c))(0.0)),
    "fori_loop of grad": (
        3, lambda n: fg.grad(lambda z: lax.fori_loop(0, n, lambda i, c: c * z, 1.0))(2.0)),
    "fori_loop unroll": (
        2, lambda n: lax.fori_loop(0, 4, lambda i, c: c + i * 1.0, 0.0, unroll=n)),
    "scan length": (3, lambda n: lax.scan(body, 1.0, None, length=n)),
    "scan length of jit": (3, lambda n: fg.jit(lambda c: lax.scan(body, c, None, length=n))(1.0)),
    "scan unroll": (2, lambda n: lax.scan(body, 1.0, None, length=4, unroll=n)),
    "associative_scan axis": (1, lambda n: lax.associative_scan(np.add, X, axis=n)),
    "switch": (1, lambda n: lax.switch(n, [lambda a: a, lambda a: 2 * a], 3.0)),
    "switch of jit": (1, lambda n: fg.jit(
        lambda a: lax.switch(n, [lambda a: a, lambda a: 2 * a], a))(3.0)),
    "map batch_size": (2, lambda n: lax.map(twice, X, batch_size=n)),
    **{
        f"lax.{f} axis": (1, lambda n, f=f: getattr(lax, f)(X, axis=n))
        for f in ("cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp")
    },
    "top_k": (2, lambda n: lax.top_k(X, n)),
    "top_k axis": (0, lambda n: lax.top_k(X, 2, axis=n)),
    "dynamic_slice starts": (1, lambda n: lax.dynamic_slice(X, (n, n), (1, 1))),
    "dynamic_slice sizes": (1, lambda n: lax.dynamic_slice(X, (0, 0), (n, n))),
    "dynamic_index_in_dim": (1, lambda n: lax.dynamic_index_in_dim(X, n, axis=0)),
    "dynamic_index_in_dim axis": (1, lambda n: lax.dynamic_index_in_dim(X, 0, axis=n)),
    "dynamic_update_slice": (1, lambda n: lax.dynamic_update_slice(X, np.ones((1, 1)), (n, n))),
    "reduce_window": (
        2, lambda n: lax.reduce_window(X, 0.0, np.add, (n, n), (1, 1), "VALID")),
    "conv strides": (2, lambda n: lax.conv_general_dilated(
        np.ones((1, 1, 5)), np.ones((1, 1, 2)), (n,), "VALID")),
    "conv groups": (1, lambda n: lax.conv_general_dilated(
        np.ones((1, 1, 5)), np.ones((1, 1, 2)), (1,), "VALID", feature_group_count=n)),
    "dot_general": (1, lambda n: lax.dot_general(X, X.T, (((n,), (0,)), ((), ())))),
    # layers
    "one_hot": (4, lambda n: nn.one_hot(np.array([1, 2]), n)),
    "one_hot axis": (0, lambda n: nn.one_hot(np.array([1, 2]), 4, axis=n)),
    **{
        f"nn.{f} axis": (1, lambda n, f=f: fg.jit(lambda x: getattr(nn, f)(x, axis=n))(X))
        for f in ("softmax", "log_softmax", "logsumexp", "standardize", "glu")
    },
    "Dense": (4, lambda n: made(nn.Dense(n, n), 3, 4)),
    "Conv": (2, lambda n: made(nn.Conv(1, n, (n, n)), 1, 5, 5, 1)),
    "Conv, one size": (3, lambda n: made(nn.Conv(1, 2, n), 1, 5, 1)),
    "Conv stride": (2, lambda n: made(nn.Conv(1, 2, (3, 3), stride=n), 1, 5, 5, 1)),
    "Conv padding": (1, lambda n: made(nn.Conv(1, 2, (3, 3), padding=n), 1, 5, 5, 1)),
    "Conv groups": (1, lambda n: made(nn.Conv(1, 2, (3, 3), groups=n), 1, 5, 5, 1)),
    "ConvTranspose": (2, lambda n: made(nn.ConvTranspose(1, n, (n, n)), 1, 5, 5, 1)),
    "BatchNorm": (4, lambda n: made(nn.BatchNorm(n), 3, 4)),
    "LayerNorm": (4, lambda n: made(nn.LayerNorm(n), 3, 4)),
    "LayerNorm of several": (4, lambda n: made(nn.LayerNorm((n, n)), 4, 4)),
    "RMSNorm": (4, lambda n: made(nn.RMSNorm(n), 3, 4)),
    "GroupNorm": (2, lambda n: made(nn.GroupNorm(n, 4), 3, 4)),
    "Embedding": (4, lambda n: nn.Embedding(n, n).init(KEY)(np.array([1, 2]))),
    "MultiHeadAttention": (2, lambda n: made(nn.MultiHeadAttention(4, n), 3, 4)),
    **{
        f: (4, lambda n, f=f: made(getattr(nn, f)(n, n), 3, 4)) for f in ("RNN", "LSTM", "GRU")
    },
    **{
        f"{f}{' of several' * many}": (
            2, lambda n, f=f, many=many: getattr(nn, f)(IMAGE, (n, n) if many else n))
        for f in ("max_pool", "avg_pool") for many in (False, True)
    },
    "max_pool stride": (2, lambda n: nn.max_pool(IMAGE, 2, stride=n)),
    # random draws
    "key": (3, lambda n: random.bits(random.key(n), (2,))),
    "fold_in": (3, lambda n: random.bits(random.fold_in(KEY, n), (2,))),
    "split": (3, lambda n: random.bits(random.split(KEY, n)[0], (2,))),
    **{
        f"random.{f} shape{' of several' * many}": (
            3, lambda n, f=f, many=many: getattr(random, f)(KEY, shape=(n, 2) if many else n))
        for f in sorted(set(dir(random)) & {"normal", "uniform", "exponential", "gumbel", "laplace",
                                            "logistic", "cauchy", "rademacher", "bits", "maxwell"})
        for many in (False, True)
    },
    "randint": (3, lambda n: random.randint(KEY, (n,), 0, 5)),
    "permutation": (4, lambda n: random.permutation(KEY, n)),
    "permutation axis": (1, lambda n: random.permutation(KEY, X, axis=n)),
    "choice": (4, lambda n: random.choice(KEY, n, (2,))),
    "choice shape": (2, lambda n: random.choice(KEY, 5, (n,))),
    "categorical axis": (1, lambda n: random.categorical(KEY, X, axis=n)),
    "orthogonal": (3, lambda n: random.orthogonal(KEY, n)),
    # losses, optimizers, functions
    "softmax_cross_entropy axis": (1, lambda n: losses.softmax_cross_entropy(
        X, X / X.sum(1, keepdims=True), axis=n)),
    "cosine_similarity axis": (1, lambda n: losses.cosine_similarity(X, X, axis=n)),
    "lbfgs memory_size": (3, lambda n: optim.lbfgs(memory_size=n).init(np.ones(2))),
    "MultiSteps": (2, lambda n: optim.MultiSteps(optim.sgd(0.1), n).init(np.ones(2))),
    "logsumexp axis": (1, lambda n: special.logsumexp(X, axis=n)),
    "logsumexp axes": (1, lambda n: special.logsumexp(X, axis=(0, n))),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ROWS)
def test_an_integer_may_be_anything_with_an_index(name, kind):
    n, call = ROWS[name]

    assert_same(call(n), call(KINDS[kind](n)))


def _of_axis():
    """Return NumPy's functions of an array and an axis that give the same for a traced array."""
    found = {}
    for module in (np, np.fft, np.linalg):
        for name, f in sorted(vars(module).items()):
            if name.startswith("_") or isinstance(f, type) or not callable(f):
                continue
            try:
                parameters = inspect.signature(f).parameters
            except (TypeError, ValueError):
                continue
            places = list(parameters)
            if places[:1] not in (["a"], ["x"]) or not {"axis", "keepdims"} & parameters.keys():
                continue
            found[f"{module.__name__}.{name}"] = f, "axis" in parameters, "keepdims" in parameters
    return found


FUNCTIONS = _of_axis()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_axes_and_flags_of_numpys_functions_are_numpys(name):
    f, has_axis, has_keepdims = FUNCTIONS[name]
    options = [{"axis": make(1)} for make in KINDS.values()] if has_axis else []
    if has_keepdims:
        options += [{"keepdims": flag} for flag in (True, np.True_, np.array(True), 1, np.int64(1))]
    for given in options:
        plain = functools.partial(f, **given)
        try:
            want = plain(X)
        except Exception as error:
            with pytest.raises(type(error)):
                fg.jit(plain)(X)
            continue
        try:
            got = fg.jit(plain)(X)
        except fg.errors.UnsupportedError:
            continue
        assert_same(want, got)
