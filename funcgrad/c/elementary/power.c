/* pow, cbrt and hypot. */

#include "exponential.c"
#include "logarithm.c"

/* The result of pow where |x|^y is y times the logarithm, and the special cases of C99, F.9.4.4. */
INLINED double signed_power_double(double x, double y, double power) {
    const double a = fabs(x), b = fabs(y);
    const double units = b < 0x1p52 ? b + 0x1p52 : b; /* its last bit is that of the integer */
    const int whole = (b >= 0x1p52) | (units - 0x1p52 == b);
    const int odd = whole & (b < 0x1p53) & (int)(bits_double(units) & 1);
    const int edge = (a == 0) | (a == INFINITY);
    const double extreme = (a == 0) == (y < 0) ? INFINITY : 0;
    const double size = edge ? extreme : power;
    const int undefined = (x < 0) & !whole & !edge, missing = (x != x) | (y != y);
    const double result = undefined ? NAN : odd ? copysign(size, x) : size;
    const int one = (y == 0) | (x == 1);
    return one ? 1 : missing ? x + y : result;
}

/* exp(y log|x|), with the logarithm and its product to 117 bits. Error below 1 ulp. */
INLINED double pow_double(double x, double y) {
    const double bounded = y > 0x1p65 ? 0x1p65 : y < -0x1p65 ? -0x1p65 : y; /* inf or 0 beyond */
    const pair_double log = log_pair_double(fabs(x));
    const pair_double exponent = product_double(bounded, log.hi);
    const double power = exp_of_pair_double(exponent.hi, exponent.lo + bounded * log.lo);
    return signed_power_double(x, y, power);
}

INLINED float pow_float(float x, float y) {
    const double bounded = y > 0x1p65f ? 0x1p65f : y < -0x1p65f ? -0x1p65f : y;
    return (float)signed_power_double(x, y, exp_double(bounded * log_double(fabsf(x))));
}

/* |x| = 8^j v with an integer j and v from 0.35 to 2.83. A polynomial of degree 3 gives the root of
v to 2^-13, a step of Halley's method to 2^-39, and a second one, from 26 bits so that the square is
exact, to 0.7 ulp. */
INLINED double cbrt_double(double x) {
    const double a = fabs(x);
    const int tiny = a < 0x1p-1022;
    const logarithm_double e = logarithm_double_of(tiny ? a * 0x1p54 : a);
    const double j = nearest_double(e.k * 0.33333333333333333), i = e.k - 3 * j;
    const double v = (1 + e.f) * (i < 0 ? 0.5 : i > 0 ? 2 : 1);
    const double start = (i < 0 ? 0.79370052598409974 : i > 0 ? 1.2599210498948732 : 1)
        * cubic_double(e.f, 1.0000557107508781, 0.33382034157738513, -0.11527069039521294,
                       0.055811224720516063);
    const double cube = start * start * start;
    const double better = start * ((cube + 2 * v) / (2 * cube + v));
    const double head = from_bits_double(bits_double(better) & 0xfffffffff8000000);
    const double ratio = v / (head * head);
    const double root = head + head * ((ratio - head) / (2 * head + ratio));
    const double y = copysign(root * power_of_2_double(tiny ? j - 18 : j), x);
    const int regular = (a > 0) & (a < INFINITY);
    return regular ? y : x + x;
}

INLINED float cbrt_float(float x) { return (float)cbrt_double(x); }

/* sqrt(x^2 + y^2), without overflow or underflow of the squares; inf if one of them is. Error below
1 ulp. */
INLINED double hypot_double(double x, double y) {
    const double a = fabs(x) > fabs(y) ? fabs(x) : fabs(y);
    const double up = a < 0x1p-450 ? 0x1p600 : a > 0x1p500 ? 0x1p-600 : 1;
    const double down = a < 0x1p-450 ? 0x1p-600 : a > 0x1p500 ? 0x1p600 : 1;
    const double length = sqrt((x * up) * (x * up) + (y * up) * (y * up)) * down;
    const int endless = (fabs(x) == INFINITY) | (fabs(y) == INFINITY);
    return endless ? INFINITY : length;
}

INLINED float hypot_float(float x, float y) { return (float)hypot_double(x, y); }
