"""Floating-point formats that NumPy lacks (bfloat16, float8, float4), decoded exactly to float32.

Source: OCP 8-bit Floating Point Specification 1.0, table 1; OCP Microscaling Formats 1.0, section
5.3; for the FNUZ formats, Noune et al. 2022 (arXiv:2206.02915).
"""

import numpy as np

BITS = {
    "F4": 4, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "BF16": 16,
}  # fmt: skip
_NEGATIVE_ZERO = (0x80,)  # encodes nan in formats without -0


def widened(data: np.ndarray, dtype: str) -> np.ndarray:
    """Decode the bytes of an array, to float32 [n]."""
    if dtype == "BF16":  # the upper half of a float32
        return (data.view("<u2").astype(np.uint32) << 16).view(np.float32)
    if dtype == "F4":  # two elements per byte, the first in the lower half
        data = np.stack([data & 15, data >> 4], -1).reshape(-1)
    return _values(dtype).astype(np.float32)[data]


def _values(dtype: str) -> np.ndarray:
    """The value of each code."""
    codes = np.arange(256)
    if dtype == "F8_E5M2":  # the upper half of a float16
        return (codes << 8).astype(np.uint16).view(np.float16)
    if dtype == "F8_E8M0":  # an exponent only
        return np.where(codes == 255, np.nan, np.ldexp(1.0, codes - 127))
    if dtype == "F4":
        return _small_floats(4, exponent=2, bias=1, nans=())
    if dtype == "F8_E4M3":
        return _small_floats(8, exponent=4, bias=7, nans=(0x7F, 0xFF))
    if dtype == "F8_E4M3FNUZ":
        return _small_floats(8, exponent=4, bias=8, nans=_NEGATIVE_ZERO)
    assert dtype == "F8_E5M2FNUZ"
    return _small_floats(8, exponent=5, bias=16, nans=_NEGATIVE_ZERO)


def _small_floats(bits: int, exponent: int, bias: int, nans: tuple[int, ...]) -> np.ndarray:
    """The values of a format with sign, exponent and fraction, without infinities."""
    codes, width = np.arange(2**bits), bits - 1 - exponent
    power = (codes >> width) & (2**exponent - 1)
    fraction = (codes & (2**width - 1)) / 2**width
    subnormal, normal = np.ldexp(fraction, 1 - bias), np.ldexp(1 + fraction, power - bias)
    size = np.where(power == 0, subnormal, normal)
    size[list(nans)] = np.nan
    return np.where(codes >> (bits - 1), -size, size)
