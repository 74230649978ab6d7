"""solve_bvp: the meshes of SciPy, known solutions, and derivatives on the last mesh."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.core.errors import ConcretizationError, ShapeError
from funcgrad.scipy.bvp.blocks import Blocks, factored, solved
from funcgrad.scipy.integrate import solve_bvp

FIVE = np.linspace(0.0, 1.0, 5)
SINE = np.array([[0.0, 1, 0, -1, 0], [0.0, 0, 0, 0, 0]])
EMDEN = np.array([[0.0, 0.0], [0.0, -2.0]])


def bratu(k=1.0, left=0.0, right=0.0, x=FIVE, start=0.0, **options):
    guess = np.zeros((2, len(x)))
    guess[0] = start
    ends = lambda ya, yb: np.stack([ya[0] - left, yb[0] - right])
    slope = lambda x, y: np.stack([y[1], -k * np.exp(y[0])])
    return slope, ends, x, guess, options


def frequency(w=1.0, **options):
    slope = lambda x, y, p: np.stack([y[1], -w * p[0] ** 2 * y[0]])
    ends = lambda ya, yb, p: np.stack([ya[0], yb[0], ya[1] - p[0]])
    return slope, ends, FIVE, SINE, {"p": np.array([6.0]), **options}


def emden(S=EMDEN, **options):  # noqa: N803, SciPy's name
    slope = lambda x, y: np.stack([y[1], -(y[0] ** 5)])
    ends = lambda ya, yb: np.stack([ya[1], yb[0] - np.sqrt(3 / 4)])
    guess = np.ones((2, 5)) * [[np.sqrt(3) / 2], [0]]
    return slope, ends, FIVE, guess, {"S": S, **options}


def layer(eps=1e-2, **options):
    def slope(x, y):
        force = eps * np.pi**2 * np.cos(np.pi * x) + np.pi * x * np.sin(np.pi * x)
        return np.stack([y[1], -(x * y[1] + force) / eps])

    ends = lambda ya, yb: np.stack([ya[0] + 2, yb[0]])
    return slope, ends, np.linspace(-1, 1, 5), np.zeros((2, 5)), options


def with_jacobians(**options):
    slope, ends, x, y, more = bratu(**options)
    zero, one = lambda x: np.zeros_like(x), lambda x: np.ones_like(x)
    more["fun_jac"] = lambda x, y: np.array([[zero(x), one(x)], [-np.exp(y[0]), zero(x)]])
    more["bc_jac"] = lambda ya, yb: (np.array([[1.0, 0], [0, 0]]), np.array([[0.0, 0], [1, 0]]))
    return slope, ends, x, y, more


PROBLEMS = {
    "bratu": bratu(tol=1e-6),
    "bratu, the upper solution": bratu(start=3.0, tol=1e-6),
    "an eigenvalue": frequency(tol=1e-5),
    "a singular term": emden(tol=1e-6),
    "a layer": layer(tol=1e-4),
    "given derivatives": with_jacobians(tol=1e-5),
    "too many nodes": bratu(tol=1e-10, max_nodes=50),
}


def solution(problem):
    slope, ends, x, y, options = problem
    return solve_bvp(slope, ends, x, y, **options)


@pytest.mark.parametrize("name", PROBLEMS)
def test_meshes_and_solutions_are_scipys(name):
    theirs = pytest.importorskip("scipy.integrate").solve_bvp
    slope, ends, x, y, options = PROBLEMS[name]
    want, got = theirs(slope, ends, x, y.copy(), **options), solution(PROBLEMS[name])
    at = np.linspace(x[0], x[-1], 33)

    np.testing.assert_array_equal(got.x, want.x)
    assert (got.status, got.niter, got.message) == (want.status, want.niter, want.message)
    for a, b in ((got.y, want.y), (got.yp, want.yp), (got.sol(at, 1), want.sol(at, 1))):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-8)  # another matrix in Newton's method
    np.testing.assert_allclose(got.rms_residuals, want.rms_residuals, rtol=1e-3, atol=1e-9)
    assert (got.p is None) == (want.p is None)


def test_known_solutions():
    eigen, star = solution(frequency(tol=1e-8)), solution(emden(tol=1e-8))
    w = np.sqrt(4 + 2j)
    ends = lambda ya, yb: [ya[0], yb[0] - 1j]
    waves = solve_bvp(lambda x, y: [y[1], -w * w * y[0]], ends, FIVE, SINE + 0j, tol=1e-7)

    np.testing.assert_allclose(eigen.p, [2 * np.pi], rtol=1e-9)
    np.testing.assert_allclose(star.y[0], 1 / np.sqrt(1 + star.x**2 / 3), rtol=1e-8)
    np.testing.assert_allclose(waves.y[0], 1j * np.sin(w * waves.x) / np.sin(w), atol=1e-9)


@pytest.mark.parametrize("shape", [(2, 2, 0), (3, 2, 1), (8, 3, 2), (13, 1, 0)], ids=str)
def test_the_elimination_solves_its_system(shape):
    m, n, k = shape
    rng = np.random.default_rng(0)
    shapes = [(m - 1, n, n), (m - 1, n, n), (m - 1, n, k), (n + k, n), (n + k, n), (n + k, k)]
    blocks = Blocks(*(rng.normal(size=s) for s in shapes))
    y, p = rng.normal(size=(m, n)), rng.normal(size=k)
    inner = (blocks.left @ y[:-1, :, None] + blocks.right @ y[1:, :, None])[..., 0]
    outer = blocks.first @ y[0] + blocks.last @ y[-1] + blocks.bound_p @ p
    got = solved(factored(blocks), inner + blocks.of_p @ p, outer)

    np.testing.assert_allclose(got[0], y, rtol=1e-9, atol=1e-10)  # random, badly conditioned
    np.testing.assert_allclose(got[1], p, rtol=1e-9, atol=1e-10)


# derivatives

FUNCTIONS = {
    "the equation": lambda v: solution(bratu(v, tol=1e-8)).sol(0.4)[0],
    "the conditions": lambda v: solution(bratu(left=v, right=v**2, tol=1e-8)).y[1, 0],
    "the interval": lambda v: solution(bratu(x=FIVE * v, tol=1e-10)).y[1, 0],
    "a parameter": lambda v: solution(frequency(v, tol=1e-8)).p[0],
    "the singular term": lambda v: solution(emden(EMDEN * v, tol=1e-8)).y[0, 0],
    "the slope of the spline": lambda v: solution(bratu(v, tol=1e-8)).sol(0.2, 1)[0],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_are_central_differences(name):
    f, h = FUNCTIONS[name], 1e-4
    want = (f(1 + h) - f(1 - h)) / (2 * h)

    np.testing.assert_allclose(fg.grad(f)(1.0), want, rtol=1e-5)  # of differences and of the mesh
    np.testing.assert_allclose(fg.jvp(f, (1.0,), (1.0,))[1], fg.grad(f)(1.0), rtol=1e-9)


def test_second_derivatives_and_jacobians():
    f = lambda v: solution(bratu(v[0], v[1], tol=1e-8)).sol(np.array([0.3, 0.6]))[0]
    v, h = np.array([1.0, 0.2]), np.array([1e-4, 0.0])
    total = lambda v: np.sum(f(v))
    want = (fg.grad(total)(v + h) - fg.grad(total)(v - h)) / 2e-4

    np.testing.assert_allclose(fg.jacrev(f)(v), fg.jacfwd(f)(v), rtol=1e-9)
    np.testing.assert_allclose(fg.hessian(total)(v)[0], want, rtol=1e-5)


# errors


def test_the_search_is_refused_under_jit_and_vmap():
    f = FUNCTIONS["the equation"]
    for call in (lambda: fg.jit(f)(1.0), lambda: fg.vmap(f)(np.ones(2))):
        with pytest.raises(ConcretizationError, match="solve_bvp: the mesh depends on values"):
            call()


def test_a_singular_system_has_its_status():
    free = lambda ya, yb: [ya[1], yb[1]]  # a constant may be added
    got = solve_bvp(lambda x, y: [y[1], 0 * y[0]], free, FIVE, np.zeros((2, 5)))

    assert got.status == 2 and not got.success and "singular" in got.message


def test_a_report_is_printed_if_asked(capsys):
    solution(bratu(verbose=2))

    assert capsys.readouterr().out.splitlines()[-1].endswith("5 nodes, 1 searches")


def test_errors_name_the_argument():
    slope, ends, x, y, _ = bratu()
    with pytest.raises(ShapeError, match=r"fun must return an array of shape \(2, 5\): got f64\[5"):
        solve_bvp(lambda x, y: y[0], ends, x, y)
    with pytest.raises(ShapeError, match=r"bc must return an array of shape \(2,\): got f64\[1\]"):
        solve_bvp(slope, lambda ya, yb: [ya[0]], x, y)
    with pytest.raises(ShapeError, match=r"x must be \[m\] and y \[n, m\]: got f64\[5\] and f64\["):
        solve_bvp(slope, ends, x, y[:, :4])
    with pytest.raises(ValueError, match="x must be strictly increasing"):
        solve_bvp(slope, ends, x[::-1], y)
    with pytest.raises(ShapeError, match=r"S must be 2 by 2: got f64\[3,3\]"):
        solve_bvp(slope, ends, x, y, S=np.eye(3))
    with pytest.warns(UserWarning, match="solve_bvp: tol is too low: got 1e-20"):
        solve_bvp(slope, ends, x, y, tol=1e-20, max_nodes=6)
