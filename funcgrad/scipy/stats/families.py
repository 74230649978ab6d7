"""More continuous families of scipy.stats, mostly in closed form.

Formulas are those of SciPy's documentation, in its parameters; z is a point in standard form, q a
probability.
"""

import dataclasses
import math
from typing import Any

import numpy as np

from ...special import (
    betainc,
    betaincc,
    betainccinv,
    betaincinv,
    betaln,
    erf,
    erfc,
    erfcinv,
    erfinv,
    expit,
    gammainc,
    gammaincc,
    gammainccinv,
    gammaincinv,
    gammaln,
    log_ndtr,
    ndtr,
    ndtri,
    xlog1py,
    xlogy,
)
from .continuous import gamma, lognorm, norm
from .distribution import ANY, BALL, HALF_LINE, LINE, LOG_2PI, POSITIVE, UNIT, Continuous
from .parts import expm1_over, less_sine, log1mexp, log1p_over


def _skewed(q: Any, width: Any, a: Any) -> Any:
    return width * np.tan(math.pi / width * (q - (1 - a) / 2))


# fmt: off
anglit = Continuous("anglit", "", lambda: (-math.pi / 4, math.pi / 4), ANY,
    log_density=lambda z: np.log(np.cos(2 * z)),
    cumulative=lambda z: np.sin(z + math.pi / 4) ** 2,
    survival=lambda z: np.cos(z + math.pi / 4) ** 2,
    quantile=lambda q: np.arcsin(np.sqrt(q)) - math.pi / 4)

arcsine = Continuous("arcsine", "", UNIT, ANY, closed=False,
    log_density=lambda z: -math.log(math.pi) - 0.5 * np.log(z * (1 - z)),
    cumulative=lambda z: 2 / math.pi * np.arcsin(np.sqrt(z)),
    survival=lambda z: 2 / math.pi * np.arccos(np.sqrt(z)),
    quantile=lambda q: np.sin(math.pi / 2 * q) ** 2,
    upper_quantile=lambda q: np.cos(math.pi / 2 * q) ** 2)

betaprime = Continuous("betaprime", "a b", HALF_LINE, POSITIVE,
    log_density=lambda z, a, b: xlogy(a - 1, z) - (a + b) * np.log1p(z) - betaln(a, b),
    cumulative=lambda z, a, b: betainc(a, b, z / (1 + z)),
    survival=lambda z, a, b: betainc(b, a, 1 / (1 + z)),
    quantile=lambda q, a, b: 1 / betainccinv(b, a, q) - 1,
    upper_quantile=lambda q, a, b: 1 / betaincinv(b, a, q) - 1)

bradford = Continuous("bradford", "c", UNIT, POSITIVE,
    log_density=lambda z, c: np.log(c) - np.log(np.log1p(c)) - np.log1p(c * z),
    cumulative=lambda z, c: np.log1p(c * z) / np.log1p(c),
    quantile=lambda q, c: np.expm1(q * np.log1p(c)) / c)

burr = Continuous("burr", "c d", HALF_LINE, POSITIVE, closed=False,
    log_density=lambda z, c, d: (np.log(c * d) - (c + 1) * np.log(z)
        - (d + 1) * np.log1p(z**-c)),
    log_cdf=lambda z, c, d: -d * np.log1p(z**-c),
    survival=lambda z, c, d: -np.expm1(-d * np.log1p(z**-c)),
    quantile=lambda q, c, d: (np.expm1(-np.log(q) / d)) ** (-1 / c))

burr12 = Continuous("burr12", "c d", HALF_LINE, POSITIVE, closed=False,
    log_density=lambda z, c, d: np.log(c * d) + (c - 1) * np.log(z) - (d + 1) * np.log1p(z**c),
    cumulative=lambda z, c, d: -np.expm1(-d * np.log1p(z**c)),
    log_survival=lambda z, c, d: -d * np.log1p(z**c),
    quantile=lambda q, c, d: np.expm1(-np.log1p(-q) / d) ** (1 / c),
    upper_quantile=lambda q, c, d: np.expm1(-np.log(q) / d) ** (1 / c))

