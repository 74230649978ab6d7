"""Summaries of models, and counts of floating-point operations."""

from typing import Any

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import nn, random
from funcgrad.core.errors import ShapeError
from funcgrad.nn.apply import watcher
from funcgrad.nn.flops import flops_of_program

KEY = random.key(0)
X = np.ones((2, 8, 8, 3), np.float32)


def cnn() -> Any:
    return nn.Sequential(
        nn.Conv(3, 4, (3, 3), stride=2),
        nn.BatchNorm(4),
        nn.relu,
        nn.MaxPool((2, 2)),
        nn.Residual(nn.Dropout(0.5)),
        nn.Flatten(),
        nn.Dense(16, 10),
    )


def flops(f: Any, *args: Any) -> int:
    return flops_of_program(fg.make_jaxpr(f)(*args).jaxpr)


def test_a_summary_tells_shapes_parameters_operations_and_bytes():
    table = nn.summary(cnn().init(KEY), X)
    rows = {row.path: row for row in table.rows}

    conv = 2 * 2 * 16 * 4 * 27 + 2 * 16 * 4  # products and additions, and the bias
    assert [row.path for row in table.rows][:3] == ["", "layers[0]", "layers[1]"]
    assert rows["layers[0]"].flops == conv
    assert rows["layers[3]"].flops == 2 * 4 * 4 * 4  # each window of four
    assert rows["layers[4].layer"].layer == "Dropout"
    assert rows["layers[6]"].flops == 2 * 2 * 16 * 10 + 2 * 10
    assert str(rows["layers[6]"].output[0]) == "f32[2,10]"
    assert (rows["layers[0]"].params, rows["layers[1]"].params) == (112, 8)
    assert (rows["layers[0]"].nbytes, rows["layers[1]"].nbytes) == (448, 64)
    assert table.params == table.trained == 112 + 8 + 170
    assert table.nbytes == 4 * (290 + 8)
    assert (
        table.rows[0].flops
        == table.flops
        == sum(row.flops for row in table.rows if row.path.count("layer") == 1)
    )


def test_a_summary_is_printed_once_as_a_table(capsys: Any):
    print(nn.summary(cnn(), X))
    lines = capsys.readouterr().out.splitlines()

    assert lines == repr(nn.summary(cnn(), X)).splitlines()
    assert sum("layers[0]" in line.split() for line in lines) == 1
    assert lines[0].split() == ["path", "layer", "output", "params", "FLOPs", "bytes"]
    assert lines[3].split() == ["layers[0]", "Conv", "f32[2,4,4,4]", "112", "7,040", "448"]
    assert lines[-1].startswith("290 parameters; 1,192 bytes of parameters and state, ")
    assert len({len(line) for line in lines[1:3]}) == 1


def test_neither_parameters_nor_inputs_need_values():
    drawn = nn.summary(cnn().init(KEY), X)
    shapes = nn.summary(cnn(), fg.ShapeDtypeStruct(X.shape, X.dtype))
    large = nn.summary(nn.Dense(10**6, 10**6), fg.ShapeDtypeStruct((1, 10**6), np.float32))

    assert drawn == shapes
    assert large.flops == 2 * 10**12 + 10**6


def test_the_training_pass_costs_more():
    predict, train = nn.summary(cnn(), X), nn.summary(cnn(), X, key=KEY)

    assert train.flops > predict.flops
    assert train.rows[6].flops == 2 * 32  # dropout scales its mask, and multiplies


def test_frozen_layers_are_told_apart():
    model = nn.freeze(cnn().init(KEY), "layers[0]")
    table = nn.summary(model, X)

    assert (table.params, table.trained) == (290, 178)
    assert "112 of them not trained" in str(table)
    assert table.flops == nn.summary(cnn(), X).flops


@nn.module
class Compiled:
    inner: nn.Dense

    def __call__(self, x, scale=1.0, *, twice: bool = False):
        y = fg.jit(self.inner)(x)
        return scale * (y + y if twice else y)


def test_layers_within_a_transform_are_counted():
    table = nn.summary(Compiled(nn.Dense(3, 4)), np.ones(3), 2.0, twice=True)

    assert table.flops == 2 * 12 + 4 + 4 + 4
    assert [row.path for row in table.rows][:1] == [""]


def test_errors_pass_through_and_watching_ends():
    with pytest.raises(ShapeError, match=r"Dense\(16, 10\) at 'layers\[6\]'"):
        nn.summary(cnn(), np.ones((2, 16, 16, 3)))
    assert watcher.get() is None


def test_products_count_two_for_each_term():
    a, b = np.ones((5, 2, 3)), np.ones((3, 4))

    assert flops(np.matmul, a, b) == 2 * 5 * 2 * 3 * 4
    assert flops(lambda a, b: np.einsum("bij,jk->bk", a, b), a, b) >= 2 * 5 * 3 * 4
    assert flops(lambda x: nn.Conv(4, 6, 3, groups=2).init(KEY)(x), np.ones((2, 7, 4))) == (
        2 * 2 * 7 * 6 * 3 * 2 + 2 * 7 * 6
    )


def test_a_gradient_of_a_convolution_costs_two_more():
    layer = nn.Conv(4, 6, 3, padding="VALID", use_bias=False).init(KEY, np.float64)
    x, ct = np.ones((2, 7, 4)), np.ones((2, 5, 6))
    forward = flops(lambda layer, x: layer(x), layer, x)

    both = flops(lambda layer, x: fg.vjp(lambda m, x: m(x), layer, x)[1](ct), layer, x)

    # the kernel's gradient costs as much again, the input's what the longer result costs
    assert both == forward + forward + forward * 7 // 5


def test_loops_count_their_steps_and_branches_the_dearest():
    x = np.ones(5)

    assert flops(lambda x: fg.lax.scan(lambda c, _: (c * 2, None), x, None, length=7)[0], x) == 35
    assert flops(lambda x: fg.lax.cond(x[0] > 0, np.sin, lambda x: x * x * x, x), x) == 1 + 10
    assert flops(lambda x: np.reshape(x, (1, 5))[0].astype(np.float32), x) == 0
    assert flops(lambda x: x + 1, np.arange(5)) == 0
    assert flops(np.sum, x) == 5
