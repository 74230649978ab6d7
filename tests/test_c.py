"""Programs in C: they give what NumPy gives, their objects are private, and their text compiles."""

import pickle
import re
import subprocess
import threading

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import random
from funcgrad.c import compiler, regions
from funcgrad.c.functions import is_elementwise, is_in_table
from funcgrad.c.literals import static_complex
from funcgrad.c.programs import file_of, function_parts
from funcgrad.c.tidy import tidy
from funcgrad.core.errors import UnsupportedError
from funcgrad.core.registry import primitives

from .support.compare import assert_same

F32 = np.dtype("f4")

needs_compiler = pytest.mark.skipif(
    not compiler.is_found(), reason="needs a C compiler: $CC, cc, gcc or clang"
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """A directory of objects for this file alone."""
    folder = tmp_path_factory.getbasetemp() / "objects"
    monkeypatch.setenv("FUNCGRAD_C_CACHE", str(folder))
    return folder


# programs

RNG = np.random.default_rng(7)
LONG = RNG.normal(size=40)


def rotate(a, b, xs):
    """Carries that change places, and arrays longer than those in registers."""

    def step(carry, x):
        p, q, v = carry
        return (q, p + x, v[::-1] * 0.5 + x), (p, v * x)

    return fg.lax.scan(step, (a, b, np.zeros(6) + a), xs)


def updates(x, xs):
    """A carry that is updated in place, at an index that is known at run time."""

    def step(carry, i):
        carry = carry.copy()
        carry[i] = carry[i - 1] + i
        carry[-i] += 1.0
        return carry, carry[i]

    return fg.lax.scan(step, x, xs)


def newton(a):
    """A loop whose number of steps depends on values."""
    go = lambda state: np.abs(state[0] ** 2 - a) > 1e-10
    return fg.lax.while_loop(go, lambda s: (0.5 * (s[0] + a / s[0]), s[1] + 1), (a, 0))


def branches(i, x):
    """A branch for each step, with results in registers and in memory."""

    def step(carry, k):
        y, s = fg.lax.switch(
            (k + i) % 3,
            [lambda v: (v * 2, v[0]), lambda v: (-v, v[1]), lambda v: (np.sin(v), v[2])],
            carry,
        )
        return y, s

    return fg.lax.scan(step, x, np.arange(5))


def reduced(x):
    """Sums along each axis, extrema, positions and accumulations."""
    return (
        x.sum(), x.sum(0), x.sum(1), x.max(0), x.min(1), x.argmax(1), np.cumsum(x, 0),
        np.cumsum(x[:, ::-1], 1), (x > 0).all(0), (x > 0).any(1), np.prod(x[:3], 0), x.T @ x,
        x @ x[0], x[0] @ x.T, np.linalg.solve(x.T @ x + np.eye(5), x.T),
    )  # fmt: skip


def special(x):
    """Functions that are written in C in their parts, in a loop."""
    step = lambda c, v: (fg.special.erf(c) + fg.special.gammaln(v**2 + 1), np.sinc(c) * v)
    return fg.lax.scan(step, x[0], x)


def incomplete(x):
    """A function whose decomposition writes into arrays, and integers among the operands."""
    part = np.where(x > 0, fg.special.gammainc(2.0, np.abs(x) + 0.5), x * 2)
    return part.sum(), np.clip((x > 0).astype("u1"), 0, 1) + np.uint8(2), part * 2 - 1


def diffusion(key, x):
    """Steps of a stochastic differential equation, with keys that are split in the loop."""

    def step(carry, k):
        key, x = carry
        key, own = random.split(key)
        kept = random.bernoulli(random.fold_in(own, k), 0.8, x.shape)
        x = x - 0.1 * x + 0.3 * random.normal(own, x.shape, x.dtype)
        return (key, x), np.where(kept, x, 0.0)

    return fg.lax.scan(step, (key, x), np.arange(7))


def draws(keys):
    """Integers, floats and bits of each key."""
    one = lambda key: (
        random.randint(key, (7,), 3, 11), random.bits(key, (9,), np.uint8),
        random.uniform(key, (5,)), random.exponential(key, (5,), float),
        random.gumbel(key, (3,), float), random.gamma(key, 2.5, (3,), float),
        random.poisson(key, 3.0, (4,)),
    )  # fmt: skip
    return fg.vmap(one)(keys)


PHASES = np.exp(1j * np.array([0.0, -0.0, 1.0, 2.0, -1.0, 3.0, 0.5]))


def evolve(psi, potential):
    """Steps of a Schroedinger equation, each with an overlap and a phase."""

    def step(psi, v):
        kinetic = np.roll(psi, 1) + np.roll(psi, -1) - 2 * psi
        psi = psi - 0.05j * (v * psi - 0.5 * kinetic)
        psi = psi * PHASES / np.linalg.norm(psi)
        return psi, (psi.conj() @ psi[::-1], np.angle(psi[0]))

    return fg.lax.scan(step, psi, potential)


def likelihood(rates, x, y):
    """The likelihood of a Gaussian process, by a Cholesky factor and by a determinant."""
    squares = ((x[:, None] - x) ** 2).sum(-1)
    k = np.exp(rates[0] - squares * np.exp(rates[1])) + 0.3 * np.eye(len(x))
    factor = np.linalg.cholesky(k)
    z = fg.scipy.linalg.solve_triangular(factor, y, lower=True)
    sign, logdet = np.linalg.slogdet(k)
    return z @ z + logdet * sign + np.linalg.inv(k)[0, 1], np.linalg.qr(k[:, :4])


def squares(a, b):
    """A system whose solution is read by halves: gcc 12 took wrong elements of 512 bits."""
    return (np.linalg.solve(a, b) ** 2).sum()


def factors(a):
    """Factors of stacks of complex matrices."""
    h = a @ a.conj().mT + 3 * np.eye(4)
    return (
        np.linalg.cholesky(h), np.linalg.cholesky(h, upper=True), np.linalg.qr(a[..., :3]),
        np.linalg.inv(a), np.linalg.det(a), np.linalg.slogdet(a), np.linalg.solve(a, h),
    )  # fmt: skip


def ordered(x, v):
    """Sorts, searches, quantiles and extrema at indices, with ties."""
    line = np.sort(x[0])
    return (
        np.sort(x), np.argsort(x, 0, stable=True), np.searchsorted(line, v),
        np.searchsorted(line, v, "right"), np.median(x, 1), np.quantile(x, 0.3, axis=0),
        fg.at(line)[np.array([0, 0, 2])].max(v[:3]), random.permutation(random.key(2), v),
    )  # fmt: skip


BOUNDS = np.array([-(1 << 31), -(1 << 31) + 1, -7, -1, 0, 1, 3, (1 << 31) - 1], np.int32)


def wrapped(a, b):
    """Operations of integers whose results do not fit."""
    return (
        a + b, a - b, a * b, -a, abs(a), a**3, a << 30, a % b, a // b, np.gcd(a, b), a @ b,
        np.lcm(a, b), np.cumprod(a, 0), np.bitwise_count(a), np.clip(a, -7, 7), a >> b, a.sum(0),
    )  # fmt: skip


PROGRAMS = {
    "likelihood": (
        fg.value_and_grad(likelihood, has_aux=True),
        (LONG[:2], LONG[:12].reshape(6, 2), LONG[:6]),
    ),
    "halves": (fg.grad(squares, (0, 1)), (LONG[:4].reshape(2, 2), LONG[4:12].reshape(2, 4))),
    "complex factors": (factors, ((LONG[:32] + 1j * LONG[8:40]).reshape(2, 4, 4),)),
    "complex": (evolve, (LONG[:7] + 1j * LONG[7:14], LONG[:35].reshape(5, 7))),
    "complex gradient": (
        fg.grad(lambda v: abs(evolve(LONG[:7] + 1j, v)[1][0].sum())),
        (LONG[:35].reshape(5, 7),),
    ),
    "diffusion": (diffusion, (random.key(3), LONG[:5])),
    "diffusion as in JAX": (diffusion, (random.key(3, impl="threefry2x32"), LONG[:5])),
    "draws": (draws, (random.split(random.key(1), 3),)),
    "incomplete": (incomplete, (LONG[:7],)),
    "special": (special, (LONG[:7],)),
    "rotate": (rotate, (0.5, 1.5, LONG[:5])),
    "gradient": (fg.grad(lambda a, xs: (rotate(a, 2.0, xs)[1][1] ** 2).sum()), (0.5, LONG[:5])),
    "updates": (updates, (LONG[:8].copy(), np.array([1, 2, 5]))),
    "newton": (newton, (2.0,)),
    "branches": (branches, (1, LONG[:6])),
    "reduced": (reduced, (RNG.normal(size=(300, 5)),)),
    "sums": (lambda x: (x.sum(), (x * x).sum(), x[::3].sum()), (RNG.normal(size=10_000),)),
    "float32": (fg.grad(lambda x: np.tanh(x * x[::-1]).sum()), (LONG.astype(F32),)),
    "sorted": (ordered, (np.round(LONG * 2).reshape(2, 20), LONG[:6])),
    "bounds of integers": (wrapped, np.meshgrid(BOUNDS, BOUNDS)),
    "integers": (lambda i: (i // 3, i % -3, i**2, i << 1, ~i, i & 5, i > 2), (np.arange(-9, 9),)),
    "empty": (lambda x: (x * 2 + 1, x.sum() + 1.0, np.sin(x[None] - x)), (np.zeros((0, 3)),)),
}


@needs_compiler
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gives_what_numpy_gives(name):
    function, args = PROGRAMS[name]
    with np.errstate(all="ignore"):  # of integers that are divided by 0
        want = fg.jit(function)(*args)
    compiled = fg.jit(function, backend="c")

    got = compiled(*args)

    assert_same(want, got, *(1e-12, 1e-12) if name != "float32" else (2e-6, 1e-6))
    assert "_c((" in compiled.source(*args)


def test_comparisons_are_selections_and_repeated_elements_are_kept_once():
    # gcc does not vectorise a cast of a comparison to another width: 5 ns an element
    relu = fg.jit(fg.grad(lambda x: (np.maximum(x, 0.0) ** 2).sum()))
    text = relu.source(np.ones(500, F32), lang="c")
    assert "? -1 : 0" in text and "? 1.0f : 0.0f" in text

    flip = fg.jit(lambda v: np.broadcast_to(v * 2, (999, 2))[::-1].cumsum(1))
    assert len(flip.source(np.ones(2), lang="c")) < 2000


@needs_compiler
def test_special_values_are_those_of_numpy():
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e308])
    functions = (
        lambda a, b: (
            a * b, a + b, a / b, np.sign(a), a > b, a == b, np.where(a > b, a, b), a % b, a // b,
            np.logaddexp(a, b), abs(a), -a, np.isfinite(a), np.signbit(a), np.rint(a),
            np.copysign(a, b), abs(np.maximum(a, b)), abs(np.minimum(a, b)), abs(np.fmax(a, b)),
        )  # the sign of the maximum of 0.0 and -0.0 is open
    )  # fmt: skip
    a, b = (np.ascontiguousarray(v) for v in np.meshgrid(x, x))
    with np.errstate(all="ignore"):
        want = fg.jit(functions)(a, b)

    assert_same(want, fg.jit(functions, backend="c")(a, b), 1e-15, signs=True)


@needs_compiler
def test_special_values_of_complex_numbers_are_those_of_numpy():
    parts = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -2.0]
    z = np.array([complex(a, b) for a in parts for b in parts])
    functions = (
        lambda a, b: (
            a * b, a + b, a - b, a / b, 1 / a, a > b, a <= b, a == b, np.maximum(a, b),
            np.fmin(a, b), np.exp(a), np.log(a), np.sqrt(a), np.sin(a), np.tanh(a), np.arccos(a),
            np.log1p(a), np.expm1(a), abs(a), a.conj(), a.imag, -a, np.isnan(a), a**2.0, a**0.5,
            np.where(a.real > 0, a, b), a * (1 - 2j), np.cumsum(b, 0), a + 2.0,
        )
    )  # fmt: skip
    a, b = (np.ascontiguousarray(v) for v in np.meshgrid(z, z))
    with np.errstate(all="ignore"):
        want = fg.jit(functions)(a, b)
        got = fg.jit(functions, backend="c")(a, b)

    assert_same(want, got, 1e-13, 1e-15, signs=True, parts=True)


