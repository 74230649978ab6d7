"""Least squares of sparse systems, by bidiagonalization, with the derivatives of the solution."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from typing_extensions import override

from ...control.loops import while_loop
from ...control.solve import custom_linear_solve
from ...core.avals import aval_of, dtype_of, is_inexact, shape_of
from ...core.errors import ShapeError, UnsupportedError
from ...core.lazy import answering
from ...core.trace import Tracer
from ...ops.operand import operand, strong
from ...ops.stop_gradient import stop_gradient
from ...ops.structure import cast
from .operators import LinearOperator, aslinearoperator
from .systems import Map, conjugate, length, over


@answering
def lsqr(
    A: Any, b: Any, damp: Any = 0.0, atol: float = 1e-6, btol: float = 1e-6,  # noqa: N803
    conlim: float = 1e8, iter_lim: int | None = None, show: bool = False,
    calc_var: bool = False, x0: Any = None,
) -> tuple[Any, ...]:  # fmt: skip
    """Least squares: the minimum of ``norm(A x - b)**2 + damp**2 norm(x)**2``.

    Args:
        A: a CSR, an array, a LinearOperator or a sparse matrix of SciPy's, [m, n].
        b: shape [m].
        damp: float.
        atol, btol, conlim: tolerances, and the largest condition number.
        iter_lim: int, by default 2 n.
        show, calc_var: False.
        x0: the start, by default 0; it has no derivative.

    Returns:
        x, and SciPy's istop, itn, r1norm, r2norm, anorm, acond, arnorm, xnorm and var. Derivatives
        are those of the solution of the normal equations, by conjugate gradients; for m < n and no
        damping, of the shortest solution. Without full rank they are not defined.

    Source: Paige & Saunders 1982, "LSQR" (ACM Trans. Math. Softw. 8).

    >>> print(lsqr(np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]), np.array([1.0, 3.0, 2.0]))[0])
    [1. 2.]
    """
    if show or calc_var:
        raise UnsupportedError("lsqr: show and calc_var must be False: got True")
    limits = atol, btol, conlim, iter_lim
    x, rest = _least("lsqr", _Bidiagonalization, A, b, damp, limits, x0)
    return (x, *rest, np.zeros(shape_of(x)))


@answering
def lsmr(
    A: Any, b: Any, damp: Any = 0.0, atol: float = 1e-6, btol: float = 1e-6,  # noqa: N803
    conlim: float = 1e8, maxiter: int | None = None, show: bool = False, x0: Any = None,
) -> tuple[Any, ...]:  # fmt: skip
    """Least squares as by lsqr, but ``norm(A* r)`` of the residual decreases at each step.

    Args:
        maxiter: int, by default min(m, n).

    Returns:
        x, and SciPy's istop, itn, normr, normar, norma, conda and normx; see lsqr.

    Source: Fong & Saunders 2011, "LSMR" (SIAM J. Sci. Comput. 33).

    >>> a = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    >>> print(lsmr(a, np.array([1.0, 3.0, 2.0]))[0].round(6))
    [1. 2.]
    """
    if show:
        raise UnsupportedError("lsmr: show must be False: got True")
    limits = atol, btol, conlim, maxiter
    x, rest = _least("lsmr", _Minimal, A, b, damp, limits, x0)
    return (x, *rest)


def _least(
    who: str, method: Any, matrix: Any, b: Any, damp: Any, limits: tuple[Any, ...], x0: Any
) -> tuple[Any, list[Any]]:
    """The solution with its derivatives, and the report of the iteration."""
    a, b = aslinearoperator(matrix), strong(operand(b))
    b = b if is_inexact(dtype_of(b)) else cast(b, np.float64)
    b = cast(b, np.result_type(dtype_of(b), a.dtype))
    m, n = a.shape
    if shape_of(b) != (m,):
        raise ShapeError(f"{who}: b must have the shape [{m}]: got {aval_of(b)}")
    start = np.zeros(n, dtype_of(b)) if x0 is None else stop_gradient(operand(x0))
    start = cast(start, dtype_of(b))
    found = method(a, stop_gradient(b), stop_gradient(damp), *limits).run(start)
    x, *rest = map(stop_gradient, found)
    residual = b - a.matvec(x)
    if not isinstance(residual, Tracer) and not isinstance(damp, Tracer):
        return x, rest  # nothing is differentiated
    if m < n and isinstance(damp, int | float) and damp == 0:
        exact = a.rmatvec(_solution(lambda v: a.matvec(a.rmatvec(v)), b - a.matvec(start)))
    else:
        apply = lambda v: a.rmatvec(a.matvec(v)) + damp * damp * v
        exact = _solution(apply, a.rmatvec(residual) - damp * damp * x)
    return x + (exact - stop_gradient(exact)), rest


def _solution(apply: Map, right: Any) -> Any:
    def solve(matvec: Map, r: Any) -> Any:
        most = 10 * max(aval_of(r).size, 1)
        return conjugate(matvec, r, r * 0, lambda v: v, 1e-14 * length(r), most)

    return custom_linear_solve(apply, right, solve, symmetric=True)


class _Iteration(ABC):
    """What both iterations share: they begin a bidiagonalization, and end for the same reasons."""

    def __init__(
        self, a: LinearOperator, b: Any, damp: Any, atol: float, btol: float, conlim: float,
        most: int | None,
    ) -> None:  # fmt: skip
        self.a, self.b, self.damp = a, b, damp
        self.most = self.default_most(*a.shape) if most is None else int(most)
        self.atol, self.btol, self.bnorm = atol, btol, length(b)
        self.ctol = 1 / conlim if conlim > 0 else 0.0

    @staticmethod
    def default_most(m: int, n: int) -> int:
        return min(m, n)

    def begun(self, x: Any) -> tuple[Any, ...]:
        u = self.b - self.a.matvec(x)
        beta = length(u)
        u = over(1.0, beta) * u
        return u, beta, *self.unit(self.a.rmatvec(u))

    @staticmethod
    def unit(v: Any) -> tuple[Any, Any]:
        norm = length(v)
        return over(1.0, norm) * v, norm

    def advanced(self, s: dict[str, Any]) -> tuple[Any, ...]:
        """The next u and v, with their lengths beta and alfa."""
        u, beta = self.unit(self.a.matvec(s["v"]) - s["alfa"] * s["u"])
        return u, beta, *self.unit(self.a.rmatvec(u) - beta * s["v"])

    @abstractmethod
    def step(self, s: dict[str, Any]) -> dict[str, Any]:
        """The state after one more step."""

    def iterated(self, state: dict[str, Any], keys: str) -> tuple[Any, ...]:
        zero = np.int64(0)
        state = state | {"istop": zero, "itn": zero}
        go_on = lambda s: (s["istop"] == 0) & (s["itn"] < self.most) & (s["arnorm"] > 0)
        s = while_loop(go_on, self.step, state)
        return tuple(s[key] for key in keys.split())

    def reason(self, s: dict[str, Any]) -> Any:
        """SciPy's number for why the iteration ends, 0 if it goes on."""
        eps = np.finfo(np.float64).eps
        scale = over(s["anorm"] * s["xnorm"], self.bnorm)
        first = over(s["rnorm"], self.bnorm)
        second = s["arnorm"] / (s["anorm"] * s["rnorm"] + eps)
        third = 1 / (s["acond"] + eps)
        why = np.where(s["itn"] >= self.most, 7, 0)
        why = np.where(1 + third <= 1, 6, why)
        why = np.where(1 + second <= 1, 5, why)
        why = np.where(1 + first / (1 + scale) <= 1, 4, why)
        why = np.where(third <= self.ctol, 3, why)
        why = np.where(second <= self.atol, 2, why)
        return np.where(first <= self.btol + self.atol * scale, 1, why)[()]


