/* asin, acos, atan and atan2. Errors below 2 ulp. */

#include "bits.c"

/* (asin(s) / s - 1) / z for z = s^2 <= 1/4: degree 12, relative error 2^-58 of asin. */
INLINED double asin_tail_double(double z) {
    const double square = z * z, fourth = square * square;
    const double low = cubic_double(
        z, 0.16666666666666668, 0.074999999999984329, 0.04464285714635543, 0.030381944138531247);
    const double middle = cubic_double(
        z, 0.022372172942149888, 0.017352392720869973, 0.013971212973552933,
        0.011479177415184906);
    const double high = cubic_double(
        z, 0.010322814350185779, 0.0054575067186403583, 0.017400879442694022,
        -0.014851887071247203);
    return low + fourth * (middle + fourth * (high + fourth * 0.028757851367421565));
}

/* The angle of a triangle with sides 1 and s: s = |x|, else sqrt((1 - |x|) / 2), the sine of half
of the angle beside. nan beyond |x| = 1. */
INLINED pair_double asin_pair_double(double a) {
    const double z = a < 0.5 ? a * a : 0.5 * (1 - a);
    const double s = a < 0.5 ? a : sqrt(z);
    const pair_double back = product_double(s, s);
    const double rest = a < 0.5 || s == 0 ? 0 : ((z - back.hi) - back.lo) / (2 * s);
    const pair_double y = {s, rest + s * (z * asin_tail_double(z))};
    return y;
}

/* asin(|x|) = pi/2 - 2 asin(sqrt((1 - |x|) / 2)). */
INLINED double asin_double(double x) {
    const double a = fabs(x);
    const pair_double s = asin_pair_double(a);
    const double half = 0.78539816339744831 - s.hi; /* exact for s from pi/8 to pi/2 */
    const double lost = (0.78539816339744831 - half) - s.hi;
    const double far = 2 * (half + (3.0616169978683830e-17 + lost - s.lo));
    return copysign(a < 0.5 ? s.hi + s.lo : far, x);
}

/* pi/2 - asin(x), or 2 asin(sqrt((1 - x) / 2)), of pi minus that for x < 0. */
INLINED double acos_double(double x) {
    const pair_double s = asin_pair_double(fabs(x));
    const double scale = fabs(x) < 0.5 ? (x < 0 ? 1 : -1) : (x < 0 ? -2 : 2);
    const int none = fabs(x) >= 0.5 && x > 0;
    const double base = none ? 0 : fabs(x) < 0.5 ? 1.5707963267948966 : 3.1415926535897931;
    const double base_low =
        none ? 0 : fabs(x) < 0.5 ? 6.1232339957367660e-17 : 1.2246467991473532e-16;
    const pair_double sum = quick_sum_double(base, scale * s.hi);
    return sum.hi + (sum.lo + (base_low + scale * s.lo));
}

INLINED float asin_float(float x) { return (float)asin_double(x); }

INLINED float acos_float(float x) { return (float)acos_double(x); }

/* (atan(t) / t - 1) / z for z = t^2 <= 1/4: degree 11, relative error 2^-56 of atan. */
INLINED double atan_tail_double(double z) {
    const double square = z * z, fourth = square * square;
    const double low = cubic_double(
        z, -0.33333333333333326, 0.199999999999916, -0.14285714284106286, 0.11111110990139533);
    const double middle = cubic_double(
        z, -0.090909043703113477, 0.076921984512579405, -0.066650528567940132,
        0.058664967492257077);
    const double high = cubic_double(
        z, -0.051575162255529726, 0.042835787055734225, -0.028953521232526252,
        0.011152908092096215);
    return low + fourth * (middle + fourth * high);
}

/* The angle of the point (x, y), as base + atan(t): t is y / x, near the diagonal
(y - x) / (y + x), near the vertical axis -x / y, of absolute values. */
INLINED double atan2_double(double y, double x) {
    const double large = fabs(x) > fabs(y) ? fabs(x) : fabs(y);
    const double scale = large > 0x1p1000 ? 0x1p-100 : large < 0x1p-900 ? 0x1p100 : 1;
    const int endless = large == INFINITY;
    const double a = endless ? fabs(y) == INFINITY : scale * fabs(y);
    const double b = endless ? fabs(x) == INFINITY : large == 0 ? 1 : scale * fabs(x);
    const int steep = a > 2 * b, diagonal = !steep && 2 * a > b;
    const pair_double sum = sum_double(a, b);
    const double above = steep ? -b : diagonal ? a - b : a;
    const double below = steep ? a : diagonal ? sum.hi : b;
    const double t = above / below;
    const double low = diagonal ? -0.5 * (sum.lo / sum.hi) * t : 0;
    const int left = bits_double(x) >> 63;
    const double quarters = (steep ? 2 : diagonal ? 1 : 0);
    const double base = left ? 4 - quarters : quarters; /* in units of pi/4 */
    const double tail = low + t * (t * t * atan_tail_double(t * t));
    const pair_double angle = quick_sum_double(base * 0.78539816339744831, left ? -t : t);
    const double rest = base * 3.0616169978683830e-17 + (left ? -tail : tail);
    const double found = copysign(angle.hi + (angle.lo + rest), y);
    return x != x || y != y ? x + y : found;
}

INLINED double atan_double(double x) {
    const double a = fabs(x);
    const int steep = a > 2, diagonal = a <= 2 && a > 0.5;
    const double sum = 1 + a, lost = a < 1 ? a - (sum - 1) : 1 - (sum - a);
    const double above = steep ? -1 : diagonal ? a - 1 : a;
    const double t = above / (steep ? a : diagonal ? sum : 1);
    const double low = diagonal ? -0.5 * lost * t * (1 - t) : 0; /* 1 / sum = (1 - t) / 2 */
    const double base = steep ? 1.5707963267948966 : diagonal ? 0.78539816339744831 : 0;
    const double base_low = steep ? 6.1232339957367660e-17 : diagonal ? 3.0616169978683830e-17 : 0;
    const double tail = low + t * (t * t * atan_tail_double(t * t));
    const pair_double angle = quick_sum_double(base, t);
    return copysign(angle.hi + (angle.lo + (base_low + tail)), x);
}

INLINED float atan_float(float x) { return (float)atan_double(x); }

INLINED float atan2_float(float y, float x) { return (float)atan2_double(y, x); }
