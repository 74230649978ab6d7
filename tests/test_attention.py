"""Attention against formulas written out, masks, caches, and PyTorch."""

import math

import numpy as np
import pytest

import funcgrad as fg
from funcgrad import nn, random, tree
from funcgrad.core.errors import DtypeError, ShapeError

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
    with pytest.raises(ShapeError, match="an even number of features"):
        nn.rotary(np.ones((1, 1, 3)))


def test_learned_positions_are_added():
    layer = drawn(nn.PositionalEmbedding(6, 8))

    np.testing.assert_array_equal(layer(X), X + layer.embedding[:5])
    np.testing.assert_array_equal(layer(X[:, :2], start=3), X[:, :2] + layer.embedding[3:5])
    with pytest.raises(ShapeError, match="x must have up to 6 places"):
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
    np.testing.assert_allclose(
        grads.query.kernel.T, theirs.in_proj_weight.grad[:8].numpy(), rtol=1e-10, atol=1e-12
    )


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
    want = theirs(torch.tensor(X)).detach().numpy()

    np.testing.assert_allclose(block(X), want, rtol=1e-10, atol=1e-12)


@pytest.mark.peers
def test_the_function_is_jaxs():
    jax = pytest.importorskip("jax")
    mask = np.cos(np.arange(240)).reshape(2, 4, 5, 6) > -0.5
    with jax.enable_x64(True):
        for options in ({}, {"mask": mask}, {"scale": 0.3}):
            want = jax.nn.dot_product_attention(Q, K, V, **options)
            got = nn.dot_product_attention(Q, K, V, **options)

            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)  # its softmax is float32
