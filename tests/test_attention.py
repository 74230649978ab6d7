"""Attention against formulas written out, masks, caches, and PyTorch."""

import math

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import nn, random, tree
from funcgrad.core.errors import DtypeError, ShapeError

from .support.compare import assert_same

Q = np.sin(np.arange(2 * 5 * 4 * 3.0)).reshape(2, 5, 4, 3)
K = np.cos(np.arange(2 * 6 * 4 * 3.0)).reshape(2, 6, 4, 3)
V = np.sin(2 * np.arange(2 * 6 * 4 * 3.0)).reshape(2, 6, 4, 3)
X = np.sin(np.arange(2 * 5 * 8.0)).reshape(2, 5, 8)


def attended(q, k, v, mask=True, bias=0.0):
    """Return attention by loops over batch, heads and queries."""
    out = np.zeros((*q.shape[:-1], v.shape[-1]))
    mask = np.broadcast_to(mask, (*q.shape[:-3], q.shape[-2], q.shape[-3], k.shape[-3]))
    bias = np.broadcast_to(bias, mask.shape)
    for b in range(q.shape[0]):
        for h in range(q.shape[2]):
            for t in range(q.shape[1]):
                scores = k[b, :, h] @ q[b, t, h] / math.sqrt(q.shape[-1]) + bias[b, h, t]
                weights = np.exp(scores) * mask[b, h, t]
                if np.sum(weights):
                    out[b, t, h] = weights / np.sum(weights) @ v[b, :, h]
    return out


def drawn(layer, seed=0):
    """Return a layer in float64."""
    return tree.map(lambda p: p.astype(np.float64), layer.init(random.key(seed)))


MASKS = {
    "none": {},
    "causal": {"is_causal": True},
    "mask": {"mask": np.cos(np.arange(30)).reshape(1, 1, 5, 6) > -0.5},
    "bias": {"bias": np.sin(np.arange(120.0)).reshape(1, 4, 5, 6)},
    "both": {"mask": np.arange(6) < np.array([4, 6])[:, None, None, None], "is_causal": True},
}


