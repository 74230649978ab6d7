"""The report of a compiled program's planned memory."""

from typing import NamedTuple

from ..core.outline import amount
from ..core.registry import load


class MemoryReport(NamedTuple):
    """The planned memory of one call, in bytes; it prints as a table of the largest moments.

    ``workspace`` holds temporaries and is kept between calls; ``peak`` is the most of it that is
    live at once; ``arguments``, ``outputs`` and ``constants`` lie outside of it.
    """

    workspace: int
    peak: int
    arguments: int
    outputs: int
    constants: int
    equations: tuple[tuple[str, int], ...]  # descriptions, in order, with the bytes live at each

    def __repr__(self) -> str:
        total = self.workspace + self.arguments + self.outputs + self.constants
        rows = [
            f"planned peak {amount(total)}: workspace {amount(self.workspace)}, arguments "
            f"{amount(self.arguments)}, outputs {amount(self.outputs)}, constants "
            f"{amount(self.constants)}"
        ]
        fullest = sorted(range(len(self.equations)), key=lambda i: -self.equations[i][1])[:8]
        for i in sorted(fullest):
            words, live = self.equations[i]
            rows.append(f"  equation {i:4}: {amount(live):>9} live at {words}")
        return "\n".join(rows)

    def _repr_html_(self) -> str:
        html = load("funcgrad.core.html")
        sizes = zip(self._fields[:-1], map(amount, self[:-1]), strict=True)
        whole = html.table(("memory", "bytes"), [*sizes], texts=1)
        return str(html.page(whole, html.folded("largest moments", repr(self))))