chi = Continuous("chi", "df", HALF_LINE, POSITIVE,
    log_density=lambda z, df: (math.log(2) - 0.5 * df * math.log(2) - gammaln(0.5 * df)
        + xlogy(df - 1, z) - 0.5 * z * z),
    cumulative=lambda z, df: gammainc(0.5 * df, 0.5 * z * z),
    survival=lambda z, df: gammaincc(0.5 * df, 0.5 * z * z),
    quantile=lambda q, df: np.sqrt(2 * gammaincinv(0.5 * df, q)),
    upper_quantile=lambda q, df: np.sqrt(2 * gammainccinv(0.5 * df, q)))

dgamma = Continuous("dgamma", "a", LINE, POSITIVE,
    log_density=lambda z, a: xlogy(a - 1, np.abs(z)) - np.abs(z) - math.log(2) - gammaln(a),
    cumulative=lambda z, a: np.where(z > 0, 0.5 + 0.5 * gammainc(a, np.abs(z)),
                                     0.5 * gammaincc(a, np.abs(z))),
    survival=lambda z, a: np.where(z > 0, 0.5 * gammaincc(a, np.abs(z)),
                                   0.5 + 0.5 * gammainc(a, np.abs(z))),
    quantile=lambda q, a: np.sign(q - 0.5) * gammainccinv(a, 2 * np.minimum(q, 1 - q)))

dweibull = Continuous("dweibull", "c", LINE, POSITIVE,
    log_density=lambda z, c: np.log(c / 2) + xlogy(c - 1, np.abs(z)) - np.abs(z) ** c,
    cumulative=lambda z, c: np.where(z > 0, 1 - 0.5 * np.exp(-np.abs(z) ** c),
                                     0.5 * np.exp(-np.abs(z) ** c)),
    survival=lambda z, c: np.where(z > 0, 0.5 * np.exp(-np.abs(z) ** c),
                                   1 - 0.5 * np.exp(-np.abs(z) ** c)),
    quantile=lambda q, c: np.sign(q - 0.5) * (-np.log(2 * np.minimum(q, 1 - q))) ** (1 / c))

erlang = dataclasses.replace(gamma, name="erlang")

exponpow = Continuous("exponpow", "b", HALF_LINE, POSITIVE,
    log_density=lambda z, b: 1 + np.log(b) + xlogy(b - 1, z) + z**b - np.exp(z**b),
    cumulative=lambda z, b: -np.expm1(-np.expm1(z**b)),
    log_survival=lambda z, b: -np.expm1(z**b),
    quantile=lambda q, b: np.log1p(-np.log1p(-q)) ** (1 / b),
    upper_quantile=lambda q, b: np.log1p(-np.log(q)) ** (1 / b))

exponweib = Continuous("exponweib", "a c", HALF_LINE, POSITIVE, closed=False,
    log_density=lambda z, a, c: (np.log(a * c) + (a - 1) * log1mexp(z**c) - z**c
        + (c - 1) * np.log(z)),
    log_cdf=lambda z, a, c: a * log1mexp(z**c),
    survival=lambda z, a, c: -np.expm1(a * log1mexp(z**c)),
    quantile=lambda q, a, c: (-np.log1p(-(q ** (1 / a)))) ** (1 / c))

fatiguelife = Continuous("fatiguelife", "c", HALF_LINE, POSITIVE, closed=False,
    log_density=lambda z, c: (np.log1p(z) - (z - 1) ** 2 / (2 * z * c * c) - np.log(2 * c)
        - 0.5 * (LOG_2PI + 3 * np.log(z))),
    cumulative=lambda z, c: ndtr((np.sqrt(z) - 1 / np.sqrt(z)) / c),
    survival=lambda z, c: ndtr(-(np.sqrt(z) - 1 / np.sqrt(z)) / c),
    quantile=lambda q, c: 0.25 * (c * ndtri(q) + np.sqrt((c * ndtri(q)) ** 2 + 4)) ** 2)