@pytest.mark.parametrize("name", MASKS)
def test_attention_by_loops(name):
    options = MASKS[name]
    mask = options.get("mask", True) & (
        np.tri(5, 6, dtype=bool) if "is_causal" in options else True
    )
    want = attended(Q, K, V, mask, options.get("bias", 0.0))
    attend = lambda q, k, v: nn.dot_product_attention(q, k, v, **options)

    np.testing.assert_allclose(attend(Q, K, V), want, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(fg.jit(attend)(Q, K, V), want, rtol=1e-12, atol=1e-14)
    if name in ("none", "causal"):
        fg.check_grads(attend, (Q[:1, :2], K[:1, :2], V[:1, :2]), order=2, rtol=1e-5, atol=1e-5)


def test_a_query_that_sees_nothing_gives_0_with_a_finite_gradient():
    mask = np.zeros((1, 1, 5, 6), bool)
    mask[..., 1:, :] = True
    f = lambda q, k, v: np.sum(nn.dot_product_attention(q, k, v, mask=mask) ** 2)
    value = nn.dot_product_attention(Q, K, V, mask=mask)
    grads = fg.grad(f, argnums=(0, 1, 2))(Q, K, V)

    assert not np.any(value[:, 0]) and not np.any(grads[0][:, 0])
    assert all(np.all(np.isfinite(g)) for g in grads)


def test_heads_may_share_keys_and_values():
    want = nn.dot_product_attention(Q, np.repeat(K[:, :, :2], 2, 2), np.repeat(V[:, :, :2], 2, 2))

    np.testing.assert_allclose(nn.dot_product_attention(Q, K[:, :, :2], V[:, :, :2]), want)


def test_large_scores_stay_finite():
    for dtype in (np.float32, np.float64):
        got = nn.dot_product_attention(*(dtype(1e4) * x.astype(dtype) for x in (Q, K, V)))

        assert np.all(np.isfinite(got)) and got.dtype == dtype


def test_wrong_shapes_and_masks_are_refused():
    with pytest.raises(ShapeError, match=r"query, key and value must be \[..., time, heads"):
        nn.dot_product_attention(Q, K[..., :2], V)
    with pytest.raises(DtypeError, match="the mask must be boolean"):
        nn.dot_product_attention(Q, K, V, mask=np.ones((5, 6)))
    with pytest.raises(ValueError, match="num_heads must divide features"):
        nn.MultiHeadAttention(8, 3)
    model = nn.Sequential(nn.TransformerBlock(8, 2)).init(random.key(0))
    with pytest.raises(ShapeError, match="must have length 8"):
        model(np.ones((2, 5, 4)))


@pytest.mark.parametrize("rotary", [False, True])
@pytest.mark.parametrize("parts", [[1, 1, 1, 1, 1], [3, 2], [5]])
def test_decoding_with_a_cache_is_one_causal_pass(rotary, parts):
    layer = drawn(nn.MultiHeadAttention(8, 4, kv_heads=2, use_rotary=rotary))
    want = layer(X, is_causal=True)
    cache, got, start = layer.init_cache(2, 7, dtype=np.float64), [], 0
    step = fg.jit(lambda m, x, cache: m(x, is_causal=True, cache=cache))
    for n in parts:
        y, cache = step(layer, X[:, start : start + n], cache)
        got.append(y)
        start += n

    np.testing.assert_allclose(np.concatenate(got, 1), want, rtol=1e-12, atol=1e-14)
    assert cache.length == 5


def test_decoding_can_be_scanned():
    block = drawn(nn.TransformerBlock(8, 2, use_rotary=True))
    cache = block.attention.init_cache(2, 5, dtype=np.float64)

    def step(cache, x):
        y, cache = block(x[:, None], is_causal=True, cache=cache)
        return cache, y[:, 0]

    _, got = fg.lax.scan(step, cache, np.moveaxis(X, 1, 0))

    want = block(X, is_causal=True)
    np.testing.assert_allclose(np.moveaxis(got, 0, 1), want, rtol=1e-12, atol=1e-14)


def test_rotary_products_depend_on_distances():
    q, k = np.sin(np.arange(6.0)), np.cos(np.arange(6.0))
    turned = lambda x, i: nn.rotary(x[None, None], np.array([i]))[0, 0]

    np.testing.assert_allclose(turned(q, 7) @ turned(k, 4), turned(q, 3) @ turned(k, 0), rtol=1e-13)
    np.testing.assert_allclose(np.linalg.norm(turned(q, 9)), np.linalg.norm(q), rtol=1e-14)
    with pytest.raises(ShapeError, match="must be even"):
        nn.rotary(np.ones((1, 1, 3)))


def test_learned_positions_are_added():
    layer = drawn(nn.PositionalEmbedding(6, 8))

    np.testing.assert_array_equal(layer(X), X + layer.embedding[:5])
    np.testing.assert_array_equal(layer(X[:, :2], start=3), X[:, :2] + layer.embedding[3:5])
    later = fg.jit(lambda x, i: layer(x, start=i))
    np.testing.assert_array_equal(later(X[:, :2], 3), X[:, :2] + layer.embedding[3:5])
    with pytest.raises(ShapeError, match=r"at most 6 positions: got f64\[2,5,8\] from position 3"):
        layer(X, start=3)
    with pytest.raises(ShapeError, match="x must have at most 6 positions"):
        layer(np.ones((2, 7, 8)))


def test_dropout_draws_in_training_only():
    block = nn.TransformerBlock(8, 2, dropout=0.3).init(random.key(0))

    np.testing.assert_array_equal(block(X), block(X))
    assert np.any(block(X, key=random.key(1)) != block(X, key=random.key(2)))


def test_second_derivatives_through_a_block():
    block = drawn(nn.TransformerBlock(4, 2, 6))
    f = lambda m, x: np.sum(np.sin(m(x, is_causal=True)))
    fg.check_grads(f, (block, X[:1, :3, :4]), order=2, rtol=1e-4, atol=1e-4)  # LayerNorm's slope


def test_blocks_of_several_keys_run_at_once():
    keys, x = random.split(random.key(0), 3), X.astype(np.float32)
    got = fg.vmap(lambda m: m(x))(fg.vmap(nn.TransformerBlock(8, 2).init)(keys))
    want = np.stack([nn.TransformerBlock(8, 2).init(k)(x) for k in keys])

    assert got.dtype == np.float32
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)  # float32, reordered


