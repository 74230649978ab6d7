"""Curves over steps as SVG, without matplotlib."""

from collections.abc import Sequence
from html import escape

import numpy as np

WIDTH, HEIGHT, LEFT, BELOW = 300, 120, 56, 18  # of one picture, and its margins
POINTS = 600  # of a curve


def curves(columns: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> str:
    """A picture for each column: its name, the steps and the values, nan where there are none."""
    return "".join(_curve(*column) for column in columns)


def _curve(name: str, steps: np.ndarray, values: np.ndarray) -> str:
    there = np.isfinite(values)
    x, y = steps[there].astype(float), values[there]
    if not len(x):
        return f"<div>{escape(name)}: no finite value</div>"
    every = -(-len(x) // POINTS)
    x, y = np.append(x[:-1:every], x[-1]), np.append(y[:-1:every], y[-1])
    (low, high), (first, last) = (y.min(), y.max()), (x.min(), x.max())
    across = LEFT + (x - first) / ((last - first) or 1.0) * (WIDTH - LEFT - 8)
    up = 20 + (high - y) / ((high - low) or 1.0) * (HEIGHT - 20 - BELOW)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, up, strict=True))
    text = lambda a, b, words, end="end": (
        f'<text x="{a}" y="{b}" text-anchor="{end}" opacity="0.7">{escape(words)}</text>'
    )
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" font-size="11" font-family="monospace">'
        f'<rect x="{LEFT}" y="20" width="{WIDTH - LEFT - 8}" height="{HEIGHT - 20 - BELOW}" '
        f'fill="currentColor" fill-opacity="0.04" stroke="currentColor" stroke-opacity="0.2"/>'
        f'<polyline points="{points}" fill="none" stroke="#2a7de1" stroke-width="1.5"/>'
        f'<circle cx="{across[-1]:.1f}" cy="{up[-1]:.1f}" r="2.5" fill="#2a7de1"/>'
        f"{text(LEFT, 13, f'{name} {y[-1]:.4g}', 'start')}{text(LEFT - 4, 28, f'{high:.3g}')}"
        f"{text(LEFT - 4, HEIGHT - BELOW, f'{low:.3g}')}"
        f"{text(LEFT, HEIGHT - 4, f'{first:.0f}', 'start')}"
        f"{text(WIDTH - 8, HEIGHT - 4, f'{last:.0f}')}"
        "</svg>"
    )
