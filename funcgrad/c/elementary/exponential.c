/* exp, expm1, exp2 and the logistic function.

x = k log 2 + r with an integer k and |r| <= log(2)/2, and exp(x) = 2^k exp(r). Then
exp(r) = 1 + (r + exp_tail(r)), so that the rounding errors of r and of the polynomial count little.
log 2 is the sum of two numbers, of which the first has 32 bits (float: 9), so that its product with
k is exact. */

#include "bits.c"

/* x = k log 2 + r + c; the polynomials of r need no c, as |c| is below half an ulp of r. */
typedef struct {
    double k, r, c;
} exponent_double;

typedef struct {
    float k, r;
} exponent_float;

INLINED exponent_double exponent_double_of(double x) {
    const double k = nearest_double(x * 1.4426950408889634);
    const double hi = x - k * 6.93147180369123816e-1, lo = k * 1.90821492927058770e-10;
    const exponent_double parts = {k, hi - lo, (hi - (hi - lo)) - lo};
    return parts;
}

INLINED exponent_float exponent_float_of(float x) {
    const float k = nearest_float(x * 1.44269504f);
    const exponent_float parts = {k, (x - k * 0.693359375f) - k * -2.12194440e-4f};
    return parts;
}

/* exp(r) - 1 - r for |r| <= log(2)/2: polynomial of degree 12, error 2^-59 (float: 6, 2^-26). */
INLINED double exp_tail_double(double r) {
    const double square = r * r;
    const double low = cubic_double(
        r, 0.5, 0.16666666666666667, 0.041666666666666667, 0.0083333333333300618);
    const double middle = cubic_double(
        r, 0.0013888888888886553, 1.9841269863053617e-4, 2.4801587317144499e-5,
        2.7557268459997065e-6);
    const double high =
        2.7557282969549953e-7 + 2.5100385495510319e-8 * r + 2.0911236630261544e-9 * square;
    return square * (low + square * square * (middle + square * square * high));
}

INLINED float exp_tail_float(float r) {
    const float square = r * r;
    const float low = cubic_float(r, 0.5f, 0.16666577f, 0.0416665546f, 0.00836317905f);
    return square * (low + square * square * 0.00139261836f);
}

/* Error below 1 ulp (float: 1 ulp). */
INLINED double exp_double(double x) {
    const double bounded = x > 710 ? 710 : x < -746 ? -746 : x; /* inf and 0 beyond; nan stays */
    const exponent_double e = exponent_double_of(bounded);
    return scaled_double(1 + (e.r + exp_tail_double(e.r)), e.k);
}

INLINED float exp_float(float x) {
    const float bounded = x > 89 ? 89 : x < -104 ? -104 : x;
    const exponent_float e = exponent_float_of(bounded);
    return scaled_float(1 + (e.r + exp_tail_float(e.r)), e.k);
}

/* 2^x = 2^k exp(r log 2) with k the nearest integer: r is exact. Error below 1 ulp. */
INLINED double exp2_double(double x) {
    const double bounded = x > 1025 ? 1025 : x < -1076 ? -1076 : x;
    const double k = nearest_double(bounded), r = bounded - k;
    const double y = r * 0.69314718055994531;
    return scaled_double(1 + (y + (exp_tail_double(y) + r * 2.3190468138462996e-17)), k);
}

INLINED float exp2_float(float x) {
    const float bounded = x > 129 ? 129 : x < -151 ? -151 : x;
    const float k = nearest_float(bounded), r = (bounded - k) * 0.693147181f;
    return scaled_float(1 + (r + exp_tail_float(r)), k);
}

/* 2^k (exp(r) - 1) + (2^k - 1), of which (2^k - 1) + 2^k r is summed exactly. Half of all, so that
2^k does not overflow. Error below 1 ulp. */
INLINED double expm1_double(double x) {
    const double bounded = x > 710 ? 710 : x < -50 ? -50 : x; /* inf and -1 beyond */
    const exponent_double e = exponent_double_of(bounded);
    const double half = power_of_2_double(e.k - 1);
    const pair_double sum = quick_sum_double(half - 0.5, half * e.r);
    const double y = 2 * (sum.hi + (sum.lo + half * (e.c + exp_tail_double(e.r))));
    return fabs(x) < 0x1p-54 ? x : y;
}

INLINED float expm1_float(float x) {
    const float bounded = x > 89 ? 89 : x < -25 ? -25 : x;
    const exponent_float e = exponent_float_of(bounded);
    const float half = power_of_2_float(e.k - 1);
    const float y = 2 * ((half - 0.5f) + half * (e.r + exp_tail_float(e.r)));
    return fabsf(x) < 0x1p-25f ? x : y;
}

/* 1 / (1 + exp(-x)); for x < 0 it is exp(x) / (1 + exp(x)), so that nothing overflows. The rounding
errors of the numerator and of the denominator d, from 1 to 2, are corrected; 1 / d is near
1.46 - d / 2. Error below 1.6 ulp (float, which is not corrected: 2.4). */
INLINED double sigmoid_double(double x) {
    const double low = -fabs(x);
    const exponent_double e = exponent_double_of(low < -746 ? -746 : low);
    const pair_double p = quick_sum_double(1, e.r + exp_tail_double(e.r));
    const pair_double d = quick_sum_double(1, p.hi * power_of_2_double(e.k < -99 ? -99 : e.k));
    const double q = (x > 0 ? 1 : p.hi) / d.hi, rest = (x > 0 ? 0 : p.lo) - q * d.lo;
    return scaled_double(q + rest * (1.46 - 0.5 * d.hi), x > 0 ? 0 : e.k);
}

INLINED float sigmoid_float(float x) {
    const float y = exp_float(-fabsf(x));
    return (x > 0 ? 1 : y) / (1 + y);
}

/* exp(hi + lo) for |lo| at most an ulp of hi, which may be many of r. Error below 1 ulp. */
INLINED double exp_of_pair_double(double hi, double lo) {
    const double bounded = hi > 710 ? 710 : hi < -746 ? -746 : hi;
    const exponent_double e = exponent_double_of(bounded);
    const pair_double r = sum_double(e.r, e.c + (bounded == hi ? lo : 0));
    return scaled_double(1 + (r.hi + (exp_tail_double(r.hi) + r.lo)), e.k);
}
