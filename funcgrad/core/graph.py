"""The graph of a program as SVG: a box for each equation, below those that it reads.

Source: Sugiyama et al. 1981, layers by the longest path, then order by the mean of the neighbours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

EQUATIONS = 60  # of the largest graph that is drawn
LETTER, HEIGHT, GAP = 7.2, 22, 26  # of a character, a box, and the space between layers
SWEEPS = 4


@dataclass(eq=False, slots=True)
class Box:
    """An input, an equation or an output; ``of`` are the boxes that it reads, by their outputs."""

    text: str
    kind: str
    of: list["Box"] = field(default_factory=list)
    hint: str = ""
    layer: int = 0
    x: float = 0.0

    @property
    def width(self) -> float:
        return LETTER * len(self.text) + 14


def drawing(jaxpr: Any) -> str:
    """The SVG of a program, "" for one that is too large to be read."""
    if not 0 < len(jaxpr.eqns) <= EQUATIONS:
        return ""
    layers = _layers(_boxes(jaxpr))
    _place(layers)
    width = max(sum(box.width + 12 for box in layer) for layer in layers)
    height = len(layers) * (HEIGHT + GAP)
    parts = [_edge(box, other) for layer in layers for box in layer for other in box.of]
    parts += [_shape(box) for layer in layers for box in layer]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
        f'viewBox="0 0 {width:.0f} {height}" font-family="monospace" font-size="12">'
        f"{''.join(parts)}</svg>"
    )


def _boxes(jaxpr: Any) -> list[Box]:
    """The boxes of a program: inputs that are read, equations, outputs."""
    of: dict[Any, Box] = {}
    for var in (*jaxpr.constvars, *jaxpr.invars):
        of[var] = Box(str(var.aval), "input")
    boxes = []
    for eqn in jaxpr.eqns:
        literals = [str(a.value) for a in eqn.ins if hasattr(a, "value")]
        text = " ".join([eqn.prim.name, *(x for x in literals if len(x) < 9)])
        box = Box(text, "eqn", _known(of, eqn.ins), f"{eqn.source} {_avals(eqn.outs)}")
        boxes.append(box)
        of.update(dict.fromkeys(eqn.outs, box))
    ends = [Box(str(v.aval), "output", _known(of, [v])) for v in jaxpr.outvars]
    return [*(box for box in of.values() if box.kind == "input"), *boxes, *ends]


def _known(of: Mapping[Any, Box], atoms: Sequence[Any]) -> list[Box]:
    found = [of[a] for a in atoms if not hasattr(a, "value")]
    return list({id(box): box for box in found}.values())


def _avals(variables: Sequence[Any]) -> str:
    return " ".join(str(v.aval) for v in variables)


def _layers(boxes: Sequence[Box]) -> list[list[Box]]:
    """The boxes by their layers; an input stands just above its first reader."""
    for box in boxes:  # in the order of the program
        box.layer = 1 + max((other.layer for other in box.of), default=-1)
    for box in reversed(boxes):
        readers = [other.layer for other in boxes if box in other.of]
        if box.kind == "input" and readers:
            box.layer = min(readers) - 1
    layers: list[list[Box]] = [[] for _ in range(1 + max(box.layer for box in boxes))]
    for box in boxes:
        layers[box.layer].append(box)
    return [layer for layer in layers if layer]


def _place(layers: Sequence[list[Box]]) -> None:
    """Order the boxes of each layer by the mean place of their neighbours; centre the layers."""
    readers: dict[int, list[Box]] = {}
    for layer in layers:
        for box in layer:
            for other in box.of:
                readers.setdefault(id(other), []).append(box)
    for sweep in range(SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            near = (lambda b: b.of) if sweep % 2 == 0 else (lambda b: readers.get(id(b), []))
            layer.sort(key=lambda b: sum(o.x for o in near(b)) / len(near(b)) if near(b) else b.x)
            x = -sum(box.width + 12 for box in layer) / 2
            for box in layer:
                box.x = x + (box.width + 12) / 2
                x += box.width + 12
    left = min(box.x - box.width / 2 for layer in layers for box in layer) - 6
    for depth, layer in enumerate(layers):
        for box in layer:
            box.x, box.layer = box.x - left, depth


def _top(box: Box) -> float:
    return box.layer * (HEIGHT + GAP) + GAP / 2


def _edge(box: Box, other: Box) -> str:
    start, end = _top(other) + HEIGHT, _top(box)
    middle = (start + end) / 2
    return (
        f'<path d="M{other.x:.0f},{start:.0f} C{other.x:.0f},{middle:.0f} {box.x:.0f},{middle:.0f} '
        f'{box.x:.0f},{end:.0f}" fill="none" stroke="currentColor" opacity="0.4"/>'
    )


def _shape(box: Box) -> str:
    x, y, round_ = box.x - box.width / 2, _top(box), 3 if box.kind == "eqn" else HEIGHT / 2
    dashed = "" if box.kind == "eqn" else ' stroke-dasharray="3 2"'
    return (
        f'<g><title>{escape(box.hint or box.text)}</title><rect x="{x:.0f}" y="{y:.0f}" '
        f'width="{box.width:.0f}" height="{HEIGHT}" rx="{round_:.0f}" fill="currentColor" '
        f'fill-opacity="0.06" stroke="currentColor" stroke-opacity="0.5"{dashed}/>'
        f'<text x="{box.x:.0f}" y="{y + 15:.0f}" text-anchor="middle">{escape(box.text)}</text></g>'
    )
