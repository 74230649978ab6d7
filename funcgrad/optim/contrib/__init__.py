"""Rare optimizers, used like those of ``optim``. A table of contents."""

from ...core.lazy import calls as _calls, publish as _publish, recipes as _recipes
from .adaptive import (
    ScaleByAdanState as ScaleByAdanState,
    adabelief as adabelief,
    adan as adan,
    scale_by_adan as scale_by_adan,
    scale_by_belief as scale_by_belief,
    scale_by_yogi as scale_by_yogi,
    yogi as yogi,
)
from .averaging import (
    LookaheadParams as LookaheadParams,
    LookaheadState as LookaheadState,
    lookahead as lookahead,
)
from .layerwise import (
    ScaleByNovogradState as ScaleByNovogradState,
    centralize as centralize,
    lars as lars,
    novograd as novograd,
    scale_by_novograd as scale_by_novograd,
)
from .noise import (
    AddNoiseState as AddNoiseState,
    add_noise as add_noise,
    noisy_sgd as noisy_sgd,
)
from .signs import (
    ScaleByRpropState as ScaleByRpropState,
    rprop as rprop,
    scale_by_rprop as scale_by_rprop,
    scale_by_sign as scale_by_sign,
    sign_sgd as sign_sgd,
)

_recipes(
    __name__, "adabelief add_noise adan centralize lars noisy_sgd novograd rprop sign_sgd yogi"
)
_calls(
    __name__,
    "adabelief add_noise adan centralize lars novograd noisy_sgd rprop scale_by_adan "
    "scale_by_belief scale_by_novograd scale_by_rprop scale_by_sign scale_by_yogi sign_sgd yogi",
)
_publish(__name__)