fisk = Continuous("fisk", "c", HALF_LINE, POSITIVE, closed=False,
    log_density=lambda z, c: np.log(c) + (c - 1) * np.log(z) - 2 * np.log1p(z**c),
    cumulative=lambda z, c: expit(c * np.log(z)),
    survival=lambda z, c: expit(-c * np.log(z)),
    quantile=lambda q, c: (1 / q - 1) ** (-1 / c),
    upper_quantile=lambda q, c: (1 / q - 1) ** (1 / c))

foldnorm = Continuous("foldnorm", "c", HALF_LINE, lambda c: c >= 0,
    log_density=lambda z, c: (norm.log_density(z - c) + np.log1p(np.exp(-2 * z * c))),
    cumulative=lambda z, c: 0.5 * (erf((z - c) / math.sqrt(2)) + erf((z + c) / math.sqrt(2))),
    survival=lambda z, c: 0.5 * (erfc((z - c) / math.sqrt(2)) + erfc((z + c) / math.sqrt(2))))

foldcauchy = Continuous("foldcauchy", "c", HALF_LINE, lambda c: c >= 0,
    log_density=lambda z, c: np.log((1 / (1 + (z - c) ** 2) + 1 / (1 + (z + c) ** 2)) / math.pi),
    cumulative=lambda z, c: (np.arctan(z - c) + np.arctan(z + c)) / math.pi,
    survival=lambda z, c: (np.arctan2(1, z - c) + np.arctan2(1, z + c)) / math.pi)

genextreme = Continuous("genextreme", "c",
    lambda c: (np.where(c < 0, 1 / np.where(c < 0, c, -1), -np.inf),
               np.where(c > 0, 1 / np.where(c > 0, c, 1), np.inf)), np.isfinite, closed=False,
    log_density=lambda z, c: ((1 - c) * log1p_over(-z, c) - np.exp(log1p_over(-z, c))),
    log_cdf=lambda z, c: -np.exp(log1p_over(-z, c)),
    survival=lambda z, c: -np.expm1(-np.exp(log1p_over(-z, c))),
    quantile=lambda q, c: -expm1_over(np.log(-np.log(q)), c),
    upper_quantile=lambda q, c: -expm1_over(np.log(-np.log1p(-q)), c))

gengamma = Continuous("gengamma", "a c", HALF_LINE,
    lambda a, c: (a > 0) & (c != 0), closed=False,
    log_density=lambda z, a, c: (np.log(np.abs(c)) + (c * a - 1) * np.log(z) - z**c - gammaln(a)),
    cumulative=lambda z, a, c: np.where(c > 0, gammainc(a, z**c), gammaincc(a, z**c)),
    survival=lambda z, a, c: np.where(c > 0, gammaincc(a, z**c), gammainc(a, z**c)),
    quantile=lambda q, a, c: np.where(c > 0, gammaincinv(a, q), gammainccinv(a, q)) ** (1 / c),
    upper_quantile=lambda q, a, c: np.where(
        c > 0, gammainccinv(a, q), gammaincinv(a, q)) ** (1 / c))

genlogistic = Continuous("genlogistic", "c", LINE, POSITIVE,
    log_density=lambda z, c: np.log(c) - z - (c + 1) * np.logaddexp(0, -z),
    log_cdf=lambda z, c: -c * np.logaddexp(0, -z),
    survival=lambda z, c: -np.expm1(-c * np.logaddexp(0, -z)),
    quantile=lambda q, c: -np.log(np.expm1(-np.log(q) / c)))

