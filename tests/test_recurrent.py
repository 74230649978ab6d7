"""Recurrent layers against loops written out, ragged batches, and PyTorch."""

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import nn, random, tree
from funcgrad.core.errors import DtypeError, ShapeError

from .support.compare import assert_same

LAYERS = {"RNN": (nn.RNN, nn.RNNCell), "LSTM": (nn.LSTM, nn.LSTMCell), "GRU": (nn.GRU, nn.GRUCell)}
X = np.sin(np.arange(2 * 6 * 3.0)).reshape(2, 6, 3)


def drawn(layer, seed=0):
    """Return a layer in float64 whose biases are not zero."""
    model = layer.init(random.key(seed))
    leaves, treedef = tree.flatten(model)
    keys = random.split(random.key(seed + 1), len(leaves))
    return tree.unflatten(
        treedef,
        [
            random.normal(k, np.shape(p), np.float64) * 0.4
            for k, p in zip(keys, leaves, strict=True)
        ],
    )


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def stepped(name, cell, x, state):
    """Return the next state by the formulas of the papers, and its output."""
    w, u, b = cell.kernel, cell.recurrent, cell.bias
    if name == "RNN":
        h = np.tanh(x @ w + state @ u + b)
        return h, h
    if name == "LSTM":
        h, c = state
        i, f, g, o = np.split(x @ w + h @ u + b, 4, axis=-1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        return (h, c), h
    (ar, az, an), (hr, hz, hn) = np.split(x @ w + b, 3, -1), np.split(state @ u, 3, -1)
    r, z = sigmoid(ar + hr), sigmoid(az + hz)
    h = (1 - z) * np.tanh(an + r * (hn + cell.new_bias)) + z * state
    return h, h


def looped(name, cell, x, state, backwards=False):
    outputs = []
    for t in reversed(range(x.shape[-2])) if backwards else range(x.shape[-2]):
        state, y = stepped(name, cell, x[..., t, :], state)
        outputs.append(y)
    return np.stack(outputs[::-1] if backwards else outputs, -2), state


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_a_loop_over_its_cell(name):
    layer = drawn(LAYERS[name][0](3, 4))
    start = layer.cells[0].initial((2,), np.float64)
    want, end = looped(name, layer.cells[0], X, start)
    y, states = layer(X, return_state=True)

    np.testing.assert_allclose(y, want, rtol=1e-13, atol=1e-14)
    assert_same(end, states[0], 1e-13, 1e-14)
    np.testing.assert_allclose(layer(X[0]), want[0], rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(fg.jit(lambda m, x: m(x))(layer, X), want, rtol=1e-13, atol=1e-14)
    cell, state = layer.cells[0], start
    for t in range(6):
        state = cell(X[:, t], state)
    np.testing.assert_allclose(cell.output(state), want[:, -1], rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_stacked_and_go_both_ways(name):
    layer = drawn(LAYERS[name][0](3, 4, num_layers=2, bidirectional=True))
    x = X
    for i in (0, 2):
        start = layer.cells[i].initial((2,), np.float64)
        ways = [
            looped(name, layer.cells[i], x, start)[0],
            looped(name, layer.cells[i + 1], x, start, backwards=True)[0],
        ]
        x = np.concatenate(ways, -1)

    np.testing.assert_allclose(layer(X), x, rtol=1e-13, atol=1e-14)
    once = drawn(LAYERS[name][0](3, 4, reverse=True))
    start = once.cells[0].initial((2,), np.float64)
    want = looped(name, once.cells[0], X, start, backwards=True)[0]
    np.testing.assert_allclose(once(X), want, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", LAYERS)
def test_a_ragged_batch_is_its_sequences_alone(name):
    layer = drawn(LAYERS[name][0](3, 4, num_layers=2, bidirectional=True))
    lengths = np.array([6, 4])
    spoiled = np.where((np.arange(6) < lengths[:, None])[..., None], X, np.nan)
    y, states = layer(spoiled, lengths=lengths, return_state=True)
    alone, ends = layer(X[1, :4], return_state=True)

    np.testing.assert_allclose(y[1, :4], alone, rtol=1e-12, atol=1e-14)
    assert not np.any(y[1, 4:])
    for a, b in zip(tree.leaves(states), tree.leaves(ends), strict=True):
        np.testing.assert_allclose(a[1], b, rtol=1e-12, atol=1e-14)
    mask = np.arange(6) < lengths[:, None]
    np.testing.assert_array_equal(layer(X, mask=mask), layer(X, lengths=lengths))
    loss = lambda m, x: np.sum(m(x, mask=mask) ** 2)
    model_grad, x_grad = fg.grad(loss, argnums=(0, 1))(layer, spoiled)
    assert not np.any(x_grad[1, 4:]) and np.all(np.any(x_grad[1, :4], -1))
    parts = [fg.grad(lambda m, x=x: np.sum(m(x) ** 2))(layer) for x in (X[0], X[1, :4])]
    for leaf, *alone in zip(*map(tree.leaves, (model_grad, *parts)), strict=True):
        np.testing.assert_allclose(leaf, sum(alone), rtol=1e-11, atol=1e-13)  # reordered


@pytest.mark.parametrize("name", LAYERS)
def test_masks_may_have_holes_and_lengths_be_traced(name):
    layer = drawn(LAYERS[name][0](3, 4, bidirectional=True))
    mask = np.array([True, False, True, True, False, True])
    y = layer(X[0], mask=mask)

    np.testing.assert_allclose(y[mask], layer(X[0, mask]), rtol=1e-12, atol=1e-14)
    lengths = np.array([6, 0])
    got = fg.jit(lambda m, x, n: m(x, lengths=n))(layer, X, lengths)
    np.testing.assert_allclose(got, layer(X, lengths=lengths), rtol=1e-12, atol=1e-14)
    assert layer(X[:, :0]).shape == (2, 0, 8)


@pytest.mark.parametrize("name", LAYERS)
def test_a_wider_state_is_not_cut(name):
    layer = LAYERS[name][0](3, 4).init(random.key(0))
    start = layer.cells[0].initial((2,), np.float64)
    y, end = layer(X.astype(np.float32), state=[start], return_state=True)

    assert {np.dtype(np.float64)} == {leaf.dtype for leaf in tree.leaves((y, end))}
    assert layer(X.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("name", LAYERS)
def test_each_gate_is_drawn_by_itself(name):
    cell = LAYERS[name][1](3, 4).init(random.key(0), np.float64)

    for u in np.split(cell.recurrent, cell.gates, axis=1):
        np.testing.assert_allclose(u.T @ u, np.eye(4), atol=1e-12)
    ones = LAYERS[name][0](3, 4, num_layers=2, bias_init=nn.init.ones).init(random.key(0))
    assert np.all(ones.cells[1].bias == 1)
    assert LAYERS[name][0](3, 4, use_bias=False).init(random.key(0)).cells[0].bias is None


@pytest.mark.parametrize("name", LAYERS)
def test_jit_gives_the_gradients_of_eager_code(name):
    layer = drawn(LAYERS[name][0](3, 4, num_layers=2, bidirectional=True, dropout=0.3))
    loss = lambda m, x, n: np.sum(np.sin(m(x, lengths=n, key=random.key(3))))
    f = fg.value_and_grad(loss, argnums=(0, 1))
    want, got = f(layer, X, np.array([6, 4])), fg.jit(f)(layer, X, np.array([6, 4]))

    assert_same(want, got, 1e-11, 1e-13)  # reordered


def test_a_simple_network_may_rectify():
    layer = drawn(nn.RNN(3, 4, activation=nn.relu))
    cell, h = layer.cells[0], np.zeros((2, 4))
    for t in range(6):
        h = np.maximum(X[:, t] @ cell.kernel + h @ cell.recurrent + cell.bias, 0)

    np.testing.assert_allclose(layer(X)[:, -1], h, rtol=1e-13, atol=1e-14)


def test_a_summary_counts_all_steps():
    table = nn.summary(nn.LSTM(3, 4), X.astype(np.float32))
    products = 2 * 2 * 6 * 16 * (3 + 4)

    assert products < table.flops < products + 2 * 6 * 4 * 40
    assert table.params == 16 * (3 + 4 + 1)


@pytest.mark.parametrize("name", LAYERS)
def test_a_sequence_may_be_fed_in_parts(name):
    layer = drawn(LAYERS[name][0](3, 4, num_layers=2))
    first, states = layer(X[:, :2], return_state=True)
    rest = layer(X[:, 2:], state=states)

    np.testing.assert_allclose(np.concatenate([first, rest], 1), layer(X), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", LAYERS)
def test_derivatives_of_two_orders_are_central_differences(name):
    layer = drawn(LAYERS[name][0](2, 2))
    x = X[:1, :3, :2]
    fg.check_grads(lambda m, x: np.sum(np.sin(m(x))), (layer, x), order=2, rtol=1e-5, atol=1e-5)


def test_dropout_between_layers_draws_in_training_only():
    layer = drawn(nn.LSTM(3, 4, num_layers=2, dropout=0.5))

    np.testing.assert_array_equal(layer(X), layer(X))
    assert np.any(layer(X, key=random.key(1)) != layer(X, key=random.key(2)))
    one = drawn(nn.LSTM(3, 4, dropout=0.5))
    np.testing.assert_array_equal(one(X, key=random.key(1)), one(X))


def test_models_of_several_keys_run_at_once():
    keys = random.split(random.key(0), 3)
    models = fg.vmap(nn.GRU(3, 4).init)(keys)
    got = fg.vmap(lambda m: m(X.astype(np.float32)))(models)
    want = [nn.GRU(3, 4).init(k)(X.astype(np.float32)) for k in keys]

    np.testing.assert_allclose(got, np.stack(want), rtol=1e-5, atol=1e-6)  # float32, reordered
    assert got.dtype == np.float32


def test_what_does_not_fit_names_the_layer():
    model = nn.Sequential(nn.Dense(3, 3), nn.GRU(3, 4)).init(random.key(0))
    with pytest.raises(
        ShapeError, match=r"GRU.* at 'layers\[1\]'.*x must be \[..., time, features\]"
    ):
        model(np.ones(3))
    layer = model.layers[1]
    with pytest.raises(ShapeError, match="the last axis of x must have length 3"):
        layer(np.ones((2, 5, 4)))
    with pytest.raises(DtypeError, match="the mask must be boolean"):
        layer(X, mask=np.ones((2, 6)))
    with pytest.raises(ShapeError, match=r"the mask must have shape \(2, 6\)"):
        layer(X, mask=np.ones((6, 2), bool))
    with pytest.raises(ShapeError, match=r"lengths must be integers of shape \(2,\)"):
        layer(X, lengths=np.array([1.0, 2.0]))
    with pytest.raises(ShapeError, match=r"state must hold 1 states, .* got 2"):
        layer(X, state=[np.zeros((2, 4))] * 2)
    with pytest.raises(
        ShapeError,
        match=r"GRUCell\(3, 4\) at 'cells\[0\]': the state must be f64\[2,4\].* f64\[4\]",
    ):
        layer(X, state=[np.zeros(4)])
    with pytest.raises(ShapeError, match=r"the state must be f64\[2,4\] and f64\[2,4\]: got f64"):
        drawn(nn.LSTM(3, 4))(X, state=[np.zeros((2, 4))])
    with pytest.raises(ValueError, match=r"lengths must be in \[0, 6\], .* got -1 to 7"):
        layer(X, lengths=np.array([-1, 7]))
    with pytest.raises(ValueError, match="mask and lengths exclude each other"):
        layer(X, lengths=np.array([1, 2]), mask=np.ones((2, 6), bool))
    with pytest.raises(nn.UninitializedError, match=r"GRUCell\(.* at 'layers\[0\].cells\[0\]'"):
        nn.Sequential(nn.GRU(3, 4))(X)
    with pytest.raises(ValueError, match="GRU: dropout must be in"):
        nn.GRU(3, 4, dropout=2.0)
    with pytest.raises(ValueError, match="GRU: num_layers must be an integer"):
        nn.GRU(3, 4, num_layers=0)


@pytest.mark.peers
@pytest.mark.parametrize("name", LAYERS)
def test_values_and_gradients_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    layer = drawn(LAYERS[name][0](3, 4, num_layers=2, bidirectional=True))
    theirs = getattr(torch.nn, name)(3, 4, 2, batch_first=True, bidirectional=True).double()
    with torch.no_grad():
        for i, cell in enumerate(layer.cells):
            end = f"l{i // 2}" + ("_reverse" if i % 2 else "")
            getattr(theirs, f"weight_ih_{end}").copy_(torch.tensor(cell.kernel.T))
            getattr(theirs, f"weight_hh_{end}").copy_(torch.tensor(cell.recurrent.T))
            getattr(theirs, f"bias_ih_{end}").copy_(torch.tensor(cell.bias))
            second = getattr(theirs, f"bias_hh_{end}").zero_()
            if name == "GRU":
                second[8:].copy_(torch.tensor(cell.new_bias))
    tx = torch.tensor(X, requires_grad=True)
    want, ends = theirs(tx)
    (want * torch.cos(want)).sum().backward()
    loss = lambda m, x: np.sum(m(x) * np.cos(m(x)))
    model_grad, x_grad = fg.grad(loss, argnums=(0, 1))(layer, X)
    close = lambda a, b: np.testing.assert_allclose(a, b.detach().numpy(), rtol=1e-10, atol=1e-12)

    y, states = layer(X, return_state=True)
    close(y, want)
    close(np.stack([layer.cells[0].output(s) for s in states]), ends[0] if name == "LSTM" else ends)
    if name == "LSTM":
        close(np.stack([c for _, c in states]), ends[1])
    close(x_grad, tx.grad)
    for i, grads in enumerate(model_grad.cells):
        end = f"l{i // 2}" + ("_reverse" if i % 2 else "")
        close(grads.kernel.T, getattr(theirs, f"weight_ih_{end}").grad)
        close(grads.recurrent.T, getattr(theirs, f"weight_hh_{end}").grad)
        close(grads.bias, getattr(theirs, f"bias_ih_{end}").grad)
        if name == "GRU":
            close(grads.new_bias, getattr(theirs, f"bias_hh_{end}").grad[8:])