# calls

SMALL = lambda x: np.cumsum(x * 2 + x.sum() - x.max())


@needs_compiler
def test_strided_operands_are_copied():
    x = np.arange(24.0).reshape(4, 6)
    f = fg.jit(SMALL, backend="c")

    for part in (x[:, 1], x[::-1, 0], x.T[2]):
        assert_same(SMALL(part), f(part), 1e-14)


@needs_compiler
def test_an_index_out_of_bounds_raises():
    f = fg.jit(lambda x, i: (x[i] * 2 + 1).sum() - x.max(), backend="c")

    assert f(np.arange(4.0), np.array([-4, 3])) == 5.0
    with pytest.raises(IndexError, match="out of bounds"):
        f(np.arange(4.0), np.array([0, 4]))
    with pytest.raises(IndexError, match="out of bounds"):
        f(np.arange(4.0), np.array([-5, 0]))


@needs_compiler
def test_a_singular_matrix_raises():
    f = fg.jit(lambda a, b: np.linalg.solve(a + 1, b * 2) * 3, backend="c")

    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        f(-np.ones((3, 3)), np.ones((3, 2)))


@needs_compiler
def test_a_matrix_that_is_not_positive_definite_raises():
    f = fg.jit(fg.vmap(np.linalg.cholesky), backend="c")

    with pytest.raises(np.linalg.LinAlgError, match="Matrix is not positive definite"):
        f(np.stack([np.eye(3), -np.eye(3)]))


