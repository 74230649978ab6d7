"""Models: the module decorator, layers, activations, initializers. A table of contents."""

from ..core.errors import UninitializedError as UninitializedError
from ..core.lazy import publish as _publish
from . import init as init
from .annotations import Array as Array
from .apply import (
    RefreshError as RefreshError,
    apply as apply,
    latest as latest,
    refresh as refresh,
)
from .attention import (
    Cache as Cache,
    MultiHeadAttention as MultiHeadAttention,
    causal_mask as causal_mask,
    dot_product_attention as dot_product_attention,
)
from .cells import GRUCell as GRUCell, LSTMCell as LSTMCell, RNNCell as RNNCell
from .containers import (
    MLP as MLP,
    Identity as Identity,
    Lambda as Lambda,
    Parallel as Parallel,
    Residual as Residual,
    Sequential as Sequential,
)
from .conv import Conv as Conv, ConvTranspose as ConvTranspose
from .freeze import Frozen as Frozen, freeze as freeze, unfreeze as unfreeze
from .functions import (
    celu as celu,
    elu as elu,
    gelu as gelu,
    glu as glu,
    hard_sigmoid as hard_sigmoid,
    hard_silu as hard_silu,
    hard_swish as hard_swish,
    hard_tanh as hard_tanh,
    leaky_relu as leaky_relu,
    log_sigmoid as log_sigmoid,
    log_softmax as log_softmax,
    logsumexp as logsumexp,
    mish as mish,
    one_hot as one_hot,
    relu as relu,
    relu6 as relu6,
    selu as selu,
    sigmoid as sigmoid,
    silu as silu,
    soft_sign as soft_sign,
    softmax as softmax,
    softplus as softplus,
    squareplus as squareplus,
    standardize as standardize,
    swish as swish,
    tanh as tanh,
)
from .layers import (
    Dense as Dense,
    Dropout as Dropout,
    Embedding as Embedding,
    Flatten as Flatten,
)
from .module import (
    Module as Module,
    ModuleError as ModuleError,
    module as module,
    param as param,
    state as state,
)
from .normalization import (
    BatchNorm as BatchNorm,
    GroupNorm as GroupNorm,
    InstanceNorm as InstanceNorm,
    LayerNorm as LayerNorm,
    RMSNorm as RMSNorm,
)
from .partition import (
    combine as combine,
    count_params as count_params,
    partition as partition,
    trainable as trainable,
)
from .pooling import (
    AvgPool as AvgPool,
    MaxPool as MaxPool,
    avg_pool as avg_pool,
    global_avg_pool as global_avg_pool,
    global_max_pool as global_max_pool,
    max_pool as max_pool,
    min_pool as min_pool,
)
from .positional import (
    PositionalEmbedding as PositionalEmbedding,
    alibi as alibi,
    rotary as rotary,
    sinusoidal_positions as sinusoidal_positions,
)
from .recurrent import GRU as GRU, LSTM as LSTM, RNN as RNN
from .replace import get as get, replace as replace
from .resampling import scale_and_translate as scale_and_translate
from .resizing import (
    Upsample as Upsample,
    adaptive_avg_pool as adaptive_avg_pool,
    resize as resize,
)
from .summary import Row as Row, Summary as Summary, summary as summary
from .transformer import TransformerBlock as TransformerBlock

_publish(__name__, ["init"])