class _Bidiagonalization(_Iteration):
    """The iteration of LSQR, in the words of its authors."""

    @staticmethod
    @override
    def default_most(m: int, n: int) -> int:
        return 2 * n

    def run(self, x: Any) -> tuple[Any, ...]:
        """x, istop, itn, r1norm, r2norm, anorm, acond, arnorm and xnorm."""
        u, beta, v, alfa = self.begun(x)
        zero = 0 * beta
        state = {
            "x": x, "u": u, "v": v, "w": v, "alfa": alfa, "rhobar": alfa, "phibar": beta,
            "anorm": zero, "acond": zero, "ddnorm": zero, "res2": zero, "xnorm": zero,
            "xxnorm": zero, "z": zero, "cs2": zero - 1, "sn2": zero, "rnorm": beta,
            "r1norm": beta, "arnorm": alfa * beta, "istop": np.int64(0), "itn": np.int64(0),
        }  # fmt: skip
        go_on = lambda s: (s["istop"] == 0) & (s["itn"] < self.most) & (s["arnorm"] > 0)
        s = while_loop(go_on, self.step, state)
        keys = ["x", "istop", "itn", "r1norm", "rnorm", "anorm", "acond", "arnorm", "xnorm"]
        return tuple(s[key] for key in keys)

    @override
    def step(self, s: dict[str, Any]) -> dict[str, Any]:
        u, beta, v, alfa = self.advanced(s)
        damp2 = self.damp * self.damp
        anorm = np.sqrt(s["anorm"] ** 2 + s["alfa"] ** 2 + beta**2 + damp2)
        bar = np.sqrt(s["rhobar"] ** 2 + damp2)
        psi = over(self.damp, bar) * s["phibar"]
        phibar = over(s["rhobar"], bar) * s["phibar"]
        rho = np.sqrt(bar * bar + beta * beta)
        cs, sn = over(bar, rho), over(beta, rho)
        theta, phi = sn * alfa, cs * phibar
        new = {
            "x": s["x"] + over(phi, rho) * s["w"], "u": u, "v": v,
            "w": v - over(theta, rho) * s["w"], "alfa": alfa, "rhobar": -cs * alfa,
            "phibar": sn * phibar, "anorm": anorm, "res2": s["res2"] + psi * psi,
            "ddnorm": s["ddnorm"] + length(over(1.0, rho) * s["w"]) ** 2,
            "arnorm": alfa * np.abs(sn * phi), "itn": s["itn"] + 1,
        }  # fmt: skip
        new |= self.norms(s, rho, theta, phi)
        new["acond"] = anorm * np.sqrt(new["ddnorm"])
        new["rnorm"] = np.sqrt(new["phibar"] ** 2 + new["res2"])
        square = new["rnorm"] ** 2 - damp2 * new["xxnorm"]
        new["r1norm"] = np.sign(square) * np.sqrt(np.abs(square))
        return new | {"istop": self.reason(new)}

    @staticmethod
    def norms(s: dict[str, Any], rho: Any, theta: Any, phi: Any) -> dict[str, Any]:
        """The norm of x, by rotations."""
        right, gambar = phi - s["sn2"] * rho * s["z"], -s["cs2"] * rho
        gamma = np.sqrt(gambar**2 + theta**2)
        z = over(right, gamma)
        xnorm = np.sqrt(s["xxnorm"] + over(right, gambar) ** 2)
        rotated = {"cs2": over(gambar, gamma), "sn2": over(theta, gamma)}
        return rotated | {"z": z, "xnorm": xnorm, "xxnorm": s["xxnorm"] + z * z}