genpareto = Continuous("genpareto", "c",
    lambda c: (0, np.where(c < 0, -1 / np.where(c < 0, c, -1), np.inf)), np.isfinite,
    log_density=lambda z, c: -(c + 1) * log1p_over(z, c),
    cumulative=lambda z, c: -np.expm1(-log1p_over(z, c)),
    log_survival=lambda z, c: -log1p_over(z, c),
    quantile=lambda q, c: expm1_over(-np.log1p(-q), c),
    upper_quantile=lambda q, c: expm1_over(-np.log(q), c))

gibrat = Continuous("gibrat", "", HALF_LINE, ANY, closed=False,
    log_density=lambda z: lognorm.log_density(z, 1.0),
    log_cdf=lambda z: log_ndtr(np.log(z)),
    log_survival=lambda z: log_ndtr(-np.log(z)),
    quantile=lambda q: np.exp(ndtri(q)),
    upper_quantile=lambda q: np.exp(-ndtri(q)))

gompertz = Continuous("gompertz", "c", HALF_LINE, POSITIVE,
    log_density=lambda z, c: np.log(c) + z - c * np.expm1(z),
    cumulative=lambda z, c: -np.expm1(-c * np.expm1(z)),
    log_survival=lambda z, c: -c * np.expm1(z),
    quantile=lambda q, c: np.log1p(-np.log1p(-q) / c),
    upper_quantile=lambda q, c: np.log1p(-np.log(q) / c))

halflogistic = Continuous("halflogistic", "", HALF_LINE, ANY,
    log_density=lambda z: math.log(2) - z - 2 * np.log1p(np.exp(-z)),
    cumulative=lambda z: np.tanh(z / 2),
    survival=lambda z: 2 * expit(-z),
    quantile=lambda q: 2 * np.arctanh(q),
    upper_quantile=lambda q: np.log((2 - q) / q))

halfgennorm = Continuous("halfgennorm", "beta", HALF_LINE, POSITIVE,
    log_density=lambda z, b: np.log(b) - gammaln(1 / b) - z**b,
    cumulative=lambda z, b: gammainc(1 / b, z**b),
    survival=lambda z, b: gammaincc(1 / b, z**b),
    quantile=lambda q, b: gammaincinv(1 / b, q) ** (1 / b),
    upper_quantile=lambda q, b: gammainccinv(1 / b, q) ** (1 / b))

hypsecant = Continuous("hypsecant", "", LINE, ANY,
    log_density=lambda z: -math.log(math.pi) + math.log(2) - np.logaddexp(z, -z),
    cumulative=lambda z: 2 / math.pi * np.arctan(np.exp(z)),
    survival=lambda z: 2 / math.pi * np.arctan(np.exp(-z)),
    quantile=lambda q: np.log(np.tan(math.pi * q / 2)),
    upper_quantile=lambda q: -np.log(np.tan(math.pi * q / 2)))

invgauss = Continuous("invgauss", "mu", HALF_LINE, POSITIVE, closed=False,
    log_density=lambda z, mu: (-0.5 * LOG_2PI - 1.5 * np.log(z)
        - 0.5 * ((z - mu) / mu) ** 2 / z),
    cumulative=lambda z, mu: (ndtr((z / mu - 1) / np.sqrt(z))
        + np.exp(2 / mu + log_ndtr(-(z / mu + 1) / np.sqrt(z)))),
    survival=lambda z, mu: (ndtr(-(z / mu - 1) / np.sqrt(z))
        - np.exp(2 / mu + log_ndtr(-(z / mu + 1) / np.sqrt(z)))))

wald = Continuous("wald", "", HALF_LINE, ANY, closed=False,
    log_density=lambda z: invgauss.log_density(z, 1.0),
    cumulative=lambda z: invgauss._cdf(z, 1.0),
    survival=lambda z: invgauss._sf(z, 1.0))

