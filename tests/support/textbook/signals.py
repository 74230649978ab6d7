"""Signals and images: filters, kernels, histograms, cumulative tables."""

import numpy as np


def iir(x, b, a):
    """A recursive filter in direct form."""
    y = np.zeros_like(x)
    for n in range(len(x)):
        y[n] = b[0] * x[n]
        if n >= 1:
            y[n] += b[1] * x[n - 1] - a[0] * y[n - 1]
        if n >= 2:
            y[n] += b[2] * x[n - 2] - a[1] * y[n - 2]
    return y


def fft_filter(x, gains):
    """A low pass with a gain for each kept frequency."""
    spectrum = np.fft.rfft(x)
    k = len(gains)
    spectrum[:k] *= gains
    spectrum[k:] = 0
    return np.fft.irfft(spectrum, n=len(x))


def convolution(image, kernel):
    """A kernel moved over an image with a border of zeros."""
    m, n = image.shape
    padded = np.zeros((m + 2, n + 2))
    padded[1:-1, 1:-1] = image
    out = np.empty_like(image)
    for i in range(m):
        for j in range(n):
            out[i, j] = np.sum(padded[i : i + 3, j : j + 3] * kernel)
    return out


def unsharp(image, weights):
    """A separable blur in two passes, in place, then the difference added back."""
    blurred = image.copy()
    for axis in range(2):
        rows = blurred if axis == 0 else blurred.T
        before = rows.copy()
        rows[1:-1] = weights[0] * before[:-2] + weights[1] * before[1:-1] + weights[0] * before[2:]
    return image + weights[2] * (image - blurred)


def histogram(positions, masses):
    """Masses shared between the two nearest cells of a grid."""
    counts = np.zeros(6)
    cell = np.floor(positions).astype(int)
    right = positions - cell
    np.add.at(counts, cell, masses * (1 - right))
    np.add.at(counts, cell + 1, masses * right)
    return counts


def integral_image(image):
    """The sums of all rectangles at the upper left corner, in place."""
    s = image.copy()
    m, n = s.shape
    for j in range(1, n):
        s[0, j] += s[0, j - 1]
    for i in range(1, m):
        s[i, 0] += s[i - 1, 0]
        for j in range(1, n):
            s[i, j] += s[i - 1, j] + s[i, j - 1] - s[i - 1, j - 1]
    return s


def haar(x):
    """Haar's wavelet transform, over the first half of the array at each level."""
    out = x.copy()
    n = len(out)
    while n > 1:
        half = n // 2
        even, odd = out[:n:2].copy(), out[1:n:2].copy()
        out[:half] = (even + odd) / np.sqrt(2)
        out[half:n] = (even - odd) / np.sqrt(2)
        n = half
    return out


def fourier(re, im):
    """Cooley and Tukey's transform in place, with bit reversal, of two real arrays."""
    re, im = re.copy(), im.copy()
    n = len(re)
    j = 0
    for i in range(1, n):
        bit = n >> 1
        while j & bit:
            j ^= bit
            bit >>= 1
        j |= bit
        if i < j:
            re[i], re[j] = re[j], re[i]
            im[i], im[j] = im[j], im[i]
    size = 2
    while size <= n:
        for start in range(0, n, size):
            for k in range(size // 2):
                angle = -2 * np.pi * k / size
                c, s = np.cos(angle), np.sin(angle)
                u, v = start + k, start + k + size // 2
                tr = c * re[v] - s * im[v]
                ti = c * im[v] + s * re[v]
                re[v], im[v] = re[u] - tr, im[u] - ti
                re[u] += tr
                im[u] += ti
        size *= 2
    return re, im


def smoothing(x, alpha, beta):
    """Holt's exponential smoothing: level and trend of each time."""
    n = len(x)
    level, trend = np.zeros(n), np.zeros(n)
    level[0], trend[0] = x[0], x[1] - x[0]
    for t in range(1, n):
        level[t] = alpha * x[t] + (1 - alpha) * (level[t - 1] + trend[t - 1])
        trend[t] = beta * (level[t] - level[t - 1]) + (1 - beta) * trend[t - 1]
    return level + trend


ARGUMENTS = {
    "iir": lambda r: (r.normal(size=7), r.normal(size=3), np.array([0.4, -0.2])),
    "fft_filter": lambda r: (r.normal(size=8), r.normal(size=3)),
    "convolution": lambda r: (r.normal(size=(4, 3)), r.normal(size=(3, 3))),
    "unsharp": lambda r: (r.normal(size=(4, 5)), np.array([0.25, 0.5, 1.5])),
    "histogram": lambda r: (r.uniform(0, 5, 6), r.normal(size=6)),
    "integral_image": lambda r: (r.normal(size=(3, 4)),),
    "haar": lambda r: (r.normal(size=8),),
    "fourier": lambda r: (r.normal(size=8), r.normal(size=8)),
    "smoothing": lambda r: (r.normal(size=6), np.float64(0.4), np.float64(0.3)),
}
