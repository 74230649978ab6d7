"""Shared code of the example scripts: data, the split, options, and printed tables.

Plain NumPy; see ``examples/data/README.md`` for the origin of the data.
"""

import argparse
import gzip
import math
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

DATA = Path(__file__).parent / "data"


class Table(NamedTuple):
    """The expected content of a file; the last column is the target."""

    rows: int
    columns: int
    x_dtype: type
    y_dtype: type


# fmt: off
TABLES = {
    "digits":        Table(1797, 65, np.uint8, np.int64),
    "breast_cancer": Table(569, 31, np.float64, np.int64),
    "diabetes":      Table(442, 11, np.float64, np.float64),
}
# fmt: on


def load(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The inputs and targets of a table that ships with the examples.

    Args:
        name: "digits" (x: u8[1797,64] in 0..16, y: the digit), "breast_cancer" (x: f64[569,30],
            y: 1 if benign) or "diabetes" (x: f64[442,10], y: progression, f64).

    Raises:
        ValueError: if the name is unknown, or the file is damaged.
        FileNotFoundError: if its file is missing.

    >>> x, y = load("digits")
    >>> x.shape, y.shape
    ((1797, 64), (1797,))
    """
    if name not in TABLES:
        raise ValueError(f"load: there is no table {name!r}; choose one of {', '.join(TABLES)}")
    want, path = TABLES[name], DATA / f"{name}.csv.gz"
    if not path.is_file():
        raise FileNotFoundError(
            f"load: {path} is missing; run the examples from a whole checkout of the repository"
        )
    try:
        table = np.loadtxt(path, delimiter=",", skiprows=1)
    except (OSError, EOFError, ValueError, zlib.error) as err:
        raise ValueError(f"load: {path} is damaged ({err}); check it out again") from err
    if table.shape != (want.rows, want.columns):
        raise ValueError(
            f"load: {path} should hold {want.rows} rows of {want.columns} numbers: got "
            f"{table.shape}; check it out again"
        )
    return table[:, :-1].astype(want.x_dtype), table[:, -1].astype(want.y_dtype)


def names() -> tuple[np.ndarray, np.ndarray]:
    """First names, [5163] of strings, and labels: 1 for more women than men with that name.

    >>> words, y = names()
    >>> words[:2], y[:2]
    (array(['aaron', 'abbey'], dtype='<U11'), array([0, 1]))
    """
    rows = [line.split(",") for line in _text("names.csv.gz").splitlines()[1:]]
    return np.array([word for word, _ in rows]), np.array([int(y) for _, y in rows])


def book() -> str:
    """The text of Alice's Adventures in Wonderland.

    >>> book().splitlines()[2]
    'Down the Rabbit-Hole'
    """
    return _text("alice.txt.gz")


def _text(name: str) -> str:
    path = DATA / name
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing; run the examples from a whole checkout of the repository"
        )
    return gzip.decompress(path.read_bytes()).decode("utf-8")


def split(
    x: np.ndarray, y: np.ndarray, fraction: float = 0.2, seed: int = 0
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """A random split into ``(x, y)`` for training and ``(x, y)`` for testing.

    Args:
        x: [N, ...], one row per example.
        y: [N, ...], the targets.
        fraction: float in (0, 1), the fraction for testing.
        seed: int, the seed of the split.

    Raises:
        ValueError: if x and y differ in length, or a part would be empty.
    """
    if len(x) != len(y):
        raise ValueError(
            f"split: x and y must have the same length: got {len(x)} and {len(y)} rows"
        )
    count = round(len(x) * fraction)
    if not 0 < count < len(x):
        raise ValueError(
            f"split: fraction must leave rows in both parts: got {fraction} of {len(x)} rows"
        )
    order = np.random.default_rng(seed).permutation(len(x))
    test, train = order[:count], order[count:]
    return (x[train], y[train]), (x[test], y[test])


# options; argparse prints the errors of their types in one line


def positive_int(text: str) -> int:
    return _checked(int, text, lambda n: n > 0, "an integer >= 1")


def non_negative_int(text: str) -> int:
    return _checked(int, text, lambda n: 0 <= n < 2**64, "an integer in [0, 2**64)")


def positive_float(text: str) -> float:
    return _checked(float, text, lambda x: 0 < x < math.inf, "finite and > 0")


def non_negative_float(text: str) -> float:
    return _checked(float, text, lambda x: 0 <= x < math.inf, "finite and >= 0")


def _checked(kind: type, text: str, fits: Callable[[Any], bool], words: str) -> Any:
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not fits(value):
        raise argparse.ArgumentTypeError(f"must be {words}: got {text}")
    return value


# fmt: off
OPTIONS = {
    "epochs": (positive_int,       "passes over the training set"),
    "batch":  (positive_int,       "examples in one step"),
    "rate":   (positive_float,     "learning rate, or its initial value"),
    "decay":  (non_negative_float, "weight decay"),
    "seed":   (non_negative_int,   "of all random numbers"),
}
# fmt: on


def make_parser(description: str | None, **defaults: float) -> argparse.ArgumentParser:
    """A parser with the given options and their defaults.

    >>> make_parser("Learn.", epochs=10, seed=0).parse_args(["--epochs", "3"])
    Namespace(epochs=3, seed=0)
    """
    parser = argparse.ArgumentParser(description=description)
    for name, default in defaults.items():
        kind, words = OPTIONS[name]
        text = f"{words} (default: {default})"
        parser.add_argument(f"--{name}", type=kind, default=default, help=text)
    return parser


def picture(path: str, draw: Callable[[Any], None], columns: int = 1) -> None:
    """Write a file with what ``draw`` draws on a row of axes, by matplotlib if it is installed."""
    try:
        import matplotlib
    except ImportError:
        print("no picture: matplotlib is not installed: pip install matplotlib")
        return
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, columns, squeeze=False, figsize=(6 * columns, 5))
    draw(axes[0])
    figure.savefig(path, dpi=120, bbox_inches="tight")
    pyplot.close(figure)
    print(f"picture in {path}")


class Progress:
    """Print one line per epoch: named scores, and the time left.

    >>> report = Progress(epochs=1)
    >>> report(loss=0.5, accuracy=0.9)
    epoch 1/1   loss 0.5000   accuracy 0.9000   0.0 s left
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.done = 0
        self.start = time.perf_counter()

    def __call__(self, **scores: float) -> None:
        self.done += 1
        left = (time.perf_counter() - self.start) / self.done * (self.epochs - self.done)
        count = f"epoch {self.done:{len(str(self.epochs))}d}/{self.epochs}"
        shown = (f"{name} {float(value):.4f}" for name, value in scores.items())
        print(count, *shown, f"{left:.1f} s left", sep="   ", flush=True)


def summarize(
    title: str,
    model: Any,
    sets: Mapping[str, tuple[np.ndarray, np.ndarray]],
    **measures: Callable[..., Any],
) -> None:
    """Print a table of ``measure(model, x, y)`` for each measure and set.

    >>> sets = {"train": (np.ones(2), np.ones(2)), "test": (np.ones(1), np.zeros(1))}
    >>> summarize("model", 1.0, sets, loss=lambda model, x, y: np.mean((model * x - y) ** 2))
    model    loss
    -------------
    train  0.0000
    test   1.0000
    """
    rows = [(name, *(float(f(model, *s)) for f in measures.values())) for name, s in sets.items()]
    table([(title, *measures), *rows])


def table(rows: Sequence[Sequence[Any]]) -> None:
    """Print aligned rows, the first as the header; floats have four decimals.

    >>> table([("set", "accuracy"), ("train", 1.0), ("test", 0.975)])
    set    accuracy
    ---------------
    train    1.0000
    test     0.9750
    """
    text = [[f"{v:.4f}" if isinstance(v, float | np.floating) else str(v) for v in r] for r in rows]
    widths = [max(map(len, column)) for column in zip(*text, strict=True)]
    for i, (first, *rest) in enumerate(text):
        cells = [v.rjust(n) for v, n in zip(rest, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]).rstrip())
        if i == 0:
            print("-" * (sum(widths) + 2 * len(cells)))
