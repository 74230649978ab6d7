/* erf and erfc. Errors below 2 ulp. */

#include "exponential.c"

/* erf(x) / x - 1 for z = x^2 <= 1: degree 12, error 2^-62. */
INLINED double erf_tail_double(double z) {
    const double square = z * z, fourth = square * square;
    const double low = cubic_double(
        z, 0.12837916709551257, -0.37612638903183748, 0.11283791670954876, -0.026866170645076793);
    const double middle = cubic_double(
        z, 0.0052239776248180145, -8.5483269808337899e-4, 1.2055331111642711e-4,
        -1.4925595266831182e-5);
    const double high = cubic_double(
        z, 1.6461000484121368e-6, -1.6350312701054695e-7, 1.4659775274047436e-8,
        -1.1372848856791674e-9);
    return low + fourth * (middle + fourth * (high + fourth * 5.9571761477489114e-11));
}

/* (1 + 2 x) exp(x^2) erfc(x) - 1.242... for x >= 0.48 and t = (x - 3.5) / (x + 3.5): degree 21,
error 2^-58. Source of the form: Shepherd & Laframboise 1981. */
INLINED double erfc_tail_double(double t) {
    const double square = t * t, fourth = square * square;
    const double first = cubic_double(
        t, -0.14000918013761939, -0.010555596332218267, 0.097519095153255389,
        -0.11508959816019325);
    const double second = cubic_double(
        t, 0.087983153824982291, -0.048823325827868408, 0.019099330940494534,
        -0.0042150199083079982);
    const double third = cubic_double(
        t, -3.0226786065511976e-4, 5.6438442271462962e-4, -1.2151250782614987e-4,
        -4.2782260305509921e-5);
    const double next = cubic_double(
        t, 2.4261208500880575e-5, 2.3284063333149044e-6, -3.8149423154381205e-6,
        -4.4418937790654186e-8);
    const double last = cubic_double(
        t, 6.0085393196872902e-7, -7.7553695804788216e-9, -9.3512762672753653e-8,
        5.0475292002500595e-10) + fourth * 1.0550153419198568e-8;
    const double high = third + fourth * (next + fourth * last);
    return t * (first + fourth * (second + fourth * high));
}

/* erfc(x) for x >= 0.48, as exp(-x^2) p / (1 + 2 x): each factor is a sum of two numbers, so that
only the last rounding counts. */
INLINED double erfc_far_double(double x) {
    const double a = x < 28 ? x : 28; /* 0 beyond */
    const pair_double square = product_double(a, a);
    const exponent_double e = exponent_double_of(-square.hi);
    const pair_double r = sum_double(e.r, e.c - square.lo);
    const pair_double power = quick_sum_double(1, r.hi + (exp_tail_double(r.hi) + r.lo));
    const pair_double p =
        quick_sum_double(1.2423492448711544, erfc_tail_double((a - 3.5) / (a + 3.5)));
    const pair_double below = sum_double(1, 2 * a);
    const double q = p.hi / below.hi;
    const pair_double back = product_double(q, below.hi);
    const double rest = (((p.hi - back.hi) - back.lo) + (p.lo - q * below.lo)) / below.hi;
    const pair_double y = product_double(power.hi, q);
    return scaled_double(y.hi + (y.lo + (power.hi * rest + power.lo * q)), e.k);
}

INLINED double erf_double(double x) {
    const double a = fabs(x), near = a + a * erf_tail_double(a < 1 ? a * a : 0);
    const double y = a < 1 ? near : 1 - erfc_far_double(a);
    return x == x ? copysign(y, x) : x;
}

INLINED double erfc_double(double x) {
    const double a = fabs(x), far = erfc_far_double(a);
    const double near = (0.5 - x) + (0.5 - x * erf_tail_double(a < 0.5 ? x * x : 0));
    const double y = a < 0.5 ? near : x > 0 ? far : 2 - far;
    return x == x ? y : x;
}

INLINED float erf_float(float x) { return (float)erf_double(x); }

INLINED float erfc_float(float x) { return (float)erfc_double(x); }
