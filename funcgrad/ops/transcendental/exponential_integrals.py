"""Exponential, sine, cosine and Fresnel integrals, and the dilogarithm.

Power series near 0 (DLMF 6.6, 7.6), and auxiliary functions elsewhere (DLMF 6.2.17, 7.2.10) by
polynomials fitted with mpmath in 1/x or a power of it, of relative error below 1e-17. E_n of n > 1
is the continued fraction DLMF 8.19.17 from 1 on, the series 8.19.8 below. The dilogarithm is a
polynomial in [1/2, 3/2] and DLMF 25.12.4 and 25.12.6 elsewhere. The square of x in the phase of
the Fresnel integrals is not rounded.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..elementwise import cos, div, exp, mul, neg, sin, sinc, square, sub
from ..families import Elementwise
from ..gamma import digamma_of, gamma_positive, no_derivative_in
from ..kernels import by_blocks, masked_update, polynomial, repeated
from .hypergeometric import hyp2f1

HALF_PI = 0.5 * math.pi
LEAST = -1e4  # order of E_n: below 0 they are derivatives


def _between(a: float, b: float, power: int, table: Sequence[float], x: Any) -> Any:
    """A polynomial in x**-power, fitted for a <= x <= b."""
    low, high = 0.0 if b == math.inf else float(b) ** -power, float(a) ** -power
    return polynomial(table, (2 * x**-power - (low + high)) / (high - low))


def _e1(x: Any) -> Any:
    """exp(x) E_1(x) for x > 0."""
    y = _between(4, math.inf, 1, E1_FAR, x)
    middle = lambda x: polynomial(E1_MIDDLE, (2 * x - 5) / 3)
    y = masked_update(y, x < 4, middle, np.maximum(x, 1)) / x
    near = lambda x: np.exp(x) * (x * polynomial(E1_NEAR, 2 * x - 1) - np.log(x) - np.euler_gamma)
    return masked_update(y, x < 1, near, x)


def _expi(x: Any) -> Any:
    size = np.abs(x)
    y = _between(40, math.inf, 1, EI_FAR, size)
    for a, b, table in ((20, 40, EI_20), (10, 20, EI_10), (6, 10, EI_6)):
        y = masked_update(y, size < b, functools.partial(_between, a, b, 1, table), size)
    half = np.exp(0.5 * size)
    y = np.where(size == np.inf, np.inf, half * (y / size) * half)

    def near(x: Any) -> Any:
        root = (x - EI_ROOT[0]) - EI_ROOT[1]
        log = np.where(np.abs(root) < 0.2, np.log1p(root / EI_ROOT[0]), np.log(x / EI_ROOT[0]))
        return log + root * polynomial(EI_NEAR, x / 3 - 1)

    y = masked_update(y, size < 6, near, size)
    return masked_update(y, x < 0, lambda s: -np.exp(-s) * _e1(s), size)


def _expn(n: Any, x: Any) -> Any:
    y = np.exp(-x) * masked_update(_fraction(n, np.maximum(x, 1)), n == 1, _e1, x)
    y = masked_update(y, (n > 1) & (x < 1), _expn_near, n, x)
    low = (n <= 0) & (n >= LEAST)
    y = masked_update(y, low, _downwards, n, x, idle=1)
    y = np.where(x == 0, np.where(n > 1, 1 / np.where(n > 1, n - 1, 1), np.inf), y)
    y = np.where(x == np.inf, 0, y)
    return np.where((x < 0) | (n != np.rint(n)) | (n < LEAST) | np.isnan(x), np.nan, y)


def _fraction(n: Any, x: Any) -> Any:
    both = x + n
    step = lambda k, total: (both + 2 * (k - 1) - k * (n + (k - 1)) / total,)
    return 1 / repeated(step, (both + 2 * 100,), 100, 0, -1)[0]


def _expn_near(n: Any, x: Any) -> Any:
    def step(k: Any, term: Any, total: Any) -> Any:
        pole = n == k + 1
        total = total - np.where(pole, 0, term / np.where(pole, 1, k + 1 - n))
        return term * -x / (k + 1), total

    _, total = repeated(step, (np.ones_like(x), np.zeros_like(x)), 0, 20)
    sign = np.where(np.mod(n, 2) == 1, 1, -1)
    power = np.power(x, n - 1) / gamma_positive(n) * (digamma_of(n) - np.log(x))
    return total + sign * np.where(n > 150, 0, power)


def _downwards(n: Any, x: Any) -> Any:
    """E_n of n <= 0: x E_n = exp(-x) - n E_(n+1)."""
    e = np.exp(-x)
    step = lambda k, y: (np.where(k <= -n, (e + k * y) / x, y),)
    return repeated(step, (e / x,), 1, np.max(-n, initial=0) + 1)[0]


def _auxiliary(tables: Any, x: Any) -> tuple[Any, Any]:
    """x f and x² g of the sine integral for x >= 4."""
    results = []
    for near, far in tables:
        y = _between(8, math.inf, 2, far, np.maximum(x, 8))
        results.append(masked_update(y, x < 8, functools.partial(_between, 4, 8, 2, near), x))
    return results[0], results[1]


def _waves(x: Any) -> tuple[Any, Any, Any, Any]:
    finite = np.clip(x, 4, np.finfo(np.float64).max)
    f, g = _auxiliary(((SICI_F_NEAR, SICI_F_FAR), (SICI_G_NEAR, SICI_G_FAR)), finite)
    return f / finite, g / finite / finite, np.cos(finite), np.sin(finite)


def _sine_integral(x: Any) -> Any:
    size = np.abs(x)
    f, g, c, s = _waves(size)
    y = HALF_PI - f * c - g * s

    def near(x: Any) -> Any:
        term, total = x, x
        for k in range(1, 16):
            term = term * (-x * x) / (2 * k * (2 * k + 1))
            total = total + term / (2 * k + 1)
        return total

    y = masked_update(np.where(size == np.inf, HALF_PI, y), size < 4, near, size)
    return np.copysign(np.where(np.isnan(x), np.nan, y), x)


def _cosine_integral(x: Any) -> Any:
    size = np.abs(x)
    f, g, c, s = _waves(size)
    y = f * s - g * c

    def near(x: Any) -> Any:
        term, total = 1.0, 0.0
        for k in range(1, 17):
            term = term * (-x * x) / ((2 * k - 1) * 2 * k)
            total = total + term / (2 * k)
        return np.euler_gamma + np.log(x) + total

    y = masked_update(np.where(size == np.inf, 0, y), size < 4, near, size)
    return np.where(np.isnan(x), np.nan, y)


def _phase(x: Any) -> tuple[Any, Any]:
    """Cosine and sine of pi/2 x², whose rounding is made up for."""
    big = x * (2.0**27 + 1)
    high = big - (big - x)
    low = x - high
    s = x * x
    rest = ((high * high - s) + 2 * high * low) + low * low
    angle = np.mod(s, 4) + rest
    angle = HALF_PI * np.where(angle > 2, angle - 4, angle)
    return np.cos(angle), np.sin(angle)


def _fresnel(x: Any, combine: Callable[..., Any], first: int) -> Any:
    size = np.abs(x)
    z = np.clip(size, 1.5, 1e150)
    values = []
    for near, far in ((FRESNEL_F_NEAR, FRESNEL_F_FAR), (FRESNEL_G_NEAR, FRESNEL_G_FAR)):
        y = _between(2.5, math.inf, 4, far, np.clip(z, 2.5, 1e60))
        part = functools.partial(_between, 1.5, 2.5, 4, near)
        values.append(masked_update(y, z < 2.5, part, z))
    f, g = values[0] / (math.pi * z), values[1] / (math.pi * z) ** 2 / z
    y = 0.5 + np.where(z > 1e15, 0, combine(f, g, *_phase(np.minimum(z, 1e15))))

    def series(x: Any) -> Any:
        v = HALF_PI * x * x
        term = x * v if first else x
        total = term / (2 * first + 1)
        for k in range(1, 17):
            term = term * (-v * v) / ((2 * k + first - 1) * (2 * k + first))
            total = total + term / (4 * k + 2 * first + 1)
        return total

    y = masked_update(y, size < 1.5, series, size)
    return np.copysign(np.where(np.isnan(x), np.nan, y), x)


def _fresnel_s(x: Any) -> Any:
    return _fresnel(x, lambda f, g, c, s: -f * c - g * s, 1)


def _fresnel_c(x: Any) -> Any:
    return _fresnel(x, lambda f, g, c, s: f * s - g * c, 0)


def _spence(x: Any) -> Any:
    large = x > 1.5
    v = np.where(large, 1 / np.where(large, x, 1), x)  # in [0, 3/2]
    z = np.where(v < 0.5, v, 1 - v)
    y = z * polynomial(DILOG, 2 * z)
    ends = lambda v, y: math.pi**2 / 6 - np.where(v == 0, 0, np.log(v) * np.log1p(-v)) - y
    y = masked_update(y, v < 0.5, ends, v, y)
    y = masked_update(y, large, lambda x, y: -0.5 * np.log(x) ** 2 - y, x, y)
    return np.where(x < 0, np.nan, y)


# the rules above use these names
expn: Elementwise

# fmt: off
E1_MIDDLE = (6.5846591860061005e-09, -1.0511504133506864e-08, -3.421761735535558e-08,
    5.188567217501501e-08, 1.0000815469023564e-07, -1.4714444207642715e-07,
    -1.566735179128819e-07, 2.1518949436116807e-07, 2.2557153381146498e-07,
    -3.151400711101135e-07, -5.963504502961396e-08, 1.8077232215807188e-08,
    4.3766634281423265e-07, -7.390534083255892e-07, 1.1041299060406622e-06,
    -2.078089331060394e-06, 3.975700720168014e-06, -7.44256165816847e-06, 1.4024711021003286e-05,
    -2.6701803222559066e-05, 5.130023485915363e-05, -9.956684592044696e-05,
    0.00019554170493956712, -0.00038930680422671714, 0.0007874971238327736, -0.001623012029688431,
    0.0034199575507926723, -0.007400122630470883, 0.01653305662851654, -0.038400452789706385,
    0.0935106415514165, 0.7588145912149602)
E1_FAR = (-4.2921693883826537e-10, 6.199081183383427e-10, 1.9897485583855633e-09,
    -2.6820114863948215e-09, -5.050726525911943e-09, 6.609654236957091e-09, 6.508764185878312e-09,
    -7.597839666858451e-09, -8.785385430794271e-09, 1.1616248783453067e-08,
    -2.8483894365306923e-09, 9.792728334122545e-09, -3.182161736182418e-08, 6.370359085219796e-08,
    -1.3031038873075e-07, 2.857228685255544e-07, -6.456827105833864e-07, 1.5069630698248239e-06,
    -3.6597296027097292e-06, 9.304976786413556e-06, -2.4960882679869322e-05,
    7.138004548865796e-05, -0.0002207091275328826, 0.0007530386318935743, -0.0029245277762001763,
    0.013618587371731003, -0.08413402625195043, 0.8982371140279944)
E1_NEAR = (-5.575070247424053e-14, 1.468861577259427e-12, -3.565610231478228e-11,
    7.990920056740073e-10, -1.634832596071036e-08, 3.027425014978342e-07, -5.024388272123079e-06,
    7.387064025369851e-05, -0.0009496819183999231, 0.010541467229713778, -0.10074547766076357,
    0.8876841582354967)
EI_ROOT = (0.3725074107813666, 1.3140183414386028e-17)
EI_NEAR = (5.6375638000251275e-11, 4.1160383817922684e-10, 2.5855149518422466e-09,
    1.7060187003561097e-08, 1.074275183904224e-07, 6.368736660828254e-07, 3.5604015677784285e-06,
    1.8706885445050278e-05, 9.197224255094417e-05, 0.0004210738005420688, 0.0017851254499828683,
    0.006961836119615334, 0.024780457941105134, 0.07974156050349793, 0.2292554580841337,
    0.5800776053968245, 1.2664576815080542, 2.3217200962908175, 3.434770585137441,
    3.8535675550242976, 2.986772243435986)
EI_6 = (1.518658912532859e-11, -9.441303490687575e-11, 2.6368608369291347e-10,
    -1.1568896796623098e-11, -4.344021378878462e-09, 2.555886381123769e-08,
    -6.836921052188203e-08, -8.065943738989464e-08, 1.627791744931355e-06,
    -6.2801316279881875e-06, -2.85051328635023e-06, 0.0001276810028829239, -0.000302776947195588,
    -0.0020994546363725607, 0.005059605115300162, 0.07568493684940006, 1.2004214995996307)
EI_10 = (-1.751624089233808e-11, 4.67800702450697e-11, 7.165027778849549e-11,
    -6.050067687063361e-10, 1.2816591443905835e-09, 1.3167321956186484e-09,
    -1.6389622786337506e-08, 3.520179928307859e-08, 6.798978986352622e-08, -5.05030364432409e-07,
    2.74096898159381e-07, 4.736611758169573e-06, -6.202587958708038e-06, -5.0768203051680436e-05,
    -4.087532826688384e-06, 0.0005578578046382142, 0.0035821498232031057, 0.03724579242728751,
    1.0901408684282592)
EI_20 = (6.557866179543999e-13, -2.052784074595981e-12, -8.63003233624014e-12,
    2.6542570199987302e-11, 1.0215547970343894e-10, -1.6826870959983486e-10,
    -1.3051009443776144e-09, -1.644127513916063e-09, 7.2590771351544535e-09,
    5.320235404472951e-08, 2.87327320767179e-07, 2.126292471681281e-06, 2.4940943250549565e-05,
    0.000464989707451342, 0.014775462758249678, 1.0406880411016135)
EI_FAR = (4.32974640878007e-14, 1.3877448585885714e-13, 3.897892565102625e-13,
    2.0011016833664054e-12, 1.1743886203426407e-11, 7.719010416241122e-11, 5.943164141963469e-10,
    5.430562520836421e-09, 5.994808756832889e-08, 8.207668873316665e-07, 1.449367709316704e-05,
    0.00035158512009232347, 0.013162701487828781, 1.0128248443226306)
DILOG = (2.2039356220366022e-10, 4.4513979483915824e-10, -4.754555293222241e-10,
    -8.365969024146411e-10, 2.3458533920064897e-09, 4.598525468795842e-09, 3.090532640354942e-09,
    7.732498663981535e-09, 2.4922253504495736e-08, 5.49719307377638e-08, 1.1843830095479673e-07,
    2.701394974071265e-07, 6.231054460210578e-07, 1.4450160423722336e-06, 3.390763831610521e-06,
    8.070671430460835e-06, 1.9531263523484897e-05, 4.8225322574110015e-05, 0.00012207031104564493,
    0.0003188775497828706, 0.0008680555556434655, 0.0025000000000569684, 0.007812499999997531,
    0.02777777777777675, 0.12500000000000003, 1.0)
SICI_F_NEAR = (1.805480515794072e-11, -3.6255512403618825e-11, -2.5764939319619727e-11,
    3.9555768900511754e-11, 1.8104134670468547e-10, -3.6980248132505875e-10,
    4.596900088769621e-10, -1.1378297931642186e-09, 3.0801940588363717e-09, -7.43859672955617e-09,
    1.8255329391251287e-08, -4.65015813643928e-08, 1.2189980137800176e-07, -3.30236658182439e-07,
    9.315013874141314e-07, -2.760756685302925e-06, 8.70718609278395e-06, -2.9775809983806256e-05,
    0.00011368354121901144, -0.0005093313348859523, 0.0029468430581038665, -0.027569764262193115,
    0.9418119807878753)
SICI_F_FAR = (-5.986837830937743e-10, 6.628629459195196e-10, 3.2954099522159928e-09,
    -3.4553948926756187e-09, -8.45665302027165e-09, 8.448387613134389e-09, 1.2767516823908693e-08,
    -1.2015750759458409e-08, -1.2946162710954807e-08, 1.1604221009466922e-08,
    8.363330955021814e-09, -6.5508889455208554e-09, -5.459192039648056e-09,
    5.5211668203694645e-09, -2.9966747723476462e-09, 7.666269026530194e-09,
    -1.8006261366646774e-08, 3.821385232943124e-08, -8.645671189037748e-08, 2.106910795419839e-07,
    -5.577946536752169e-07, 1.6383753455875915e-06, -5.503308971029083e-06, 2.213496945968875e-05,
    -0.00011493614903678992, 0.0008826900462621946, -0.013381738359286218, 0.9855904297170983)
FRESNEL_F_NEAR = (-9.320805625522653e-10, 1.293178035013635e-09, 4.4839487826778735e-09,
    -5.858771081678075e-09, -1.1196569936345492e-08, 1.4076169304418591e-08,
    1.538508335117972e-08, -1.787836512476026e-08, -1.728546527257581e-08, 2.0418342281675686e-08,
    4.647976286022702e-09, -5.496975362548753e-10, -2.3374089609390406e-08, 3.903701933277926e-08,
    -6.348242209247396e-08, 1.2436245968613293e-07, -2.495640258190389e-07, 5.089260378309332e-07,
    -1.0748715066301525e-06, 2.368773999127655e-06, -5.496519687565785e-06,
    1.3614878366501247e-05, -3.674371063849336e-05, 0.00011160833360444629,
    -0.0004037486204224329, 0.0019474919535133136, -0.01665802408876115, 0.9736164350794141)
FRESNEL_F_FAR = (7.013900488340693e-12, -1.00057640815932e-11, -2.036655334652883e-11,
    2.5214399895484715e-11, 4.3436245705392424e-11, -5.754621176964845e-11,
    -6.145951362573855e-12, -2.198781469139003e-11, 1.5299290826717453e-10,
    -3.3012062989793533e-10, 7.593217319849054e-10, -2.0244559449552523e-09,
    5.8451944059053254e-09, -1.860264308223579e-08, 6.721277766999847e-08, -2.861122462757598e-07,
    1.5185799912021447e-06, -1.1029493596192232e-05, 0.00012983993691447805,
    -0.0035898473856467985, 0.9962673834758357)
SICI_G_NEAR = (-9.354497413975343e-11, 1.828599201983625e-10, 1.7744077165108551e-10,
    -2.88815242835635e-10, -8.923224313842794e-10, 1.7271535711867568e-09, -1.505408079910938e-09,
    3.746929417433165e-09, -1.0870622868348082e-08, 2.490837510100694e-08,
    -5.7266118878876565e-08, 1.3784873443485014e-07, -3.391703687342373e-07,
    8.536069160491926e-07, -2.2112292203089915e-06, 5.92867112551684e-06, -1.657130108227376e-05,
    4.877573436587897e-05, -0.00015339018925660674, 0.0005268883729582553, -0.002049538794554685,
    0.009640901941620181, -0.06306367239922105, 0.849912766580565)
SICI_G_FAR = (-1.0029261193190221e-08, 1.0325514087418513e-08, 6.696605978852267e-08,
    -6.608251696397671e-08, -2.0618176362167734e-07, 1.9504270358667698e-07,
    3.8232904882729597e-07, -3.4533168827602963e-07, -4.756198021860394e-07,
    4.089193059942901e-07, 4.150943058357563e-07, -3.366666378706778e-07, -2.649528277760312e-07,
    2.0393486542701646e-07, 1.1549144096541366e-07, -7.642199654885147e-08,
    -5.712768466973689e-08, 5.5845233826930896e-08, -4.3935102290111255e-08,
    9.582543971952205e-08, -2.0117764037229784e-07, 4.101187549645407e-07, -8.830779563236296e-07,
    2.025007844461036e-06, -4.995394833384958e-06, 1.3489797507266454e-05, -4.087592073420737e-05,
    0.0001441816335566375, -0.0006274732869001924, 0.0037238333371220535, -0.03661445489281508,
    0.9588269529985257)
FRESNEL_G_NEAR = (-6.1691755183213005e-09, 8.233511194598027e-09, 3.676385224437603e-08,
    -4.6844963750125024e-08, -1.0748051287606747e-07, 1.3170786340214264e-07,
    1.8788108466655998e-07, -2.1903311137811395e-07, -2.3067015652597572e-07,
    2.5888342003738435e-07, 1.8149924780957503e-07, -1.8434617597173835e-07,
    -1.4953598499974623e-07, 1.7043672480463192e-07, -3.871601422217883e-08,
    1.1222600921574245e-07, -3.0420979922327885e-07, 5.316654992876706e-07, -9.43332302678326e-07,
    1.7673578259375264e-06, -3.3822968908844105e-06, 6.624585765605419e-06,
    -1.3367189938510391e-05, 2.7949559729527416e-05, -6.102366630290238e-05,
    0.0001406382480306992, -0.00034755459637799525, 0.0009436262357244321, -0.0029312178418306224,
    0.011239636566597046, -0.06307057163234729, 0.887141692383345)
FRESNEL_G_FAR = (9.013800686161486e-11, -1.1385679782092616e-10, -3.9398244578840973e-10,
    4.6101263913772865e-10, 8.736210923329511e-10, -9.825513754931226e-10,
    -1.0137970544868773e-09, 1.0077189865886997e-09, 1.0794960132682149e-09,
    -1.2391722268759057e-09, 3.061700076519238e-10, -1.175288978707152e-09, 3.570388624712708e-09,
    -7.710157135484875e-09, 1.774951514942812e-08, -4.4449376829558046e-08,
    1.1972823094959986e-07, -3.5245092871631156e-07, 1.1594853602837117e-06,
    -4.395247814057891e-06, 2.0093612079390666e-05, -0.00011908613704765354,
    0.0010362055091541582, -0.016910517432915575, 0.9819079939332481)

expn = Elementwise("expn", by_blocks(_expn), no_derivative_in("expn", "n"),
    lambda t, y, n, x: neg(mul(t, expn(sub(n, 1), x))))
expi = Elementwise("expi", by_blocks(_expi), lambda t, y, x: mul(t, div(exp(x), x)))
sine_integral = Elementwise("sine_integral", by_blocks(_sine_integral),
    lambda t, y, x: mul(t, sinc(mul(x, 1 / math.pi))))
cosine_integral = Elementwise("cosine_integral", by_blocks(_cosine_integral),
    lambda t, y, x: mul(t, div(cos(x), x)))
fresnel_s = Elementwise("fresnel_s", by_blocks(_fresnel_s),
    lambda t, y, x: mul(t, sin(mul(HALF_PI, square(x)))))
fresnel_c = Elementwise("fresnel_c", by_blocks(_fresnel_c),
    lambda t, y, x: mul(t, cos(mul(HALF_PI, square(x)))))
# log(x) / (1 - x), which is a hypergeometric function
spence = Elementwise("spence", by_blocks(_spence),
    lambda t, y, x: neg(mul(t, hyp2f1(1.0, 1.0, 2.0, sub(1, x)))))
# fmt: on
