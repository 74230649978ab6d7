"""The transformer block."""

from collections.abc import Callable
from dataclasses import field
from typing import Any

from ..random import Key, fold_in
from .attention import Cache, MultiHeadAttention
from .containers import call_layer
from .functions import gelu
from .layers import Dense, Dropout
from .module import Module, module
from .normalization import LayerNorm


@module
class TransformerBlock(Module):
    """Self-attention and a two-layer network, each with a residual connection and a layer norm.

    Args:
        features: the length of the last axis of x, shape [..., time, features].
        num_heads: the number of attention heads.
        hidden_features: the width of the network, by default 4 * features.
        activation: elementwise function, the activation of the network.
        dropout: float in [0, 1], the rate of dropout of the weights and after both parts.
        norm_first: whether norms precede each part (pre-norm), or follow the sums (post-norm).
        kv_heads, use_rotary, causal: see :class:`MultiHeadAttention`.

    Source: Vaswani et al. 2017, section 3.1; Xiong et al. 2020 for pre-norm (arXiv:2002.04745).

    >>> from funcgrad import random
    >>> import numpy as np
    >>> block = TransformerBlock(16, 4, causal=True).init(random.key(0))
    >>> block(np.ones((2, 5, 16))).shape
    (2, 5, 16)
    """

    features: int
    num_heads: int
    hidden_features: int | None = None
    activation: Callable[[Any], Any] = gelu
    dropout: float = 0.0
    norm_first: bool = True
    kv_heads: int | None = None
    use_rotary: bool = False
    causal: bool = False
    attention: MultiHeadAttention = field(default=None, kw_only=True)  # type: ignore[assignment]
    norm1: LayerNorm = field(default=None, kw_only=True)  # type: ignore[assignment]
    norm2: LayerNorm = field(default=None, kw_only=True)  # type: ignore[assignment]
    hidden: Dense = field(default=None, kw_only=True)  # type: ignore[assignment]
    out: Dense = field(default=None, kw_only=True)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.attention is not None:  # from dataclasses.replace
            return
        n, wide = self.features, self.hidden_features or 4 * self.features
        self.attention = MultiHeadAttention(
            n,
            self.num_heads,
            self.kv_heads,
            dropout=self.dropout,
            use_rotary=self.use_rotary,
            causal=self.causal,
        )
        self.norm1, self.norm2 = LayerNorm(n), LayerNorm(n)
        self.hidden = Dense(n, wide, activation=self.activation)
        self.out = Dense(wide, n)

    def __call__(
        self,
        x: Any,
        *,
        mask: Any = None,
        key_mask: Any = None,
        bias: Any = None,
        is_causal: bool | None = None,
        cache: Cache | None = None,
        key: Key | None = None,
    ) -> Any:
        """The result; with a cache, the pair (result, cache). See :class:`MultiHeadAttention`."""
        options = {"mask": mask, "key_mask": key_mask, "bias": bias, "is_causal": is_causal}
        options["cache"] = cache

        def attend(x: Any) -> tuple[Any, Any]:
            inner = None if key is None else fold_in(key, 0)
            y = self.attention(x, key=inner, **options)
            return y if cache is not None else (y, None)

        def network(x: Any) -> Any:
            return self.out(self._dropped(self.hidden(x), key, 1))

        y, cache = attend(self.norm1(x) if self.norm_first else x)
        x = x + self._dropped(y, key, 2)
        x = x if self.norm_first else self.norm1(x)
        y = network(self.norm2(x) if self.norm_first else x)
        x = x + self._dropped(y, key, 3)
        x = x if self.norm_first else self.norm2(x)
        return x if cache is None else (x, cache)

    def _dropped(self, x: Any, key: Key | None, i: int) -> Any:
        return call_layer(Dropout(self.dropout), x, key, i) if self.dropout else x
