/* Hyperbolic functions and their inverses. Errors below 2 ulp. */

#include "exponential.c"
#include "logarithm.c"

/* For |x| < 0.625 it is x + x^3 P(x^2) / Q(x^2), else 1 - 2 / (exp(2 |x|) + 1): two fractions, of
which one is computed. Source of the two forms: Cody & Waite 1980. */
INLINED double tanh_double(double x) {
    const double a = fabs(x), z = x * x;
    const exponent_double e = exponent_double_of(a > 22 ? 44 : 2 * a); /* 1 beyond */
    const double power = (1 + (e.r + exp_tail_double(e.r))) * power_of_2_double(e.k);
    const double p = -0.33333333333333333 - 0.020498799708498873 * z
        - 1.991780435861287e-4 * (z * z);
    const double q = cubic_double(
        z, 1, 0.46149639912549314, 0.023291331876298859, 2.065337374875025e-4);
    const int small = a < 0.625;
    const double ratio = (small ? a * z * p : -2) / (small ? q : power + 1);
    return copysign((small ? a : 1) + ratio, x);
}

INLINED float tanh_float(float x) {
    const float a = fabsf(x), z = x * x;
    const exponent_float e = exponent_float_of(a > 10 ? 20 : 2 * a);
    const float power = (1 + (e.r + exp_tail_float(e.r))) * power_of_2_float(e.k);
    const int small = a < 0.625f;
    const float p = a * z * (-0.333333288f - 0.00155106636f * z), q = 1 + 0.404646813f * z;
    const float ratio = (small ? p : -2) / (small ? q : power + 1);
    return copysignf((small ? a : 1) + ratio, x);
}

/* exp(|x|) / 4 as a sum, from 1/4 to the largest for which 2 exp(|x|) / 4 does not overflow. */
INLINED pair_double quarter_exp_double(double x) {
    const double a = fabs(x);
    const exponent_double e = exponent_double_of(a > 710.5 ? 710.5 : a);
    const double power = power_of_2_double(e.k - 2);
    const pair_double p = quick_sum_double(1, e.r + (exp_tail_double(e.r) + e.c));
    const pair_double y = {power * p.hi, power * p.lo};
    return y;
}

/* For |x| < 1 a polynomial of degree 15, else (exp(|x|) - exp(-|x|)) / 2. */
INLINED double sinh_double(double x) {
    const double a = fabs(x), z = x * x;
    const double low = cubic_double(
        z, 0.16666666666666667, 0.0083333333333332994, 1.9841269841324198e-4,
        2.7557319191381817e-6);
    const double high =
        2.5052117695907824e-8 + 1.6057679623801638e-10 * z + 7.7461785930188275e-13 * (z * z);
    const double near = a + a * (z * (low + z * z * (z * z) * high));
    const pair_double e = quarter_exp_double(x);
    const double far = 2 * (e.hi + (e.lo - 0.0625 / e.hi));
    return copysign(a < 1 ? near : far, x);
}

INLINED float sinh_float(float x) { return (float)sinh_double(x); }

/* (exp(|x|) + exp(-|x|)) / 2. */
INLINED double cosh_double(double x) {
    const pair_double e = quarter_exp_double(x);
    return 2 * (e.hi + (e.lo + 0.0625 / e.hi));
}

INLINED float cosh_float(float x) { return (float)cosh_double(x); }

/* log(|x| + sqrt(x^2 + 1)), as log(1 + w) with w = |x| + x^2 / (1 + sqrt(x^2 + 1)); from 2^28 on
log(2 |x|). */
INLINED double asinh_double(double x) {
    const double a = fabs(x), square = a < 0x1p28 ? a * a : 0;
    const pair_double w = quick_sum_double(a, square / (1 + sqrt(square + 1)));
    const double near = log_of_1_plus_double(w.hi, w.lo);
    const double far = log_double(a) + 0.69314718055994531;
    return copysign(a < 0x1p28 ? near : far, x);
}

INLINED float asinh_float(float x) { return (float)asinh_double(x); }

/* log(1 + w) with w = t + sqrt(2 t + t^2) and t = x - 1; from 2^28 on log(2 x). */
INLINED double acosh_double(double x) {
    const double t = x < 0x1p28 ? x - 1 : 0;
    const pair_double w = sum_double(sqrt(2 * t + t * t), t);
    const double near = log_of_1_plus_double(w.hi, w.lo);
    const double far = log_double(x) + 0.69314718055994531;
    return x < 0x1p28 ? (x < 1 ? NAN : near) : far;
}

INLINED float acosh_float(float x) { return (float)acosh_double(x); }

/* log(1 + w) / 2 with w = 2 |x| / (1 - |x|) and its rounding errors. */
INLINED double atanh_double(double x) {
    const double a = fabs(x), b = 1 - a, below = (1 - b) - a;
    const double w = 2 * a / b;
    const pair_double back = product_double(w, b);
    const double rest = ((2 * a - back.hi) - back.lo - w * below) / b;
    const double y = 0.5 * log_of_1_plus_double(w, rest);
    return copysign(a < 0x1p-54 ? a : a < 1 ? y : a == 1 ? INFINITY : NAN, x);
}

INLINED float atanh_float(float x) { return (float)atanh_double(x); }
