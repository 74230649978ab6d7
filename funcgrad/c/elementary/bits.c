/* Parts of the elementary functions: bits of floats, powers of 2, polynomials, exact sums.

Every function here is straight-line code of +, -, *, /, sqrt, comparisons and integer operations,
so compilers vectorise loops over it. Each of these operations is exact or correctly rounded, so
every compiler gives the same bits, as long as it neither fuses nor reorders them
(-ffp-contract=off, no -ffast-math). Rounding is to nearest. */

#include <math.h>
#include <stdint.h>

/* A loop with a call that is not inlined would not be vectorised. */
#ifdef __GNUC__
#define INLINED static inline __attribute__((always_inline))
#else
#define INLINED static inline
#endif

/* No turn of the loop below reads what another one writes: nothing is left to check of pointers. */
#if defined(__GNUC__) && !defined(__clang__)
#define INDEPENDENT _Pragma("GCC ivdep")
#else
#define INDEPENDENT
#endif

INLINED uint64_t bits_double(double x) {
    const union { double x; uint64_t n; } same = {x};
    return same.n;
}

INLINED double from_bits_double(uint64_t n) {
    const union { uint64_t n; double x; } same = {n};
    return same.x;
}

INLINED uint32_t bits_float(float x) {
    const union { float x; uint32_t n; } same = {x};
    return same.n;
}

INLINED float from_bits_float(uint32_t n) {
    const union { uint32_t n; float x; } same = {n};
    return same.x;
}

/* a if the last bit of n is set, else b: without a branch, which would be mispredicted. */
INLINED double chosen_double(uint64_t n, double a, double b) {
    const uint64_t mask = 0 - (n & 1);
    return from_bits_double((bits_double(a) & mask) | (bits_double(b) & ~mask));
}

/* The nearest integer, for |x| < 2^51: 3 2^51 has no bits below 1. */
INLINED double nearest_double(double x) { return (x + 0x1.8p52) - 0x1.8p52; }

INLINED float nearest_float(float x) { return (x + 0x1.8p23f) - 0x1.8p23f; }

/* 2^k for an integer k from -1022 to 1023: the biased exponent is the last bits of the sum. */
INLINED double power_of_2_double(double k) {
    return from_bits_double(bits_double(k + (0x1.8p52 + 1023)) << 52);
}

INLINED float power_of_2_float(float k) {
    return from_bits_float(bits_float(k + (0x1.8p23f + 127)) << 23);
}

/* x 2^k for an integer k from -2044 to 2046: by two powers, and one rounding at the most. */
INLINED double scaled_double(double x, double k) {
    const double half = nearest_double(0.5 * k);
    return x * power_of_2_double(half) * power_of_2_double(k - half);
}

INLINED float scaled_float(float x, float k) {
    const float half = nearest_float(0.5f * k);
    return x * power_of_2_float(half) * power_of_2_float(k - half);
}

/* a + b x + c x^2 + d x^3. Longer polynomials are made of these, which is faster than Horner's
rule: their steps do not wait for one another. */
INLINED double cubic_double(double x, double a, double b, double c, double d) {
    return (a + b * x) + x * x * (c + d * x);
}

INLINED float cubic_float(float x, float a, float b, float c, float d) {
    return (a + b * x) + x * x * (c + d * x);
}

/* An unevaluated sum, of twice the digits of a double. */
typedef struct {
    double hi, lo;
} pair_double;

/* a + b exactly, if |a| >= |b|, or a = 0. Source: Dekker 1971. */
INLINED pair_double quick_sum_double(double a, double b) {
    const double hi = a + b;
    const pair_double sum = {hi, b - (hi - a)};
    return sum;
}

/* a + b exactly. Source: Knuth, The Art of Computer Programming 2, section 4.2.2. */
INLINED pair_double sum_double(double a, double b) {
    const double hi = a + b, rest = hi - a;
    const pair_double sum = {hi, (a - (hi - rest)) + (b - rest)};
    return sum;
}

/* a b exactly, if nothing overflows or underflows: by a fused multiply-add where the CPU has one,
else from halves of 26 bits (Dekker 1971). Both are exact, so both give the same bits. */
INLINED pair_double product_double(double a, double b) {
    const double hi = a * b;
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    const pair_double product = {hi, fma(a, b, -hi)};
#else
    const double ta = 0x8000001p0 * a, tb = 0x8000001p0 * b;
    const double ah = ta - (ta - a), bh = tb - (tb - b), al = a - ah, bl = b - bh;
    const pair_double product = {hi, ((ah * bh - hi) + ah * bl + al * bh) + al * bl};
#endif
    return product;
}
