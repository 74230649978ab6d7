"""Kelvin, Struve and Carlson functions against mpmath, at points of each region of a method."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad.scipy import special

mpmath = pytest.importorskip("mpmath")

EPS, RNG = 2.0**-52, np.random.default_rng(0)


RAY = np.array([1e-3, 0.4, 1.9, 2.1, 5.9, 6.1, 11.3, 17.9, 18.1, 25.9, 26.1, 57.0])
KELVIN = {
    "ber": (0, "re", 1), "bei": (0, "im", 1), "ker": (0, "re", -1), "kei": (0, "im", -1),
    "berp": (1, "re", 1), "beip": (1, "im", 1), "kerp": (1, "re", -1), "keip": (1, "im", -1),
}  # fmt: skip


@pytest.mark.parametrize("name", KELVIN)
def test_kelvin_functions_are_parts_of_bessel_functions_on_a_ray(name):
    n, part, kind = KELVIN[name]
    turn = mpmath.e ** (0.25j * mpmath.pi)
    bessel = mpmath.besseli if kind > 0 else mpmath.besselk
    exact = [(turn * kind) ** n * bessel(n, x * turn) for x in map(float, RAY)]
    want, size = [float(getattr(y, "real" if part == "re" else "imag")) for y in exact], exact
    got = getattr(special, name)(RAY)

    # units of the modulus; the argument's own rounding counts x times
    errors = np.abs(got - want) / [float(abs(y)) for y in size]
    assert np.all(errors < (4 + RAY) * EPS)


@pytest.mark.parametrize("v", [-2.5, -2.3, -1.5, -1.0, 0.0, 0.7, 6.5, 33.0])
@pytest.mark.parametrize("name", ["struve", "modstruve"])
def test_struve_functions_are_those_of_mpmath(name, v):
    x = np.array([0.01, 1.3, 2.2, 5.1, 12.3, 23.0, 41.0, 79.0, 300.0])
    exact = getattr(mpmath, "struveh" if name == "struve" else "struvel")
    want = [float(exact(v, y)) for y in x]

    np.testing.assert_allclose(getattr(special, name)(v, x), want, rtol=120 * EPS)  # near zeros


def test_carlson_integrals_are_those_of_mpmath():
    points = np.exp(RNG.uniform(-4, 4, (40, 4))) * np.where(
        RNG.uniform(size=(40, 1)) < 0.3, [1, 1, 1, -1], 1
    )
    want = [float(mpmath.re(mpmath.elliprj(*map(float, p)))) for p in points]

    np.testing.assert_allclose(special.elliprj(*points.T), want, rtol=60 * EPS)
    want = [float(mpmath.elliprg(*map(float, p[:3]))) for p in points]
    np.testing.assert_allclose(special.elliprg(*points.T[:3]), want, rtol=8 * EPS)
    want = [float(mpmath.re(mpmath.elliprc(float(p[0]), float(p[3])))) for p in points]
    np.testing.assert_allclose(special.elliprc(points[:, 0], points[:, 3]), want, rtol=8 * EPS)


def test_derivatives_of_kelvin_functions_of_every_order_are_right_at_0():
    for name, want in (("ber", [1, 0, 0, 0, -3 / 8]), ("bei", [0, 0, 1 / 2, 0, 0])):
        f = getattr(special, name)
        for y in want:
            assert f(0.0) == pytest.approx(y, abs=1e-15)
            f = fg.grad(f)


@pytest.mark.parametrize("n", [1, 2, 40])
def test_gauss_quadrature_is_exact_for_polynomials_of_twice_its_degree(n):
    d = 2 * (n - 1) if n < 3 else 6
    gamma, a, b = special.gamma, -0.5, 1.7
    for (x, w, total), base, want in (
        (special.roots_jacobi(n, a, b, mu=True), lambda x: 1 + x,
         2 ** (a + b + d + 1) * special.beta(a + 1.0, b + d + 1)),
        (special.roots_genlaguerre(n, b, mu=True), lambda x: x, gamma(b + d + 1)),
        (special.roots_hermite(n, mu=True), lambda x: x, gamma((d + 1) / 2)),
    ):  # fmt: skip
        assert np.sum(w * base(x) ** d) == pytest.approx(want, rel=1e-12)
        assert np.sum(w) == pytest.approx(total, rel=1e-13)


def test_inverses_of_probabilities_invert():
    p = np.array([1e-9, 0.2, 0.5, 0.9, 1 - 1e-9])
    pairs = [
        (lambda x: special.chdtr(x, 3.0), lambda p: special.chdtriv(p, 3.0)),
        (lambda x: special.betainc(x, 2.0, 0.3), lambda p: special.btdtria(p, 2.0, 0.3)),
        (lambda x: special.betainc(2.0, x, 0.3), lambda p: special.btdtrib(2.0, p, 0.3)),
        (lambda x: special.gdtr(2.0, x, 0.7), lambda p: special.gdtrib(2.0, p, 0.7)),
        (special.kolmogorov, special.kolmogi), (special.log_ndtr, special.ndtri_exp),
        (lambda x: x + np.log(x), special.wrightomega),
    ]  # fmt: skip
    for forward, inverse in pairs[:-2]:
        np.testing.assert_allclose(forward(inverse(p)), p, rtol=1e-9)
    y = -np.array([1e-300, 1e-9, 0.05, 0.15, 3.0, 79.0, 81.0, 1e4, 1e200])
    np.testing.assert_allclose(special.log_ndtr(special.ndtri_exp(y)), y, rtol=4e-13)  # x**2 units
    x = np.array([-700.0, -41.0, -39.0, -3.0, 0.9, 1.1, 30.0, 1e300])
    omega = special.wrightomega(x)
    want = [float(mpmath.lambertw(mpmath.exp(v)).real) if v < 1e3 else v for v in x]
    np.testing.assert_allclose(omega, want, rtol=4 * EPS)
