"""The minimal surface that a soap film forms in a frame: a nonlinear equation in two dimensions.

The area of a surface of triangles is minimized by Newton's method with a sparse Hessian. The frame
is cut from Scherk's surface, so that the solution is known.

Source: Scherk 1835: cos x exp z = cos y is a minimal surface.
"""

import time

import numpy as np
from common import make_parser, picture, positive_int

import funcgrad as fg

try:
    from scipy.sparse.linalg import spsolve
except ImportError:
    raise SystemExit("soap_film.py: SciPy is not installed: pip install scipy") from None

SIDE = 2.0  # of the square around 0


def scherk(n):
    """Heights of Scherk's surface on n x n points."""
    x = np.linspace(-SIDE / 2, SIDE / 2, n)
    return np.log(np.cos(x)[None, :] / np.cos(x)[:, None])


def area(heights):
    """The area of two triangles in each cell, from heights [n, n]."""
    step = SIDE / (len(heights) - 1)
    across = np.diff(heights, axis=1) / step  # [n, n - 1]
    along = np.diff(heights, axis=0) / step  # [n - 1, n]
    lower = np.sqrt(1 + across[:-1] ** 2 + along[:, :-1] ** 2)
    upper = np.sqrt(1 + across[1:] ** 2 + along[:, 1:] ** 2)
    return step**2 / 2 * np.sum(lower + upper)


def film(frame):
    """Newton's method for the heights inside, from a flat film: the heights and the Hessian."""
    n = len(frame) - 2

    def of_inside(inside):
        heights = fg.at(frame)[1:-1, 1:-1].set(inside.reshape(n, n))
        return area(heights)

    evaluate = fg.jit(fg.value_and_grad(of_inside))
    hessian = fg.jit(fg.sparse.hessian(of_inside))
    inside = np.zeros(n * n)
    value, gradient = evaluate(inside)
    for iteration in range(1, 50):
        matrix = hessian(inside)
        step = spsolve(matrix.to_scipy().tocsc(), -gradient, permc_spec="MMD_AT_PLUS_A")
        length = 1.0
        while (new := evaluate(inside + length * step))[
            0
        ] > value + 1e-4 * length * gradient @ step:
            length /= 2
            if length < 1e-6:
                break
        inside, (value, gradient) = inside + length * step, new
        size = np.max(np.abs(gradient))
        print(f"step {iteration}   area {value:.10f}   gradient {size:.1e}", flush=True)
        if size < 1e-12:
            break
    heights = frame.copy()
    heights[1:-1, 1:-1] = inside.reshape(n, n)
    return heights, matrix


def draw(axes, heights):
    x = np.linspace(-SIDE / 2, SIDE / 2, len(heights))
    axes[0].contourf(x, x, heights, 30, cmap="RdBu")
    axes[0].set(aspect="equal", xlabel="x", ylabel="y", title="height")


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--points", type=positive_int, default=202, help="a side (default: 202)")
    parser.add_argument("--picture", metavar="FILE", help="to draw the film in, by matplotlib")
    args = parser.parse_args()

    truth = scherk(args.points)
    frame = truth.copy()
    frame[1:-1, 1:-1] = 0.0
    start = time.perf_counter()
    heights, matrix = film(frame)
    seconds = time.perf_counter() - start

    print(repr(matrix).splitlines()[0])
    print(f"heights against Scherk's surface  {np.max(np.abs(heights - truth)):.1e}")
    print(f"{seconds:.1f} s")
    if args.picture:
        picture(args.picture, lambda axes: draw(axes, heights))


if __name__ == "__main__":
    main()
