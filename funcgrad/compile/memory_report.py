"""The report of a compiled program's planned memory."""

from typing import NamedTuple


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
            f"planned peak {_size(total)}: workspace {_size(self.workspace)}, arguments "
            f"{_size(self.arguments)}, outputs {_size(self.outputs)}, constants "
            f"{_size(self.constants)}"
        ]
        fullest = sorted(range(len(self.equations)), key=lambda i: -self.equations[i][1])[:8]
        for i in sorted(fullest):
            words, live = self.equations[i]
            rows.append(f"  equation {i:4}: {_size(live):>9} live at {words}")
        return "\n".join(rows)


def _size(n: int) -> str:
    """A number of bytes with a unit.

    >>> _size(1536)
    '1.5 kB'
    """
    amount = float(n)
    for unit in ("B", "kB", "MB"):
        if amount < 1024:
            return f"{amount:.{0 if unit == 'B' else 1}f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GB"
