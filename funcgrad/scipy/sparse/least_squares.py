"""Least squares of sparse systems, by bidiagonalization, with the derivatives of the solution."""

from typing import Any

import numpy as np

from ...control.loops import while_loop
from ...control.solve import custom_linear_solve
from ...core.avals import aval_of, dtype_of, is_inexact, shape_of
from ...core.errors import ShapeError, UnsupportedError
from ...core.lazy import answering
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
    a, b = aslinearoperator(A), strong(operand(b))
    b = b if is_inexact(dtype_of(b)) else cast(b, np.float64)
    b = cast(b, np.result_type(dtype_of(b), a.dtype))
    m, n = a.shape
    if shape_of(b) != (m,):
        raise ShapeError(f"lsqr: b must have the shape [{m}]: got {aval_of(b)}")
    start = np.zeros(n, dtype_of(b)) if x0 is None else stop_gradient(operand(x0))
    most = 2 * n if iter_lim is None else int(iter_lim)
    still = stop_gradient(b), stop_gradient(damp)
    found = _Bidiagonalization(a, *still, atol, btol, conlim, most).run(cast(start, dtype_of(b)))
    x, *rest = map(stop_gradient, found)
    if m < n and isinstance(damp, int | float) and damp == 0:
        x = start + a.rmatvec(_solution(lambda v: a.matvec(a.rmatvec(v)), b - a.matvec(start)))
    else:  # the rest is small, but it has the derivatives of the whole
        apply = lambda v: a.rmatvec(a.matvec(v)) + damp * damp * v
        x = x + _solution(apply, a.rmatvec(b) - apply(x))
    return (x, *rest, np.zeros(n))


def _solution(apply: Map, right: Any) -> Any:
    def solve(matvec: Map, r: Any) -> Any:
        most = 10 * max(aval_of(r).size, 1)
        return conjugate(matvec, r, r * 0, lambda v: v, 1e-14 * length(r), most)

    return custom_linear_solve(apply, right, solve, symmetric=True)


class _Bidiagonalization:
    """The iteration of LSQR, in the words of its authors."""

    def __init__(
        self, a: LinearOperator, b: Any, damp: Any, atol: float, btol: float, conlim: float,
        most: int,
    ) -> None:  # fmt: skip
        self.a, self.b, self.damp, self.most = a, b, damp, most
        self.atol, self.btol, self.bnorm = atol, btol, length(b)
        self.ctol = 1 / conlim if conlim > 0 else 0.0

    def run(self, x: Any) -> tuple[Any, ...]:
        """x, istop, itn, r1norm, r2norm, anorm, acond, arnorm and xnorm."""
        u = self.b - self.a.matvec(x)
        beta = length(u)
        u = over(1.0, beta) * u
        v = self.a.rmatvec(u)
        alfa = length(v)
        v = over(1.0, alfa) * v
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

    def step(self, s: dict[str, Any]) -> dict[str, Any]:
        u = self.a.matvec(s["v"]) - s["alfa"] * s["u"]
        beta = length(u)
        u = over(1.0, beta) * u
        damp2 = self.damp * self.damp
        anorm = np.sqrt(s["anorm"] ** 2 + s["alfa"] ** 2 + beta**2 + damp2)
        v = self.a.rmatvec(u) - beta * s["v"]
        alfa = length(v)
        v = over(1.0, alfa) * v
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