invweibull = Continuous("invweibull", "c", HALF_LINE, POSITIVE, closed=False,
    log_density=lambda z, c: np.log(c) - (c + 1) * np.log(z) - z**-c,
    log_cdf=lambda z, c: -(z**-c),
    survival=lambda z, c: -np.expm1(-(z**-c)),
    quantile=lambda q, c: (-np.log(q)) ** (-1 / c),
    upper_quantile=lambda q, c: (-np.log1p(-q)) ** (-1 / c))

johnsonsb = Continuous("johnsonsb", "a b", UNIT, lambda a, b: (b > 0) & np.isfinite(a),
    closed=False,
    log_density=lambda z, a, b: (np.log(b) - np.log(z * (1 - z))
        + norm.log_density(a + b * np.log(z / (1 - z)))),
    cumulative=lambda z, a, b: ndtr(a + b * np.log(z / (1 - z))),
    survival=lambda z, a, b: ndtr(-a - b * np.log(z / (1 - z))),
    quantile=lambda q, a, b: expit((ndtri(q) - a) / b))

johnsonsu = Continuous("johnsonsu", "a b", LINE, lambda a, b: (b > 0) & np.isfinite(a),
    log_density=lambda z, a, b: (np.log(b) - 0.5 * np.log1p(z * z)
        + norm.log_density(a + b * np.arcsinh(z))),
    cumulative=lambda z, a, b: ndtr(a + b * np.arcsinh(z)),
    survival=lambda z, a, b: ndtr(-a - b * np.arcsinh(z)),
    quantile=lambda q, a, b: np.sinh((ndtri(q) - a) / b))

kappa3 = Continuous("kappa3", "a", HALF_LINE, POSITIVE, closed=False,
    log_density=lambda z, a: np.log(a) - (1 + 1 / a) * np.log(a + z**a),
    log_cdf=lambda z, a: -np.log1p(a * z**-a) / a,
    survival=lambda z, a: -np.expm1(-np.log1p(a * z**-a) / a),
    quantile=lambda q, a: (a / np.expm1(-a * np.log(q))) ** (1 / a),
    upper_quantile=lambda q, a: (a / np.expm1(-a * np.log1p(-q))) ** (1 / a))

laplace_asymmetric = Continuous("laplace_asymmetric", "kappa", LINE, POSITIVE,
    log_density=lambda z, k: -z * np.where(z >= 0, k, -1 / k) - np.log(k + 1 / k),
    cumulative=lambda z, k: np.where(z >= 0, 1 - np.exp(-np.maximum(z, 0) * k) / (1 + k * k),
                                     np.exp(np.minimum(z, 0) / k) * k * k / (1 + k * k)),
    survival=lambda z, k: np.where(z >= 0, np.exp(-np.maximum(z, 0) * k) / (1 + k * k),
                                   1 - np.exp(np.minimum(z, 0) / k) * k * k / (1 + k * k)),
    quantile=lambda q, k: np.where(q >= k * k / (1 + k * k), -np.log((1 - q) * (1 + k * k)) / k,
                                   np.log(q * (1 + k * k) / (k * k)) * k))

levy = Continuous("levy", "", HALF_LINE, ANY, closed=False,
    log_density=lambda z: -0.5 * (LOG_2PI + 3 * np.log(z) + 1 / z),
    cumulative=lambda z: erfc(np.sqrt(0.5 / z)),
    survival=lambda z: erf(np.sqrt(0.5 / z)),
    quantile=lambda q: 0.5 / erfcinv(q) ** 2)

loggamma = Continuous("loggamma", "c", LINE, POSITIVE,
    log_density=lambda z, c: c * z - np.exp(z) - gammaln(c),
    cumulative=lambda z, c: gammainc(c, np.exp(z)),
    survival=lambda z, c: gammaincc(c, np.exp(z)),
    quantile=lambda q, c: np.log(gammaincinv(c, q)),
    upper_quantile=lambda q, c: np.log(gammainccinv(c, q)))