class _Minimal(_Iteration):
    """The iteration of LSMR, in the words of its authors."""

    def run(self, x: Any) -> tuple[Any, ...]:
        """x, istop, itn, normr, normar, norma, conda and normx."""
        u, beta, v, alfa = self.begun(x)
        zero, one = 0 * beta, 0 * beta + 1
        state = {
            "x": x, "u": u, "v": v, "h": v, "hbar": 0 * v, "alfa": alfa, "alphabar": alfa,
            "zetabar": alfa * beta, "rho": one, "rhobar": one, "cbar": one, "sbar": zero,
            "betadd": beta, "betad": zero, "rhodold": one, "tautilde": zero, "thetatilde": zero,
            "zeta": zero, "d": zero, "square": alfa * alfa, "maxrbar": zero,
            "minrbar": zero + 1e100, "anorm": alfa, "acond": one, "xnorm": zero, "rnorm": beta,
            "arnorm": alfa * beta,
        }  # fmt: skip
        return self.iterated(state, "x istop itn rnorm arnorm anorm acond xnorm")

    @override
    def step(self, s: dict[str, Any]) -> dict[str, Any]:
        u, beta, v, alfa = self.advanced(s)
        hat, alphahat = _rotation(s["alphabar"], self.damp)
        (c, sine), rho = _rotation(alphahat, beta)
        thetanew = sine * alfa
        thetabar, rhotemp = s["sbar"] * rho, s["cbar"] * rho
        (cbar, sbar), rhobar = _rotation(rhotemp, thetanew)
        zeta = cbar * s["zetabar"]
        hbar = s["h"] - over(thetabar * rho, s["rho"] * s["rhobar"]) * s["hbar"]
        x = s["x"] + over(zeta, rho * rhobar) * hbar
        new = {
            "x": x, "u": u, "v": v, "alfa": alfa, "hbar": hbar,
            "h": v - over(thetanew, rho) * s["h"], "alphabar": c * alfa, "rho": rho,
            "rhobar": rhobar, "cbar": cbar, "sbar": sbar, "zeta": zeta,
            "zetabar": -sbar * s["zetabar"], "itn": s["itn"] + 1, "xnorm": length(x),
            "arnorm": np.abs(sbar * s["zetabar"]), "square": s["square"] + beta**2 + alfa**2,
            "anorm": np.sqrt(s["square"] + beta**2),
            "maxrbar": np.maximum(s["maxrbar"], s["rhobar"]),
            "minrbar": np.where(s["itn"] > 0, np.minimum(s["minrbar"], s["rhobar"]), 1e100),
        }  # fmt: skip
        highest = np.maximum(new["maxrbar"], rhotemp)
        new["acond"] = highest / np.minimum(new["minrbar"], rhotemp)
        new |= self.residual(s, hat, (c, sine), thetabar, rhobar, zeta)
        return new | {"istop": self.reason(new)}

    @staticmethod
    def residual(
        s: dict[str, Any], hat: Any, turn: Any, thetabar: Any, rhobar: Any, zeta: Any
    ) -> dict[str, Any]:
        """The norm of the residual, by rotations."""
        acute, check = hat[0] * s["betadd"], -hat[1] * s["betadd"]
        betahat, betadd = turn[0] * acute, -turn[1] * acute
        (ctilde, stilde), rhotilde = _rotation(s["rhodold"], thetabar)
        thetatilde, rhodold = stilde * rhobar, ctilde * rhobar
        betad = -stilde * s["betad"] + ctilde * betahat
        tautilde = over(s["zeta"] - s["thetatilde"] * s["tautilde"], rhotilde)
        taud = over(zeta - thetatilde * tautilde, rhodold)
        d = s["d"] + check * check
        return {
            "betad": betad, "betadd": betadd, "thetatilde": thetatilde, "rhodold": rhodold,
            "tautilde": tautilde, "d": d,
            "rnorm": np.sqrt(d + (betad - taud) ** 2 + betadd * betadd),
        }  # fmt: skip


def _rotation(a: Any, b: Any) -> tuple[tuple[Any, Any], Any]:
    """The cosine and sine that rotate (a, b) to (r, 0), and r."""
    r = np.sqrt(a * a + b * b)
    return (over(a, r), over(b, r)), r