@needs_compiler
def test_a_derivative_that_is_not_finite_falls_back():
    f = fg.grad(lambda x: np.where(x > 0, np.sqrt(x), 0.0).sum() + (x * x).sum())
    x = np.array([0.0, 4.0, -1.0, 1.0, 9.0])

    with np.errstate(all="ignore"):
        assert_same(f(x), fg.jit(f, backend="c")(x), 1e-15)


@needs_compiler
def test_transforms_of_a_compiled_function_are_written_in_c():
    f = fg.jit(lambda x: (np.tanh(x * 2) * x[::-1]).sum(), backend="c")
    plain = fg.jit(f.fun)
    xs = LONG.reshape(5, 8)

    assert_same(fg.grad(plain)(LONG), fg.grad(f)(LONG), 1e-14)
    assert_same(fg.vmap(plain)(xs), fg.vmap(f)(xs), 1e-13)


@needs_compiler
def test_a_program_pickles_as_its_source():
    f = fg.jit(lambda x: SMALL(x) + 1, backend="c")
    want = f(LONG)

    assert_same(want, pickle.loads(pickle.dumps(f))(LONG))


@needs_compiler
def test_threads_share_a_program():
    f, results = fg.jit(SMALL, backend="c"), {}
    want = [f(LONG + k) for k in range(4)]

    def work(k):
        results[k] = [f(LONG + k) for _ in range(50)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    for k in range(4):
        assert_same([want[k]] * 50, results[k])


# the text


@needs_compiler
def test_the_source_is_one_function_that_compiles_without_warnings(tmp_path):
    f = fg.jit(fg.grad(lambda a, xs: (rotate(a, 2.0, xs)[1][1] ** 2).sum()), backend="c")
    text = f.source(0.5, LONG, lang="c")
    path = tmp_path / "program.c"
    path.write_text(text, encoding="ascii")
    strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1"]

    subprocess.run(
        [compiler.compiler(), *strict, "-c", str(path), "-o", str(tmp_path / "o.o")], check=True
    )

    assert "double a, /* f64[] */" in text and "malloc" not in text


def test_constants_that_nothing_reads_are_left_out():
    parts = function_parts(fg.make_jaxpr(np.sin)(1.0).jaxpr, "f", ["x"])
    unread = "static const double complex table_9[2] = {0.0, 1.0};"

    text = file_of([parts._replace(tables=[unread])], "f")

    assert "table_9" not in text and "complex" not in text


@needs_compiler
@pytest.mark.parametrize(("n", "dtype"), [(9, float), (48, float), (1, bool), (9, bool)])
def test_optimised_products_compile_without_warnings(n, dtype, tmp_path):
    # gcc sees the lengths, and warned of loops over a rest of no elements, and of bool * bool
    f = fg.jit(lambda w, x: w @ x @ w @ np.stack([x, x]).T, backend="c")
    (tmp_path / "f.c").write_text(f.source(np.ones((n, n), dtype), np.ones(n, dtype), lang="c"))
    strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-c", "-O3"]

    subprocess.run([compiler.compiler(), *strict, "f.c"], check=True, cwd=tmp_path)


def test_what_is_not_written_in_c_is_named():
    f = fg.jit(lambda x: np.linalg.eigvalsh(x) + x[0])

    with pytest.raises(UnsupportedError, match=r"source: .* no rule for C at test_c.*; leave lang"):
        f.source(np.eye(3), lang="c")


@needs_compiler
def test_explain_tells_what_is_written_in_c():
    f = fg.jit(lambda x: np.linalg.eigvalsh(x * 2 + x.T - x[0]).sum(), backend="c")
    f(np.eye(3))

    assert "1 call of C" in f.explain(np.eye(3)) and "eigvalsh" in f.explain(np.eye(3))


@needs_compiler
def test_an_operation_of_many_parts_leaves_the_others_in_c():
    parts = lambda x: (fg.special.betainc(2.0, x, x / 9), fg.special.erfinv(x / 9) + np.sinc(x))
    f = fg.jit(parts, backend="c")
    x = np.linspace(0.5, 4.0, 5)

    assert_same(fg.jit(parts)(x), f(x), 1e-12)
    assert f.explain(x).endswith("in NumPy: betainc of float64 is not written in C")


# the compiler, and the objects on disk


def test_without_a_compiler_one_line_names_the_cure(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("CC", "no-compiler")

    with pytest.raises(UnsupportedError, match=r"needs a C compiler: .* apt-get install gcc$"):
        fg.jit(SMALL, backend="c")(LONG)


def test_an_unknown_backend_is_refused():
    with pytest.raises(ValueError, match=r"jit: backend must be .*: got 'cuda'"):
        fg.jit(SMALL, backend="cuda")


@needs_compiler
def test_objects_beyond_the_bound_are_deleted(monkeypatch, tmp_path):
    folder = tmp_path / "objects"
    monkeypatch.setenv("FUNCGRAD_C_CACHE", str(folder))
    with fg.config(c_cache_bytes=40_000):
        for k in range(4):
            fg.jit(lambda x, k=k: SMALL(x) + k, backend="c")(LONG)

    assert sum(p.stat().st_size for p in folder.iterdir()) <= 40_000


# what is left to NumPy, and why; without the names that C has, or whose parts it has
LEFT_TO_NUMPY = {
    "its program stands in place of it": "checked_jit checkpoint custom_batch custom_jvp "
    "custom_vjp jit jit_by_cost jit_by_jax jit_in_c name",
    "the optimiser replaces it": "absent live resume seed settle start stop_gradient einsum "
    "debug_cotangent_callback",
    "it is made for NumPy": "blocks overlapping_blocks c_kernel conv_kernel swapped",
    "a user's function is called": "linear_solve matrix_function general_function debug_callback",
    "loops over matrices, of few calls": "schur real_schur hessenberg sylvester column_pivots ldl",
    "named axes are no loops": "all_gather all_to_all pmax pmin ppermute psum psum_scatter",
    "LAPACK or FFT is called": "eig eig_of_rules eigh eigh_of_rules eigvals eigvalsh "
    "equal_values expm_squarings fft fixed_eigh fixed_svd hermitian_part inverse_if_any "
    "inverse_of_eigenvectors inverse_of_values irfft lstsq lyapunov near_values negligible_values "
    "pinv polar rfft singular_gradient singular_matrices slopes_of_eigenvalues solve_banded "
    "cholesky_banded "
    "slopes_of_general_eigenvalues slopes_of_singular_values spectral_gradient sqrtm svd "
    "svd_of_rules svdvals turned_diagonal turned_singular undefined",
    "to be written: the rest": "conv_general_dilated sparse_product sparse_sample "
    "window_argmax window_argmin window_max window_min window_pick "
    "window_place window_sum",
}


def test_every_primitive_is_written_or_listed_with_its_reason():
    left = {name for names in LEFT_TO_NUMPY.values() for name in names.split()}
    primitives.load()
    builtin = {name: primitives[name] for name in primitives.homes}
    written = {
        name
        for name, prim in builtin.items()
        if prim.codegen.in_c is not None
        or is_in_table(prim)
        or name in regions.IN_PARTS
        or (is_elementwise(prim) and prim.decompose is not None)
    }

    assert written.isdisjoint(left)
    assert builtin.keys() - written == left


@pytest.mark.parametrize(
    "name",
    [
        "call",
        "poll_signals",
        "ticks",
        "erf",
        "int64_t",
        "struct",
        "main",
        "memcpy",
        "exp_double",
        "INLINED",
        "INT64_MIN",
    ],
)
def test_names_of_c_are_no_names_of_functions_and_values(name):
    def program(**values):
        (x,) = values.values()
        return np.exp(x) * x[0] + x

    program.__name__ = name
    x = np.linspace(0.1, 1.0, 4)
    want = program(**{name: x})

    got = fg.jit(program, backend="c")(**{name: x})

    np.testing.assert_allclose(got, want, rtol=1e-15)


@needs_compiler
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("m, k, n", [(12, 7, 35), (9, 1, 16), (3, 5, 70), (7, 21, 2)])
def test_products_by_several_tiles(m, k, n, dtype):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
    x, stack = b[:, 0].copy(), np.stack([a, a * 2])
    f = lambda a, b: (np.tanh(a @ b) * 2, np.abs(b.T @ a.T + 1), a @ x * 2, stack @ x + x @ b[:, 1])

    for want, got in zip(f(a, b), fg.jit(f, backend="c")(a, b), strict=True):
        # sums in another order
        np.testing.assert_allclose(
            got, want, rtol=1e-12 if dtype == np.float64 else 1e-4, atol=1e-5
        )


@needs_compiler
@pytest.mark.parametrize("reduction", [np.sum, np.prod])
@pytest.mark.parametrize("test", [np.isnan, np.isinf, np.isfinite, np.signbit])
def test_a_reduction_of_no_elements_is_a_float(reduction, test, monkeypatch):
    monkeypatch.setattr(regions, "WORTH", 1)
    function = lambda x: test(reduction(x, 0))
    x = np.zeros((0, 3), np.float32)

    assert_same(function(x), fg.jit(function, backend="c")(x))


@pytest.mark.parametrize("dtype", ["c16", "c8"])
def test_the_text_of_a_complex_constant_has_its_value(dtype):
    kind = np.dtype(dtype)
    parts = [0.0, -0.0, -0.068, 0.068, -0.0025, -3e-5, 1.5, -1.5]  # -0.0 begins as -0.068 does
    for value in (complex(x, y) for x in parts for y in parts):
        text = static_complex(value, kind).replace("f", "").replace("I", "1j")

        assert_same(kind.type(value), kind.type(eval(text)))


def test_variables_that_are_only_set_are_dropped_with_their_operands():
    lines = """\
    double carry = a;
    bool mask[5];
    double best = 0;
    for (int i = 0; i < 5; i++) {
        const double t = x[i];
        mask[i] = t > 0;
        carry = t;
        if (x[i] > 0)
            best = x[i];
        out[i] = 2.0;
    }""".splitlines()

    assert tidy(lines) == [line for line in lines if not re.search(r"carry|mask|\bt\b", line)]


def test_a_constant_beside_a_padded_array_is_written():
    pad = lambda x: np.pad(x, (0, 1))
    f = lambda x: (np.arange(400.0) + pad(np.sin(x))) + np.arange(400.0) ** 2
    x = np.linspace(0, 1, 399)

    assert "sin" in fg.jit(f, backend="c").source(x, lang="c")


@needs_compiler
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_products_in_a_loop_are_those_of_numpy(dtype, tmp_path):
    rng = np.random.default_rng(0)
    w, x = (rng.normal(size=(n, 64)).astype(dtype) / 8 for n in (64, 32))

    def loss(w, x):
        step = lambda c, _: (np.tanh(c @ w) + 0.1 * (c @ w.T) ** 2, None)
        return np.sum(fg.lax.scan(step, x, None, length=4)[0] ** 2)

    f = fg.value_and_grad(loss, (0, 1))
    compiled = fg.jit(f, backend="c")

    rtol = 1e-12 if dtype == np.float64 else 2e-5  # sums in another order
    for want, got in zip(fg.tree.leaves(f(w, x)), fg.tree.leaves(compiled(w, x)), strict=True):
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * np.abs(want).max())
    text = compiled.source(w, x, lang="c")  # which needs no BLAS
    assert "gemm_" in text
    (tmp_path / "f.c").write_text(text)
    strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-c", "-O1"]
    subprocess.run([compiler.compiler(), *strict, "f.c"], check=True, cwd=tmp_path)