loglaplace = Continuous("loglaplace", "c", HALF_LINE, POSITIVE, closed=False,
    log_density=lambda z, c: np.log(c / 2) + np.where(z < 1, c - 1, -c - 1) * np.log(z),
    cumulative=lambda z, c: np.where(z < 1, 0.5 * z**c, 1 - 0.5 * z**-c),
    survival=lambda z, c: np.where(z < 1, 1 - 0.5 * z**c, 0.5 * z**-c),
    quantile=lambda q, c: np.where(q < 0.5, (2 * q) ** (1 / c), (2 * (1 - q)) ** (-1 / c)))

loguniform = Continuous("loguniform", "a b", lambda a, b: (a, b), lambda a, b: (a > 0) & (b > a),
    log_density=lambda z, a, b: -np.log(z) - np.log(np.log(b) - np.log(a)),
    cumulative=lambda z, a, b: (np.log(z) - np.log(a)) / (np.log(b) - np.log(a)),
    survival=lambda z, a, b: (np.log(b) - np.log(z)) / (np.log(b) - np.log(a)),
    quantile=lambda q, a, b: np.exp(np.log(a) + q * (np.log(b) - np.log(a))),
    upper_quantile=lambda q, a, b: np.exp(np.log(b) - q * (np.log(b) - np.log(a))))

reciprocal = dataclasses.replace(loguniform, name="reciprocal")

lomax = Continuous("lomax", "c", HALF_LINE, POSITIVE,
    log_density=lambda z, c: np.log(c) - (c + 1) * np.log1p(z),
    cumulative=lambda z, c: -np.expm1(-c * np.log1p(z)),
    log_survival=lambda z, c: -c * np.log1p(z),
    quantile=lambda q, c: np.expm1(-np.log1p(-q) / c),
    upper_quantile=lambda q, c: np.expm1(-np.log(q) / c))

maxwell = Continuous("maxwell", "", HALF_LINE, ANY, closed=False,
    log_density=lambda z: 0.5 * math.log(2 / math.pi) + 2 * np.log(z) - 0.5 * z * z,
    cumulative=lambda z: gammainc(1.5, 0.5 * z * z),
    survival=lambda z: gammaincc(1.5, 0.5 * z * z),
    quantile=lambda q: np.sqrt(2 * gammaincinv(1.5, q)),
    upper_quantile=lambda q: np.sqrt(2 * gammainccinv(1.5, q)))

moyal = Continuous("moyal", "", LINE, ANY,
    log_density=lambda z: -0.5 * (z + np.exp(-z) + LOG_2PI),
    cumulative=lambda z: erfc(np.exp(-0.5 * z) / math.sqrt(2)),
    survival=lambda z: erf(np.exp(-0.5 * z) / math.sqrt(2)),
    quantile=lambda q: -np.log(2 * erfcinv(q) ** 2),
    upper_quantile=lambda q: -np.log(2 * erfinv(q) ** 2))

nakagami = Continuous("nakagami", "nu", HALF_LINE, POSITIVE,
    log_density=lambda z, nu: (math.log(2) + xlogy(nu, nu) - gammaln(nu)
        + xlogy(2 * nu - 1, z) - nu * z * z),
    cumulative=lambda z, nu: gammainc(nu, nu * z * z),
    survival=lambda z, nu: gammaincc(nu, nu * z * z),
    quantile=lambda q, nu: np.sqrt(gammaincinv(nu, q) / nu),
    upper_quantile=lambda q, nu: np.sqrt(gammainccinv(nu, q) / nu))

powerlaw = Continuous("powerlaw", "a", UNIT, POSITIVE,
    log_density=lambda z, a: np.log(a) + xlogy(a - 1, z),
    cumulative=lambda z, a: z**a,
    survival=lambda z, a: -np.expm1(a * np.log(z)),
    quantile=lambda q, a: q ** (1 / a))

