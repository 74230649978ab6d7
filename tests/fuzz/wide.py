"""Programs of every dtype and layout: integers of all widths, extreme numbers, views, empty arrays.

``python -m tests.fuzz --wide --law in_c`` draws them. They have the lines of ``grammar.py`` too.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from . import control, words
from .generate import Generator
from .grammar import LINES
from .programs import literal

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float32", "float64")
DTYPES = frozenset({*INTEGERS, *FLOATS, "complex64", "complex128", "bool"})
PALETTES = [  # the dtypes of a program's inputs, and how often
    (0.25, ("float64", "int64", "uint8")),
    (0.20, ("float32", "int32", "int8")),
    (0.15, ("float64", "float32", "int16", "uint32")),
    (0.15, ("float64", "complex128", "int32", "uint16")),
    (0.10, ("float32", "complex64", "uint64")),
    (0.15, ("float64", *INTEGERS)),
]
SPECIAL = [
    0.0, -0.0, -0.05, 1.0, -1.0, 0.5, 3.0, np.inf, -np.inf, np.nan, 5e-324, -1e-310, 1e-40, 1e300,
    1.7976931348623157e308, 3.4e38, 2.0**31, -(2.0**63), 0.1, 16777217.0,
]  # fmt: skip
LARGEST = 400
LONG = (17, 130, 300)  # more than the lanes of a sum, than its block, than two blocks

# fmt: off
FAMILIES: dict[str, tuple[float, str]] = {
    "every dtype": (10, """
        $i.astype('@dtype')  $b.astype('@dtype')  $i.astype('@real')  $f.astype('@real')
        np.clip(np.nan_to_num($f), -100, 100).astype('@integer')
        np.clip(np.nan_to_num($f), 0, 100).astype('@integer')  $i + $c~  $i / $i~  $f + $i~
        np.where($b, $i~, $f~)  np.where($f > 0, $i~, $i~)  $i.astype('@integer') + $i~
        $f.astype(bool)  $i.astype(bool)  $c.astype('complex64')  np.add($f, $i~)
        $f.astype('float32') * $c~  np.maximum($f, $i~)  np.concatenate([$i1, $f=], axis=@axis)
        np.stack([$i, $b=])  $f == $i~  $f < $i~  $c == $f~  np.float32(0.1) * $f
        np.int8(3) * $i  np.float64(0.1) * $f  $b + $i~  $b * $f~  $b - 1.0 * $b"""),
    "integers of all widths": (12, """
        $i + $i~  $i - $i~  $i * $i~  -$i  abs($i)  $i // $i~  $i % $i~  np.fmod($i, $i~)
        $i << ($i~ % 9)  $i >> ($i~ % 9)  np.left_shift($i, $i~)  np.right_shift($i, $i~)
        np.gcd($i, $i~)  np.lcm($i, $i~)  $i & $i~  $i | $i~  $i ^ $i~  ~$i  np.bitwise_count($i)
        np.sum($i, axis=@axes, dtype='@integer')  np.prod($i, axis=@axes, dtype='@integer')
        np.cumsum($i1, axis=@axis, dtype='@integer')  np.sum($i, axis=@axes, keepdims=@bool)
        np.cumprod($i1, axis=@axis, dtype='@integer')  np.prod($i, axis=@axes)  np.square($i)
        np.dot($i1, $i=)  np.matmul($i2, np.swapaxes($i=, -1, -2))  np.vecdot($i1, $i=)
        np.inner($i, $i=)  np.outer($i, $i)  np.einsum('...i,...i->...', $i1, $i=)
        $i == $i~  $i < $i~  $i >= $i~  $i + 1 > $i  np.max($i1, axis=@axis)  np.sign($i)
        np.min($i1, axis=@axis)  np.argmax($i1, axis=@axis)  np.argmin($i1, axis=@axis)
        np.mean($i, axis=@axes)  np.var($i, axis=@axes)  np.sqrt(np.abs($i))  $i ** 2  $i ** 3
        np.clip($i, 0, 100)  np.clip($i, $i~, $i~)  np.where($b, $i~, $i~)  np.maximum($i, $i~)
        np.minimum($i, $i~)  np.diff($i1, axis=@axis)  np.divmod($i, $i~)[0]
        np.divmod($i, $i~)[1]  np.floor_divide($i, @k)  $i % 7  $i // -3  np.hypot($i, $i~)
        np.arctan2($i, $i~)  np.exp(-np.abs($i / 50))  np.any($i, axis=@axes)  np.trace($i2)
        np.count_nonzero($i, axis=@axes)  np.logical_xor($i, $i~)  np.ptp($i1, axis=@axis)
        np.maximum.accumulate($i1, axis=@axis)  np.bitwise_or($i, @k)  np.power($i, $i~ % 4)
        np.isin($i, [1, 2, 3])  np.floor($i)  np.isnan($i)  np.copysign($i, $f~)"""),
    "constants": (6, """
        $f + @special  $f * @special  np.maximum($f, @special)  np.where($b, @special, $f~)
        np.where($f > @special, $f, @special)  @special - $f  np.minimum(@special, $f)
        $c + @complex  @complex * $c  np.where($b, @complex, $c~)  $f * @complex  $f < @special
        $i + @whole  $i * @whole  np.where($b, @whole, $i~)  $i & @whole  $i == @whole
        np.maximum($i, @whole)  $f == @special  np.concatenate([np.ravel($f), [-0.0, 0.1]])
        np.full_like($f, np.nan) + $f  np.ones_like($i) * $f  np.zeros_like($f) + $f
        np.nan_to_num($f + @special)  np.isnan($f * @special)
        np.pad($i, 1, constant_values=7)  np.pad($f, 1, constant_values=np.nan)"""),
    "empty": (2, """
        np.sum($n1[:0], axis=0)  np.isnan(np.sum($f1[:0]))  1 / np.sum($f1[:0] + 1.0)
        np.ones((2, 0)) @ np.ones((0, 3)) + np.sum($f)  $n1[:0] * 2  np.prod($n1[:0], axis=0)
        1 / (np.reshape($f1[:0], (2, 0)) @ np.ones((0, 2)))  np.concatenate([$n1[:0], $n=])
        np.isnan($f1[:0] @ $f1[:0])  np.cumsum($n1[:0], axis=0)  np.any($f1[:0])
        np.max($f1[:0], axis=0, initial=-1.0)  np.sort($f1[:0])  np.zeros((0, 3)).T @ $f1[:0]
        np.einsum('...i->...', $n1[..., :0])  np.dot($n1[..., :0], np.zeros(0))
        np.reshape($n1[:0], (0, 2))  np.outer($n1[:0], $f)  np.stack([$f1[:0], $f1[:0]])"""),
    "views": (6, """
        $n1[::-1]  np.flip($n)  $n2.T[::-1]  np.swapaxes($n2, 0, -1)[..., ::-1]  $n1[::-2][::-1]
        np.broadcast_to($n, (3, *np.shape($n)))[1:]  np.sum(np.flip($n), axis=@axes)
        np.flip($n) * $n  $n2[..., ::-1] @ np.swapaxes($n=, -1, -2)[::-1]  $n2.T @ $n=
        np.cumsum($n1[::-1], axis=0)[::-1]  np.max(np.flip($f1), axis=@axis)  $n1[1:] - $n1[:1]
        np.argmax($f1[::-1], axis=@axis)  np.concatenate([$n1[::-1], $n1[::2]])
        np.reshape($n.T, @newshape)  np.diagonal($n2)[::-1]  np.ravel($n2.T)  $n1[..., None, ::-1]
        fg.at($n1[::-1])[0].set($n0)  fg.at($n2.T)[..., 0].add($n0)  $n1[::-1] + $n1
        np.where($f > 0, np.flip($f), $f)  np.sort(np.flip($f), axis=None)[::-1]
        np.sum($n2.T, axis=0)  np.mean($n2[..., ::2], axis=-1)  np.prod($f1[::-2], axis=0)"""),
    "long": (5, """
        np.resize($n, @long)  np.sum(np.resize($n, @long))  np.sum(np.resize($n, (3, @long)), 1)
        np.sum(np.resize($n, (@long, 3)), 0)  np.mean(np.resize($f, @long) ** 2)
        np.dot(np.resize($f, @long), np.resize($f, @long))  np.cumsum(np.resize($f, @long))
        np.resize($f, (3, @long)) @ np.resize($f, @long)  np.max(np.resize($f, @long))
        np.resize($f, (5, 17)) @ np.resize($f, (17, 19))  np.sum(np.resize($i, @long))
        np.resize($f, (19, 9)).T @ np.resize($f, (19, 5))  np.argmax(np.resize($f, @long))
        np.resize($i, (5, 17)) @ np.resize($i, (17, 3))  np.sin(np.resize($f, @long) * 1e3)
        np.exp(np.resize($f, @long))  np.sort(np.resize($f, @long))  np.tanh(np.resize($n, 65))
        np.where(np.resize($b, 65), np.resize($f, 65), 0.0)  np.var(np.resize($n, @long))
        np.argsort(np.resize($f, @long), kind='stable')  np.convolve(np.resize($f, 33), $f1)"""),
    "places": (6, """
        fg.at($a1)[$i % @length].get()  fg.at($a1)[$i % @length].set($a0)
        fg.at($i1)[$i % @length].add($i0)  fg.at($i1)[$i % @length].max($i0)
        fg.at($n1)[-1 - $i % @length].add($n0)  fg.at($b1)[$i % @length].set($b0)
        fg.at($n2)[$i % @length, ..., 0].get()  fg.at($n2)[..., $i0 % @last_size].set($n0)
        fg.at($n2)[$i % @length, None].get()  fg.at($n1)[$i % @length].get()[::-1]
        np.take_along_axis($a1, np.argsort($f=, axis=@axis, kind='stable'), axis=-1)
        fg.numpy.take($a1, $i, axis=@axis, mode='clip')  fg.lax.dynamic_slice($a1, @starts, @ones)
        fg.at($n1)[np.argsort(np.ravel($f), kind='stable') % @length].get()
        fg.lax.dynamic_index_in_dim($a1, $i0, keepdims=@bool)  fg.at($n1)[$i0 % @length].set($n0)
        fg.lax.dynamic_update_index_in_dim($a1, $a0, $i0, 0)  fg.at($i1)[$i % @length].multiply(3)
        fg.at($n1)[$b0 * 1 % @length].multiply(2)  fg.at($f1)[$i.astype('uint8') % @length].get()
        fg.at($f1)[$i.astype('int16') % @length].add($f0)"""),
    "orders": (3, """
        np.sort($a1, axis=@axis)  np.argsort($a1, axis=@axis, kind='stable')  np.sort($i, axis=None)
        np.searchsorted(np.sort(np.ravel($f)), $f)  np.argsort($i1, axis=@axis, kind='stable')
        np.searchsorted(np.sort(np.ravel($f)), $f, side='right')  fg.lax.top_k($f1, 1)[1]
        np.searchsorted(np.sort(np.ravel($i)), $f)  np.median($i)  np.argmax($a1, axis=@axis)
        fg.lax.cummax($i1, axis=@axpos)  fg.lax.cummin($f1, axis=@axpos)  np.lexsort(($i1, $i=))
        np.digitize($f, np.array([-1.0, 0.0, 0.5]))  np.argsort(-$f1, axis=0, kind='stable')"""),
    "keys": (4, """
        fg.random.normal(@key, (3,))  fg.random.uniform(@key, (2, 3))  fg.random.bits(@key, (5,))
        fg.random.bits(@key, (3,), 'uint8')  fg.random.randint(@key, (4,), -3, 9)
        fg.random.bernoulli(@key, 0.3, (5,)) * $f0  fg.random.permutation(@key, 5) * $f0
        fg.random.normal(@key, np.shape($f), 'float64') * $f  fg.random.exponential(@key, (3,))
        fg.random.normal(fg.random.split(@key)[1], (), 'float64') + $f  fg.random.gumbel(@key, (2,))
        fg.random.exponential(@key, (3,), 'float64') * $f0  fg.random.categorical(@key, $f1)
        fg.random.permutation(@key, $n1)  fg.random.choice(@key, 5, (3,)) * $f0
        fg.random.uniform(fg.random.split(@key, 3)[2], (2,))  fg.random.rademacher(@key, (3,))
        fg.random.gamma(@key, 2.0, (2,))  fg.random.poisson(@key, 3.0, (3,))
        fg.random.truncated_normal(@key, -1.0, 1.0, (3,))"""),
}
# fmt: on


def whole(g: Any, operands: list[str], _: int) -> str:
    """Return a Python integer, or an array of integers, in the range of the first operand."""
    value = np.asarray(g.everything()[operands[0]])
    info = np.iinfo(value.dtype)
    options = [info.min, info.max, info.max - 1, 0, 1, 7]
    if g.chance(0.6):
        return str(g.choice(options))
    shape = g.narrowed(value.shape)
    return literal(g.rng.choice(np.array(options, value.dtype), shape))


def special(kind: str) -> Callable[[Any, list[str], int], str]:
    """Return the function that writes an array, or a scalar, of special numbers."""

    def made(g: Any, operands: list[str], _: int) -> str:
        shape = g.narrowed(np.shape(g.everything()[operands[0]])) if operands else g.shape()
        return literal(g.array(() if g.chance(0.2) else shape, kind))

    return made


def key(g: Any, operands: list[str], _: int) -> str:
    """Return a key: of a constant seed, or of one that the program computes."""
    form = g.choice(["", ", impl='threefry2x32'"])
    made = f"fg.random.key({int(g.rng.integers(99))}{form})"
    if g.chance(0.4):
        operands.append(g.exact("i", ()))
        made = f"fg.random.fold_in({made}, {{{len(operands) - 1}}})"
    return made


WORDS = {
    **words.WORDS,
    "dtype": lambda g, *_: g.choice(sorted(DTYPES)),
    "integer": lambda g, *_: g.choice(INTEGERS),
    "real": lambda g, *_: g.choice(FLOATS),
    "special": special("f"),
    "complex": special("c"),
    "whole": whole,
    "key": key,
    "long": lambda g, *_: g.choice(LONG),
}
OWN = {name: (weight, re.split(r"\s{2,}", rows.strip())) for name, (weight, rows)
       in FAMILIES.items()}  # fmt: skip


class Wide(Generator):
    """The scope of a function of a program of every dtype and layout."""

    dtypes, largest, palettes = DTYPES, LARGEST, PALETTES
    words, lines, loops = WORDS, {**LINES, **OWN}, 60.0
    always = frozenset({"bool", "int64"})
    growers = (*control.GROWERS, *control.WIDE)

    def carried(self) -> str:
        return self.choice(["f", "f", "fc", "i", "b"])

    def loop_options(self, whiles: bool = False) -> str:
        kept = [", checkpoint=1", ", checkpoint=2"]
        more = [] if whiles else [", checkpoint='log'", ", unroll=2", ", unroll=True"]
        return self.choice(["", "", "", *kept, *more])

    def shape(self, rank: int = 0) -> tuple[int, ...]:
        top = max(rank, int(self.rng.choice([0, 1, 2, 3], p=[0.2, 0.4, 0.3, 0.1])))
        sides = [0, 1, 2, 3, 4, 5, 9], [0.05, 0.15, 0.25, 0.3, 0.1, 0.1, 0.05]
        return tuple(int(self.rng.choice(sides[0], p=sides[1])) for _ in range(top))

    def array(self, shape: tuple[int, ...], kind: str) -> np.ndarray:
        if kind not in "iu":
            return super().array(shape, kind)
        names = [name for name in self.palette if np.dtype(name).kind in "iu"] or ["int64"]
        dtype = np.dtype(self.choice(names))
        info = np.iinfo(dtype)
        x = self.rng.integers(max(-3, info.min), 9, shape).astype(dtype)
        if self.chance(0.2):
            edges = np.array([info.min, info.max, info.max - 1, 0, 1], dtype)
            x = np.where(self.rng.random(shape) < 0.4, self.rng.choice(edges, shape), x)
        return np.asarray(x, dtype)

    def numbers(self, shape: tuple[int, ...]) -> np.ndarray:
        x = super().numbers(shape)
        if self.chance(0.15):
            x = np.where(self.rng.random(shape) < 0.4, self.rng.choice(SPECIAL, shape), x)
        return x

    def scalar(self) -> str:
        return super().scalar() if self.chance(0.7) else self.choice(
            ["True", "-0.0", "1e-40", "100", "-3", "0.1", "np.float32(0.1)", "np.nan", "-np.inf"]
        )  # fmt: skip

    def entry(self, position: int) -> Any:
        """Return an argument in some layout, a scalar of NumPy, or one of Python."""
        form = self.rng.random()
        if position and form < 0.12:
            return self.choice([0.5, -1.5, 3, -2, True, np.float32(0.1), np.int8(-7)])
        kind = np.dtype(self.choice(self.palette)).kind if position else "f"
        kind = "b" if position and form > 0.93 else kind
        return laid_out(self, self.array(self.shape(), kind))


def laid_out(g: Any, x: np.ndarray) -> np.ndarray:
    """Return the array in another layout: strides that are negative, 0, or in another order."""
    form = g.choice(["c", "c", "f", "back", "every second", "repeated", "offset"])
    if not x.ndim or not x.size or form == "c":
        return x
    if form == "f":
        return np.asfortranarray(x)
    if form == "back":
        return x[::-1].copy()[::-1]
    if form == "repeated":
        return np.broadcast_to(x[:1], x.shape)
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1] + 1), x.dtype)
    part = wide[..., 1::2] if form == "every second" else wide[..., 1 : 1 + x.shape[-1]]
    part[...] = x
    return part
