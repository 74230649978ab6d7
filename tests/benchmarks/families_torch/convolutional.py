"""Convolutional networks, in PyTorch: images [B, H, W, C] seen as channels_last, no copy."""

import torch
import torch.nn.functional as F  # noqa: N812 (as its users write it)

from .parts import cross_entropy, sgd_step, whole


def conv(x, w, stride=1, dilation=1, groups=1, bias=None):
    """Convolution of padding SAME as JAX pads it; x is [B, C, H, W], w is [H, W, in, out]."""
    pads = []
    for size, k in zip(reversed(x.shape[2:]), reversed(w.shape[:2]), strict=True):
        reach = (k - 1) * dilation + 1
        total = max(0, (-(-size // stride) - 1) * stride + reach - size)
        pads += [total // 2, total - total // 2]
    w = w.permute(3, 2, 0, 1)
    if pads[0] == pads[1] and pads[2] == pads[3]:
        return F.conv2d(x, w, bias, stride, (pads[2], pads[0]), dilation, groups)
    return F.conv2d(F.pad(x, pads), w, bias, stride, 0, dilation, groups)


def channels(x):
    return x.permute(0, 3, 1, 2)  # [B, H, W, C] -> [B, C, H, W]


@whole
def cnn(compiled):
    def layer(x, w, b):
        return F.max_pool2d(torch.relu(conv(x, w, bias=b)), 2)

    def loss(params, x, y):
        w1, b1, w2, b2, w3, b3 = params
        h = layer(layer(channels(x), w1, b1), w2, b2)
        h = h.permute(0, 2, 3, 1).reshape(len(x), -1)
        return cross_entropy(torch.addmm(b3, h, w3), y)

    return sgd_step(compiled(loss))


def batch_norm(x, scale, shift):
    return F.batch_norm(x, None, None, scale, shift, training=True)


def residual_block(params, x):
    x = channels(x)
    h = torch.relu(batch_norm(conv(x, params[0]), *params[1:3]))
    h = batch_norm(conv(h, params[3]), *params[4:6])
    return (torch.relu(x + h) ** 2).mean()


def depthwise(params, x):
    h = conv(channels(x), params[0], stride=2, groups=x.shape[-1])
    return (torch.relu(conv(torch.relu(h), params[1], bias=params[2])) ** 2).mean()


def dilated(params, x):
    x = channels(x)
    for k, w in enumerate(params[:-1]):
        h = conv(x, w, dilation=2**k)
        x = x + torch.tanh(h[:, :16]) * torch.sigmoid(h[:, 16:])
    return torch.sum(conv(x, params[-1]) ** 2) / x.numel()


def stem(params, x, y):
    w1, b1, w2, b2, w3 = params
    h = F.max_pool2d(torch.relu(conv(channels(x), w1, stride=2, bias=b1)), 3, 2)
    h = torch.relu(conv(h, w2, groups=4, bias=b2))
    return cross_entropy(h.mean((2, 3)) @ w3, y)
