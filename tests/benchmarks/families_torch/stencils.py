"""Stencils, in PyTorch."""

import torch
import torch.nn.functional as F  # noqa: N812 (as its users write it)


def laplacian(u):
    near = torch.roll(u, 1, 0) + torch.roll(u, -1, 0) + torch.roll(u, 1, 1) + torch.roll(u, -1, 1)
    return near - 4.0 * u


def heat(u, target, diffusivity, steps):
    for _ in range(len(steps)):
        u = u + diffusivity * laplacian(u)
    return ((u - target) ** 2).mean()


def total_variation(image, noisy):
    dx = image[1:, :-1] - image[:-1, :-1]
    dy = image[:-1, 1:] - image[:-1, :-1]
    return torch.sqrt(dx**2 + dy**2 + 1e-3).sum() + 5.0 * ((image - noisy) ** 2).sum()


def wave(medium, start, pulses):
    u = before = start
    total = 1e-3 * torch.sum(medium**2)
    for pulse in pulses:
        p = F.pad(u, (1, 1, 1, 1))
        near = p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2] - 4.0 * u
        u, before = 2.0 * u - before + 0.3 * medium * near + 0.01 * pulse * start, u
        total = total + torch.sum(u[0] ** 2)
    return total


def burgers(params, steps):
    u, viscosity = params[0], torch.exp(params[1])
    for _ in range(len(steps)):
        left, right = torch.roll(u, 1), torch.roll(u, -1)
        slope = torch.where(u > 0.0, u - left, right - u)
        u = u - 0.05 * u * slope + 0.05 * viscosity * (left + right - 2.0 * u)
    return (u**2).mean()


def reaction_diffusion(rates, u, v):
    feed, kill, du, dv = rates
    for _ in range(4):
        reaction = u * v * v
        u, v = (
            u + du * laplacian(u) - reaction + feed * (1.0 - u),
            v + dv * laplacian(v) + reaction - (feed + kill) * v,
        )
    return (v**2).mean() + (u * v).mean()


def deconvolution(image, kernel, seen):
    error = F.conv2d(image[None, None], kernel[None, None])[0, 0] - seen
    return F.huber_loss(error, torch.zeros_like(error), reduction="sum")


def jacobi(source, weight):
    u = torch.zeros_like(source)
    for _ in range(15):
        near = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2]
        u = F.pad(0.25 * (near - source[1:-1, 1:-1]), (1, 1, 1, 1))
    return torch.sum(weight * u**2)