def test_a_bias_of_minus_infinity_is_a_mask():
    mask = np.cos(np.arange(30)).reshape(1, 1, 5, 6) > 0
    mask[..., 2, :] = False
    f = lambda b, q, k, v: np.sum(np.sin(nn.dot_product_attention(q, k, v, bias=b)))
    g = lambda q, k, v: np.sum(np.sin(nn.dot_product_attention(q, k, v, mask=mask)))
    want = fg.value_and_grad(g, argnums=(0, 1, 2))(Q, K, V)
    value, (_, *grads) = fg.value_and_grad(f, argnums=(0, 1, 2, 3))(
        np.where(mask, 0, -np.inf), Q, K, V
    )

    np.testing.assert_allclose(value, want[0], rtol=1e-13)
    for a, b in zip(grads, want[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_derivatives_through_masks_are_central_differences_to_second_order():
    mask = np.array([[True, False, True], [False, False, False]])
    f = lambda q, k, v: nn.dot_product_attention(q, k, v, mask=mask)
    fg.check_grads(f, (Q[:1, :2], K[:1, :3], V[:1, :3]), order=2, rtol=1e-5, atol=1e-5)


def test_nothing_attends_to_nothing():
    layer = drawn(nn.MultiHeadAttention(8, 2))

    assert layer(X[:0]).shape == (0, 5, 8) and layer(X[:, :0]).shape == (2, 0, 8)
    np.testing.assert_array_equal(nn.dot_product_attention(Q, K[:, :0], V[:, :0]), np.zeros_like(Q))
    assert nn.sinusoidal_positions(0, 3).shape == (0, 3)


def test_float16_does_not_overflow():
    x = np.float16(60) * Q.astype(np.float16)
    got = nn.dot_product_attention(x, x, x, scale=30.0)

    assert got.dtype == np.float16 and np.all(np.isfinite(got))


def test_keys_and_values_may_come_from_elsewhere():
    layer = drawn(nn.MultiHeadAttention(8, 2, memory_features=3, value_features=4))
    memory, values = K[:, :, 0], V.reshape(2, 6, 12)[..., :4]
    y = layer(X, memory, values)
    heads = lambda x: x.reshape(*x.shape[:-1], 2, 4)
    q, k, v = heads(layer.query(X)), heads(layer.key(memory)), heads(layer.value(values))
    want = layer.out(attended(q, k, v).reshape(2, 5, 8))

    np.testing.assert_allclose(y, want, rtol=1e-12, atol=1e-14)


def test_padding_is_seen_by_no_query():
    layer = drawn(nn.MultiHeadAttention(8, 2))
    counts = np.arange(5) < np.array([3, 5])[:, None]
    y = layer(X, key_mask=counts)

    np.testing.assert_allclose(y[0, :3], layer(X[0, :3]), rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(y, layer(X, mask=counts[:, None, None, :]))
    both = layer(X, key_mask=counts, mask=np.tri(5, dtype=bool))
    np.testing.assert_allclose(both[0, :3], layer(X[0, :3], is_causal=True), rtol=1e-12)


def test_a_layer_may_be_causal_by_description():
    layer = drawn(nn.MultiHeadAttention(8, 2))
    causal = drawn(nn.MultiHeadAttention(8, 2, causal=True))
    block = nn.Sequential(nn.TransformerBlock(8, 2, causal=True)).init(random.key(0))

    np.testing.assert_array_equal(causal(X), layer(X, is_causal=True))
    np.testing.assert_array_equal(causal(X, is_causal=False), layer(X))
    slopes = np.abs(fg.jacrev(block)(X[0])).sum((1, 3))
    assert not np.any(np.triu(slopes, 1)) and np.all(np.diagonal(slopes))


def test_a_full_cache_is_refused_or_gives_nan():
    layer = drawn(nn.MultiHeadAttention(8, 2))
    cache = layer.init_cache(2, 6, dtype=np.float64)
    _, cache = layer(X, cache=cache)

    with pytest.raises(ShapeError, match=r"the cache is full: got 5 positions .* holds 5 of 6"):
        layer(X, cache=cache)
    with pytest.raises(ShapeError, match=r"the cache must have the batch of x"):
        layer(X[:1], cache=cache)
    step = fg.jit(lambda x, cache: layer(x, cache=cache))
    assert np.all(np.isnan(step(X, cache)[0]))
    assert np.all(np.isfinite(step(X[:, :1], cache)[0]))


def test_errors_of_attention_name_the_layer():
    model = nn.Sequential(nn.TransformerBlock(8, 2)).init(random.key(0))
    layer = model[0].attention
    who = r"MultiHeadAttention\(8, 2\) at 'attention': "
    for f in (model[0], fg.jit(lambda x, **k: model[0](x, **k))):
        with pytest.raises(ShapeError, match=who + r"the mask must broadcast .* \[2, 2, 5, 5\]"):
            f(X, mask=np.ones((3, 5), bool))
        with pytest.raises(DtypeError, match=who + r"the mask must be boolean: got f64"):
            f(X, mask=np.ones((5, 5)))
        with pytest.raises(DtypeError, match=who + r"key_mask must be boolean: got i64"):
            f(X, key_mask=np.ones((2, 5), int))
    with pytest.raises(ShapeError, match=r"x must be \[.*time, features\]: got f64\[8\]"):
        layer(X[0, 0])
    with pytest.raises(ValueError, match="an even number of features per head: got 3"):
        nn.MultiHeadAttention(6, 2, use_rotary=True)
    with pytest.raises(ValueError, match=r"TransformerBlock: dropout must be .* got 3.0"):
        nn.TransformerBlock(8, 2, dropout=3.0)
    with pytest.raises(ValueError, match="alibi: num_heads must be 1 or more"):
        nn.alibi(0, 1, 1)
    with pytest.raises(ShapeError, match="with one batch"):
        layer(X, X[:1])
    with pytest.raises(ValueError, match="memory excludes is_causal and cache"):
        layer(X, X, is_causal=True)


def test_positions_are_those_of_the_papers():
    got = nn.sinusoidal_positions(7, 5, dtype=np.float64)
    angles = np.arange(7)[:, None] / 10_000 ** (np.array([0, 2, 4]) / 5)
    np.testing.assert_allclose(got[:, ::2], np.sin(angles), rtol=1e-12)
    np.testing.assert_allclose(got[:, 1::2], np.cos(angles[:, :2]), rtol=1e-12)

    x = Q[..., :2].reshape(2, 5, 2, 4)
    turns = np.exp(1j * np.arange(5)[:, None, None] * np.array([1, 0.01]))
    want = (x[..., ::2] + 1j * x[..., 1::2]) * turns
    pairs = nn.rotary(x, interleaved=True)
    np.testing.assert_allclose(pairs[..., ::2] + 1j * pairs[..., 1::2], want, rtol=1e-12)
    halves = nn.rotary(x[..., [0, 2, 1, 3]])
    np.testing.assert_allclose(halves, pairs[..., [0, 2, 1, 3]], rtol=1e-13)


def test_alibi_falls_by_the_slopes_of_the_paper():
    bias = nn.alibi(8, 3, 3, dtype=np.float64)

    np.testing.assert_array_equal(bias[:, 2, 1], -(0.5 ** np.arange(1, 9)))
    np.testing.assert_array_equal(bias[0], -0.5 * np.abs(np.arange(3) - np.arange(3)[:, None]))
    slopes = -nn.alibi(12, 1, 2, dtype=np.float64)[:, 0, 0]
    np.testing.assert_allclose(slopes[8:], 2.0 ** -np.array([0.5, 1.5, 2.5, 3.5]), rtol=1e-15)


@pytest.mark.parametrize("norm_first", [True, False])
def test_jit_gives_the_gradients_of_eager_code(norm_first):
    block = drawn(nn.TransformerBlock(8, 4, dropout=0.2, norm_first=norm_first, kv_heads=2))
    counts = np.arange(5) < np.array([3, 5])[:, None]
    loss = lambda m, x: np.sum(np.sin(m(x, key_mask=counts, key=random.key(2))))
    f = fg.value_and_grad(loss, argnums=(0, 1))

    assert_same(f(block, X), fg.jit(f)(block, X), 1e-10, 1e-12)  # reordered


def test_a_summary_counts_products():
    table = nn.summary(nn.MultiHeadAttention(8, 2), X.astype(np.float32))
    maps, scores = 4 * 2 * 10 * 8 * 8, 2 * 2 * 2 * 5 * 5 * 8

    assert maps + scores < table.flops < 1.2 * (maps + scores)
    assert [row.path for row in table.rows] == ["", "query", "key", "value", "out"]


def same_as_torchs(grads, theirs):
    """Assert that the gradients of all parameters of an attention are PyTorch's."""
    parts = (grads.query, grads.key, grads.value)
    close = lambda a, b: np.testing.assert_allclose(a, b.grad.numpy(), rtol=1e-10, atol=1e-12)
    close(np.concatenate([part.kernel.T for part in parts]), theirs.in_proj_weight)
    close(np.concatenate([part.bias for part in parts]), theirs.in_proj_bias)
    close(grads.out.kernel.T, theirs.out_proj.weight)
    close(grads.out.bias, theirs.out_proj.bias)


@pytest.mark.peers
def test_attention_is_pytorchs():
    torch = pytest.importorskip("torch")
    layer = drawn(nn.MultiHeadAttention(8, 2))
    theirs = torch.nn.MultiheadAttention(8, 2, batch_first=True).double()
    names = (layer.query, layer.key, layer.value)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.tensor(np.concatenate([m.kernel.T for m in names])))
        theirs.in_proj_bias.zero_()
        theirs.out_proj.weight.copy_(torch.tensor(layer.out.kernel.T))
        theirs.out_proj.bias.zero_()
    padded = np.arange(5) >= np.array([3, 5])[:, None]
    tx = torch.tensor(X, requires_grad=True)
    want, _ = theirs(tx, tx, tx, key_padding_mask=torch.tensor(padded), need_weights=False)
    (want * torch.cos(want)).sum().backward()
    call = lambda m, x: m(x, mask=~padded[:, None, None, :])
    loss = lambda m, x: np.sum(call(m, x) * np.cos(call(m, x)))
    grads, x_grad = fg.grad(loss, argnums=(0, 1))(layer, X)

    np.testing.assert_allclose(call(layer, X), want.detach().numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(x_grad, tx.grad.numpy(), rtol=1e-10, atol=1e-12)
    same_as_torchs(grads, theirs)


@pytest.mark.peers
@pytest.mark.parametrize("norm_first", [True, False])
def test_a_block_is_pytorchs_encoder_layer(norm_first):
    torch = pytest.importorskip("torch")
    block = drawn(nn.TransformerBlock(8, 2, 16, activation=nn.relu, norm_first=norm_first))
    theirs = torch.nn.TransformerEncoderLayer(
        8, 2, 16, dropout=0.0, batch_first=True, norm_first=norm_first
    ).double()
    attention = block.attention
    with torch.no_grad():
        kernels = [m.kernel.T for m in (attention.query, attention.key, attention.value)]
        theirs.self_attn.in_proj_weight.copy_(torch.tensor(np.concatenate(kernels)))
        theirs.self_attn.in_proj_bias.zero_()
        theirs.self_attn.out_proj.weight.copy_(torch.tensor(attention.out.kernel.T))
        theirs.self_attn.out_proj.bias.zero_()
        for linear, m in ((theirs.linear1, block.hidden), (theirs.linear2, block.out)):
            linear.weight.copy_(torch.tensor(m.kernel.T))
            linear.bias.zero_()
    theirs.train()  # in evaluation it takes another path, which nested tensors make imprecise
    padded = np.arange(5) >= np.array([3, 5])[:, None]
    tx = torch.tensor(X, requires_grad=True)
    want = theirs(tx, src_key_padding_mask=torch.tensor(padded))
    (want * torch.cos(want)).sum().backward()
    call = lambda m, x: m(x, key_mask=~padded)
    loss = lambda m, x: np.sum(call(m, x) * np.cos(call(m, x)))
    grads, x_grad = fg.grad(loss, argnums=(0, 1))(block, X)
    close = lambda a, b: np.testing.assert_allclose(a, b.detach(), rtol=1e-10, atol=1e-11)

    close(call(block, X), want)
    close(x_grad, tx.grad)
    same_as_torchs(grads.attention, theirs.self_attn)
    for m, linear in ((grads.hidden, theirs.linear1), (grads.out, theirs.linear2)):
        close(m.kernel.T, linear.weight.grad)
        close(m.bias, linear.bias.grad)
    for m, norm in ((grads.norm1, theirs.norm1), (grads.norm2, theirs.norm2)):
        close(m.scale, norm.weight.grad)
        close(m.bias, norm.bias.grad)


@pytest.mark.peers
def test_the_function_is_jaxs():
    jax = pytest.importorskip("jax")
    mask = np.cos(np.arange(240)).reshape(2, 4, 5, 6) > -0.5
    with jax.enable_x64(True):
        bias = np.sin(np.arange(120.0)).reshape(1, 4, 5, 6)
        causal = {"is_causal": True, "bias": bias}
        for heads, options in ((4, {}), (4, {"mask": mask}), (2, {"scale": 0.3}), (1, causal)):
            k, v = K[:, :, :heads], V[:, :, :heads]
            want = jax.nn.dot_product_attention(Q, k, v, **options)
            got = nn.dot_product_attention(Q, k, v, **options)

            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)  # its softmax is float32
