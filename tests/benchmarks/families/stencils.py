"""Stencils: partial differential equations and images."""

import numpy as np

from ..workload import family

workload = family("PDE and image stencils", "float64")


def laplacian(xp, u):
    """Five-point Laplacian with periodic boundaries."""
    near = xp.roll(u, 1, 0) + xp.roll(u, -1, 0) + xp.roll(u, 1, 1) + xp.roll(u, -1, 1)
    return near - 4.0 * u


def smooth(rng, n):
    grid = np.linspace(0.0, 2.0 * np.pi, n, endpoint=False)
    a, b = rng.uniform(0.5, 1.5, 2)
    return np.sin(grid)[:, None] * a + np.cos(2.0 * grid)[None, :] * b


def heat_inputs(rng, n):
    return smooth(rng, n), smooth(rng, n), 0.1 + 0.05 * rng.uniform(size=(n, n)), np.zeros(20)


@workload(sizes=(32, 384), tiny=4, inputs=heat_inputs)
def heat(lib):
    """Start of the heat equation from its end: 20 steps by scan of rolls, n x n"""
    xp = lib.np

    def loss(u, target, diffusivity, steps):
        step = lambda u, _: (u + diffusivity * laplacian(xp, u), None)
        u, _ = lib.scan(step, u, steps)
        return xp.sum((u - target) ** 2) / u.size

    return lib.value_and_grad(loss)


@workload(
    sizes=(32, 1024),
    tiny=4,
    inputs=lambda rng, n: (smooth(rng, n) + 0.1 * rng.normal(size=(n, n)), smooth(rng, n)),
)
def total_variation(lib):
    """Denoising: smoothed total variation of an n x n image plus squared error"""
    xp = lib.np

    def loss(image, noisy):
        dx = image[1:, :-1] - image[:-1, :-1]
        dy = image[:-1, 1:] - image[:-1, :-1]
        return xp.sum(xp.sqrt(dx**2 + dy**2 + 1e-3)) + 5.0 * xp.sum((image - noisy) ** 2)

    return lib.value_and_grad(loss)


def wave_inputs(rng, n):
    return 0.3 + 0.1 * smooth(rng, n) ** 2, np.eye(1, n * n, n * n // 2).reshape(n, n), np.ones(30)


@workload(sizes=(24, 192), tiny=4, inputs=wave_inputs)
def wave(lib):
    """Acoustic wave, 30 steps by scan of padded slices, gradient of the n x n medium"""
    xp = lib.np

    def loss(medium, start, pulses):
        def step(state, pulse):
            u, before = state
            p = xp.pad(u, 1, "constant")
            near = p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2] - 4.0 * u
            after = 2.0 * u - before + 0.3 * medium * near + 0.01 * pulse * start
            return (after, u), after[0, :]

        _, seen = lib.scan(step, (start, start), pulses)
        return xp.sum(seen**2) + 1e-3 * xp.sum(medium**2)

    return lib.value_and_grad(loss)


def burgers_inputs(rng, n):
    grid = np.linspace(0.0, 2.0 * np.pi, n, endpoint=False)
    return [np.sin(grid) + 0.1 * rng.normal(size=n), np.log(0.05) * np.ones(())], np.ones(100)


@workload(sizes=(50, 5000), tiny=5, inputs=burgers_inputs)
def burgers(lib):
    """Burgers' equation on n points, 100 explicit steps by scan, upwind by a select"""
    xp = lib.np

    def loss(params, steps):
        start, viscosity = params[0], xp.exp(params[1])

        def step(u, _):
            left, right = xp.roll(u, 1), xp.roll(u, -1)
            slope = xp.where(u > 0.0, u - left, right - u)
            return u - 0.05 * u * slope + 0.05 * viscosity * (left + right - 2.0 * u), None

        u, _ = lib.scan(step, start, steps)
        return xp.sum(u**2) / u.size

    return lib.value_and_grad(loss)


def reaction_inputs(rng, n):
    u, v = 1.0 - 0.1 * rng.uniform(size=(n, n)), 0.1 * rng.uniform(size=(n, n))
    return np.array([0.055, 0.062, 0.16, 0.08]), u, v


@workload(sizes=(24, 256), tiny=4, inputs=reaction_inputs)
def reaction_diffusion(lib):
    """Gray-Scott reaction and diffusion on n x n, 4 steps in a Python loop, rates learned"""
    xp = lib.np

    def loss(rates, u, v):
        feed, kill, du, dv = rates
        for _ in range(4):
            reaction = u * v * v
            u, v = (
                u + du * laplacian(xp, u) - reaction + feed * (1.0 - u),
                v + dv * laplacian(xp, v) + reaction - (feed + kill) * v,
            )
        return xp.sum(v**2) / v.size + xp.sum(u * v) / v.size

    return lib.value_and_grad(loss)


def deconvolution_inputs(rng, n):
    return smooth(rng, n), rng.uniform(size=(5, 5)) / 25.0, rng.normal(size=(n - 4, n - 4))


@workload(sizes=(32, 512), tiny=7, inputs=deconvolution_inputs)
def deconvolution(lib):
    """Deblurring of an n x n image by a 5 x 5 kernel of shifted slices, Huber loss"""
    xp = lib.np

    def loss(image, kernel, seen):
        rows, columns = seen.shape
        blurred = sum(
            kernel[i, j] * image[i : i + rows, j : j + columns] for i in range(5) for j in range(5)
        )
        error = xp.abs(blurred - seen)
        small = xp.minimum(error, 1.0)
        return xp.sum(small * (error - 0.5 * small))

    return lib.value_and_grad(loss)


def poisson_equation_inputs(rng, n):
    return rng.normal(size=(n, n)), 1.0 + rng.uniform(size=(n, n))


@workload(sizes=(24, 256), tiny=4, inputs=poisson_equation_inputs)
def jacobi(lib):
    """Poisson's equation by 15 Jacobi sweeps of interior slices, joined to fixed boundaries"""
    xp = lib.np

    def loss(source, weight):
        u = xp.zeros(source.shape, dtype=weight.dtype)
        for _ in range(15):
            near = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]
            u = xp.pad(0.25 * (near - source[1:-1, 1:-1]), 1, "constant")
        return xp.sum(weight * u**2)

    return lib.value_and_grad(loss)
