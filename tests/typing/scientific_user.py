"""A scientific user: derivatives of plain NumPy functions, batched, compiled and solved for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import funcgrad as fg
from funcgrad import tree

Vector = NDArray[np.float64]


@tree.register_dataclass
@dataclass(frozen=True)
class Oscillator:
    """The parameters of a damped oscillator."""

    frequency: float
    damping: float


def displacement(p: Oscillator, t: Vector) -> Vector:
    wave: Vector = np.exp(-p.damping * t) * np.cos(p.frequency * t)
    return wave


def misfit(p: Oscillator, t: Vector, y: Vector) -> Any:
    return np.mean((displacement(p, t) - y) ** 2)


@fg.custom_jvp
def cube(x: Any) -> Any:
    return x**3


@cube.defjvp
def cube_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (t,) = primals, tangents
    return x**3, 3 * x**2 * t


t = np.linspace(0.0, 5.0, 50)
truth = Oscillator(2.0, 0.3)
guess = Oscillator(1.9, 0.2)
y = displacement(truth, t)

value, slopes = fg.value_and_grad(misfit)(guess, t, y)
frequency: float = float(slopes.frequency)
rows: Vector = fg.jacfwd(displacement)(guess, t).damping
curvature: Any = fg.hessian(misfit)(guess, t, y)
out, tangent = fg.jvp(lambda p: displacement(p, t), (guess,), (Oscillator(1.0, 0.0),))
primal, pullback = fg.vjp(lambda p: displacement(p, t), guess)
(cotangent,) = pullback(np.ones_like(primal))
batched: Vector = fg.vmap(cube)(np.arange(3.0))
fast = fg.jit(fg.grad(misfit))
third: float = float(fg.grad(fg.grad(fg.grad(cube)))(1.0))
total: Oscillator = tree.map(lambda a, b: a + b, truth, guess)
carry, steps = fg.lax.scan(lambda c, x: (c + x, c), 0.0, t)

print(f"{float(value):.4f} {frequency:.4f} {rows.shape} {batched[2]} {third} {total.damping}")
print(float(fast(guess, t, y).damping), tangent.shape, float(cotangent.frequency), float(carry))
