/* log, log1p, log2, log10 and logaddexp.

x = 2^k (1 + f) with an integer k and sqrt(1/2) <= 1 + f < sqrt(2). With s = f / (2 + f),
log(1 + f) = 2 artanh(s) = 2 s + s R(s^2), and 2 s = f - s f, so that
log(1 + f) = f - (f^2/2 - s (f^2/2 + R)): f is exact, and the rounding errors of the rest count
little. Source: Tang 1990 (doi:10.1145/98267.98294) and Ng's fdlibm, e_log.c, for this form. */

#include "bits.c"
#include "exponential.c"

typedef struct {
    double k, f;
} logarithm_double;

typedef struct {
    float k, f;
} logarithm_float;

/* The parts of a normal x > 0: e is k + 1023, of the bits of x / sqrt(1/2). */
INLINED logarithm_double logarithm_double_of(double x) {
    const uint64_t one = 0x3ff0000000000000, root = 0x3fe6a09e667f3bcd;
    const uint64_t e = (bits_double(x) + (one - root)) >> 52;
    const double k = from_bits_double(e | 0x4330000000000000) - (0x1p52 + 1023);
    const logarithm_double parts = {k, from_bits_double(bits_double(x) + one - (e << 52)) - 1};
    return parts;
}

INLINED logarithm_float logarithm_float_of(float x) {
    const uint32_t one = 0x3f800000, root = 0x3f3504f3;
    const uint32_t e = (bits_float(x) + (one - root)) >> 23;
    const float k = from_bits_float(e | 0x4b000000) - (0x1p23f + 127);
    const logarithm_float parts = {k, from_bits_float(bits_float(x) + one - (e << 23)) - 1};
    return parts;
}

/* log(1 + f) - f for 1 + f from sqrt(1/2) to sqrt(2): R of degree 7, error 2^-57 (4, 2^-35). */
INLINED double log_tail_double(double f) {
    const double s = f / (2 + f), z = s * s, half = 0.5 * f * f;
    const double low = cubic_double(
        z, 0.66666666666666697, 0.39999999999899443, 0.28571428626003269, 0.22222211130259877);
    const double high =
        0.18182889455674946 + 0.15331710618210772 * z + 0.14616585424888622 * (z * z);
    return s * (half + z * (low + z * z * (z * z) * high)) - half;
}

INLINED float log_tail_float(float f) {
    const float s = f / (2 + f), z = s * s, half = 0.5f * f * f;
    return s * (half + z * cubic_float(z, 0.66666667f, 0.400001219f, 0.285508166f, 0.233305819f))
        - half;
}

/* log(x): nan below 0, -inf at 0, inf at inf. Of nested choices gcc makes branches where it knows the
sign of x, as in log(exp(x)), and then does not vectorise the loop: so each choice has a name. */
INLINED double log_double(double x) {
    const int tiny = x < 0x1p-1022;
    const logarithm_double e = logarithm_double_of(tiny ? x * 0x1p54 : x);
    const double k = tiny ? e.k - 54 : e.k;
    const double y = k * 6.93147180369123816e-1
        + (e.f + (log_tail_double(e.f) + k * 1.90821492927058770e-10));
    const double inside = x < INFINITY ? y : x, outside = x == 0 ? -INFINITY : NAN;
    return x > 0 ? inside : outside;
}

INLINED float log_float(float x) {
    const int tiny = x < 0x1p-126f;
    const logarithm_float e = logarithm_float_of(tiny ? x * 0x1p24f : x);
    const float k = tiny ? e.k - 24 : e.k;
    const float y = k * 0.693359375f + (e.f + (log_tail_float(e.f) + k * -2.12194440e-4f));
    const float inside = x < INFINITY ? y : x, outside = x == 0 ? -INFINITY : NAN;
    return x > 0 ? inside : outside;
}

/* log(1 + (hi + lo)) for hi + lo > -1, where |lo| is below an ulp of hi. 1 + hi = 2^k (1 + f) has a
rounding error, which is added to lo; for k = 0 f is hi itself. The derivative of log(1 + f) is
1 / (1 + f), which is near 2.06 - (1 + f). */
INLINED double log_of_1_plus_double(double hi, double lo) {
    const double u = 1 + hi;
    const logarithm_double e = logarithm_double_of(u);
    const double rest = fabs(hi) < 1 ? hi - (u - 1) : 1 - (u - hi);
    const double f = e.k == 0 ? hi : e.f;
    const double c = e.k == 0 ? lo : e.k > 99 ? 0 : (rest + lo) * power_of_2_double(-e.k);
    return e.k * 6.93147180369123816e-1
        + (f + (log_tail_double(f) + (e.k * 1.90821492927058770e-10 + c * (1.06 - f))));
}