powerlognorm = Continuous("powerlognorm", "c s", HALF_LINE, POSITIVE, closed=False,
    log_density=lambda z, c, s: (np.log(c) - np.log(z) - np.log(s)
        + norm.log_density(np.log(z) / s) + (c - 1) * log_ndtr(-np.log(z) / s)),
    cumulative=lambda z, c, s: -np.expm1(c * log_ndtr(-np.log(z) / s)),
    log_survival=lambda z, c, s: c * log_ndtr(-np.log(z) / s),
    quantile=lambda q, c, s: np.exp(-s * ndtri((1 - q) ** (1 / c))),
    upper_quantile=lambda q, c, s: np.exp(-s * ndtri(q ** (1 / c))))

powernorm = Continuous("powernorm", "c", LINE, POSITIVE,
    log_density=lambda z, c: np.log(c) + norm.log_density(z) + (c - 1) * log_ndtr(-z),
    cumulative=lambda z, c: -np.expm1(c * log_ndtr(-z)),
    log_survival=lambda z, c: c * log_ndtr(-z),
    quantile=lambda q, c: -ndtri((1 - q) ** (1 / c)),
    upper_quantile=lambda q, c: -ndtri(q ** (1 / c)))

rdist = Continuous("rdist", "c", BALL, POSITIVE,
    log_density=lambda z, c: xlog1py(0.5 * c - 1, -z * z) - betaln(0.5, 0.5 * c),
    cumulative=lambda z, c: betainc(0.5 * c, 0.5 * c, 0.5 * (1 + z)),
    survival=lambda z, c: betaincc(0.5 * c, 0.5 * c, 0.5 * (1 + z)),
    quantile=lambda q, c: 2 * betaincinv(0.5 * c, 0.5 * c, q) - 1)

semicircular = Continuous("semicircular", "", BALL, ANY,
    log_density=lambda z: math.log(2 / math.pi) + xlog1py(0.5, -z * z),
    cumulative=lambda z: less_sine(4 * np.arcsin(np.sqrt((1 + z) / 2))) / (2 * math.pi),
    survival=lambda z: less_sine(4 * np.arcsin(np.sqrt((1 - z) / 2))) / (2 * math.pi))

skewcauchy = Continuous("skewcauchy", "a", LINE, lambda a: np.abs(a) < 1,
    log_density=lambda z, a: (-math.log(math.pi)
        - np.log1p(z * z / (1 + np.where(z < 0, -a, a)) ** 2)),
    cumulative=lambda z, a: np.where(z <= 0,
        (1 - a) / 2 + (1 - a) / math.pi * np.arctan(z / (1 - a)),
        (1 - a) / 2 + (1 + a) / math.pi * np.arctan(z / (1 + a))),
    quantile=lambda q, a: np.where(q < (1 - a) / 2, _skewed(q, 1 - a, a), _skewed(q, 1 + a, a)))

truncexpon = Continuous("truncexpon", "b", lambda b: (0, b), POSITIVE,
    log_density=lambda z, b: -z - np.log(-np.expm1(-b)),
    cumulative=lambda z, b: np.expm1(-z) / np.expm1(-b),
    survival=lambda z, b: np.expm1(b - z) / np.expm1(b),
    quantile=lambda q, b: -np.log1p(q * np.expm1(-b)),
    upper_quantile=lambda q, b: b - np.log1p(q * np.expm1(b)))

weibull_max = Continuous("weibull_max", "c", lambda *_: (-np.inf, 0), POSITIVE, closed=False,
    log_density=lambda z, c: np.log(c) + (c - 1) * np.log(-z) - (-z) ** c,
    log_cdf=lambda z, c: -((-z) ** c),
    survival=lambda z, c: -np.expm1(-((-z) ** c)),
    quantile=lambda q, c: -((-np.log(q)) ** (1 / c)),
    upper_quantile=lambda q, c: -((-np.log1p(-q)) ** (1 / c)))
# fmt: on