INLINED double log1p_double(double x) {
    const double y = log_of_1_plus_double(x, 0);
    const double near = fabs(x) < 0x1p-54 ? x : y, inside = x < INFINITY ? near : x;
    const double outside = x == -1 ? -INFINITY : NAN;
    return x > -1 ? inside : outside;
}

INLINED float log_of_1_plus_float(float x) {
    const float u = 1 + x;
    const logarithm_float e = logarithm_float_of(u);
    const float rest = fabsf(x) < 1 ? x - (u - 1) : 1 - (u - x), f = e.k == 0 ? x : e.f;
    const int exact = (e.k == 0) | (e.k > 99);
    const float c = exact ? 0 : rest * power_of_2_float(-e.k);
    return e.k * 0.693359375f
        + (f + (log_tail_float(f) + (e.k * -2.12194440e-4f + c * (1.06f - f))));
}

INLINED float log1p_float(float x) {
    const float y = log_of_1_plus_float(x);
    const float near = fabsf(x) < 0x1p-25f ? x : y, inside = x < INFINITY ? near : x;
    const float outside = x == -1 ? -INFINITY : NAN;
    return x > -1 ? inside : outside;
}

/* log(x) as a sum, with an error of 2^-65 of it, for finite x > 0. As in log_double,
log(x) = k log 2 + 2 s + s^3 (2/3 + z (2/5 + ...)), z = s^2, with sums of two numbers for s, z, and
the products up to the term 2/3. */
INLINED pair_double log_pair_double(double x) {
    const int tiny = x < 0x1p-1022;
    const logarithm_double e = logarithm_double_of(tiny ? x * 0x1p54 : x);
    const double k = tiny ? e.k - 54 : e.k;
    const pair_double below = quick_sum_double(2, e.f);
    const double s = e.f / below.hi;
    const pair_double back = product_double(s, below.hi);
    const double s_low = ((e.f - back.hi) - back.lo - s * below.lo) / below.hi;
    const pair_double square = product_double(s, s);
    const double z = square.hi, z_low = square.lo + 2 * s * s_low;
    const double low = cubic_double(
        z, 0.4, 0.28571428571429366, 0.22222222221655886, 0.18181818335392802);
    const double high = cubic_double(
        z, 0.15384594962518432, 0.1333480469384731, 0.11706236339491207, 0.11723178623876517);
    const pair_double c =
        quick_sum_double(0.66666666666666663, z * (low + z * z * (z * z) * high));
    const double c_low = c.lo + 3.7007434154171883e-17;
    const pair_double t = product_double(z, c.hi);
    const double t_low = t.lo + (z * c_low + z_low * c.hi);
    const pair_double u = product_double(s, t.hi);
    const double u_low = u.lo + (s * t_low + s_low * t.hi);
    const pair_double y = quick_sum_double(2 * s, u.hi);
    const pair_double sum = quick_sum_double(k * 6.93147180369123816e-1, y.hi);
    const double rest = y.lo + (2 * s_low + u_low);
    return quick_sum_double(sum.hi, sum.lo + (rest + k * 1.9082149292705877e-10));
}

/* log(x) (hi + lo), with the special cases of log: exact where the result is an integer. */
INLINED double log_times_double(double x, double hi, double lo) {
    const pair_double y = log_pair_double(x), product = product_double(y.hi, hi);
    const double near = product.hi + (product.lo + (y.hi * lo + y.lo * hi));
    const double inside = x < INFINITY ? near : x, outside = x == 0 ? -INFINITY : NAN;
    return x > 0 ? inside : outside;
}

INLINED double log2_double(double x) {
    return log_times_double(x, 1.4426950408889634, 2.0355273740931033e-17);
}

INLINED double log10_double(double x) {
    return log_times_double(x, 0.43429448190325182, 1.0983196502167651e-17);
}

INLINED float log2_float(float x) { return (float)(log_double(x) * 1.4426950408889634); }

INLINED float log10_float(float x) { return (float)(log_double(x) * 0.43429448190325182); }

/* log(exp(a) + exp(b)) = max + log(1 + exp(-|a - b|)); equal operands may be infinite. */
INLINED double logaddexp_double(double a, double b) {
    const double gap = a == b ? 0 : fabs(a - b);
    return (a > b ? a : b) + log_of_1_plus_double(exp_double(-gap), 0);
}

INLINED float logaddexp_float(float a, float b) {
    const float gap = a == b ? 0 : fabsf(a - b);
    return (a > b ? a : b) + log_of_1_plus_float(exp_float(-gap));
}
