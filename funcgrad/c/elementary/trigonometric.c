/* sin, cos and tan.

x = q pi/2 + r with an integer q and |r| <= pi/4; q mod 4 chooses sin or cos of r and its sign. r is
a sum of two numbers. The polynomials and how c enters them: Ng's fdlibm, k_sin.c and k_cos.c. */

#include "bits.c"

typedef struct {
    double r, c;       /* x - q pi/2 */
    uint64_t quadrant; /* its last two bits are q mod 4 */
} angle_double;

/* |x| <= 2^17: pi/2 is the sum of three numbers, of which two have 36 bits, so that their products
with q are exact (Cody & Waite 1980). The error of r + c is 2^-106. */
INLINED angle_double near_angle_double(double x) {
    const double shifted = x * 0.63661977236758134 + 0x1.8p52, q = shifted - 0x1.8p52;
    const pair_double sum = sum_double(
        x - q * 1.5707963267923332751, q * -2.5633441515839557891e-12);
    const pair_double rest = quick_sum_double(sum.hi, sum.lo - q * 1.0562999066987427e-23);
    const angle_double angle = {rest.hi, rest.lo, bits_double(shifted)};
    return angle;
}

/* The bits of 2/pi behind the point, after 64 zeros. */
static const uint32_t two_over_pi[41] = {
    0x00000000, 0x00000000, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599,
    0x3c439041, 0xfe5163ab, 0xdebbc561, 0xb7246e3a, 0x424dd2e0, 0x06492eea, 0x09d1921c,
    0xfe1deb1c, 0xb129a73e, 0xe88235f5, 0x2ebb4484, 0xe99c7026, 0xb45f7e41, 0x3991d639,
    0x835339f4, 0x9c845f8b, 0xbdf9283b, 0x1ff897ff, 0xde05980f, 0xef2f118b, 0x5a0a6d1f,
    0x6d367ecf, 0x27cb09b7, 0x4f463f66, 0x9e5fea2d, 0x7527bac7, 0xebe5f17b, 0x3d0739f7,
    0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08, 0x56033046, 0xfc7b6bab, 0xf0cfbc20};

/* Finite |x| > 2^17, by integers (Payne & Hanek 1983). x = m 2^e; of 2/pi only 192 bits count:
those before contribute multiples of 4 to 2 x / pi, those after less than 2^-137. */
static angle_double far_angle_double(double x) {
    const uint64_t bits = bits_double(x), low_half = 0xffffffff;
    const uint64_t m = (bits & 0xfffffffffffff) | 0x10000000000000;
    const int start = (int)(bits >> 52 & 0x7ff) - 1075 + 62, shift = start % 32;
    uint32_t product[6]; /* the last 192 bits of the product, the first word first */
    uint64_t carry = 0;
    for (int i = 5; i >= 0; i--) {
        const uint32_t *word = two_over_pi + start / 32 + i;
        const uint64_t window = ((uint64_t)word[0] << 32 | word[1]) >> (32 - shift) & low_half;
        const uint64_t low = (m & low_half) * window;
        const uint64_t sum = (low & low_half) + (carry & low_half);
        product[i] = (uint32_t)sum;
        carry = (low >> 32) + (carry >> 32) + (sum >> 32) + (m >> 32) * window;
    }
    uint64_t quadrant = product[0] >> 30;
    pair_double turns = {0, 0}; /* what is left of 2 x / pi, from -1/2 to 1/2 */
    double unit = 0x1p-32;
    for (int i = 0; i < 5; i++, unit *= 0x1p-32) {
        const uint32_t word = product[i] << 2 | product[i + 1] >> 30;
        double digit = (double)word;
        if (i == 0 && word >> 31) {
            quadrant += 1;
            digit -= 0x1p32;
        }
        const pair_double sum = quick_sum_double(turns.hi, digit * unit);
        turns = quick_sum_double(sum.hi, sum.lo + turns.lo);
    }
    const pair_double angle = product_double(turns.hi, 1.5707963267948966);
    const double low = turns.hi * 6.123233995736766e-17 + turns.lo * 1.5707963267948966;
    const pair_double r = quick_sum_double(angle.hi, angle.lo + low);
    const angle_double above = {r.hi, r.lo, quadrant}, below = {-r.hi, -r.lo, 4 - quadrant};
    return x > 0 ? above : below;
}

/* The same for numbers of 24 bits, of which none is nearer to a multiple of pi/2 than 2^-30. */
INLINED angle_double near_angle_float(double x) {
    const double shifted = x * 0.63661977236758134 + 0x1.8p52, q = shifted - 0x1.8p52;
    const angle_double angle = {
        (x - q * 1.5707963267923332751) + q * -2.5633441515839557891e-12, 0, bits_double(shifted)};
    return angle;
}

INLINED uint64_t is_far_double(double x) {
    return (uint64_t)((fabs(x) > 0x1p17) & (fabs(x) < INFINITY));
}

INLINED angle_double angle_double_of(double x) {
    return is_far_double(x) ? far_angle_double(x) : near_angle_double(x);
}

INLINED angle_double angle_float_of(float x) {
    return is_far_double(x) ? far_angle_double(x) : near_angle_float(x);
}

/* sin(r + c) - r for |r| <= pi/4: polynomial of degree 13, error 2^-56. */
INLINED double sin_tail_double(double r, double c) {
    const double z = r * r;
    const double low = 0.0083333333333309246 - 1.9841269836722418e-4 * z;
    const double high = cubic_double(
        z, 2.7557316083816359e-6, -2.5051127944014188e-8, 1.5917848524808261e-10, 0);
    return c + z * (r * (-0.16666666666666665 + z * (low + z * z * high)) - 0.5 * c);
}

/* cos(r + c) as a sum for |r| <= pi/4: polynomial of degree 14, error 2^-60. */
INLINED pair_double cos_pair_double(double r, double c) {
    const double z = r * r;
    const double low = cubic_double(
        z, 0.041666666666666665, -0.0013888888888887382, 2.4801587298743069e-5,
        -2.7557317260008838e-7);
    const double high = 2.0876143827993132e-9 - 1.1382456778061306e-11 * z;
    const pair_double sum = quick_sum_double(1, -0.5 * z);
    const pair_double y = {sum.hi, sum.lo + (z * z * (low + z * z * (z * z) * high) - r * c)};
    return y;
}

/* sin(x + q pi/2). Error below 1 ulp. */
INLINED double sin_in_quadrant_double(angle_double angle, uint64_t q) {
    const pair_double cosine = cos_pair_double(angle.r, angle.c);
    const double sine = angle.r + sin_tail_double(angle.r, angle.c);
    const double y = chosen_double(angle.quadrant + q, cosine.hi + cosine.lo, sine);
    return from_bits_double(bits_double(y) ^ (angle.quadrant + q) >> 1 << 63);
}

INLINED double sin_double(double x) {
    const double y = sin_in_quadrant_double(angle_double_of(x), 0);
    return x == 0 ? x : y;
}

INLINED double cos_double(double x) {
    return sin_in_quadrant_double(angle_double_of(x), 1);
}

/* For loops that are vectorised without the branch: where ``far`` is set, they are run again. */
INLINED double near_sin_double(uint64_t *far, double x) {
    const double y = sin_in_quadrant_double(near_angle_double(x), 0);
    *far |= is_far_double(x);
    return x == 0 ? x : y;
}

INLINED double near_cos_double(uint64_t *far, double x) {
    *far |= is_far_double(x);
    return sin_in_quadrant_double(near_angle_double(x), 1);
}

/* The same by double, in which neither the second part of r nor the last terms count. */
INLINED float sin_in_quadrant_float(angle_double angle, uint64_t q) {
    const double r = angle.r, z = r * r;
    const double sine = r + r * z
        * cubic_double(z, -0.16666666663832764, 0.008333331865959414, -1.9840082012765537e-4,
                       2.7249314054698805e-6);
    const double cosine = 1 + z
        * cubic_double(z, -0.49999999968871981, 0.041666650548440198, -0.0013887583970817675,
                       2.4463116702438325e-5);
    const double y = chosen_double(angle.quadrant + q, cosine, sine);
    return (float)from_bits_double(bits_double(y) ^ (angle.quadrant + q) >> 1 << 63);
}

INLINED float sin_float(float x) {
    const float y = sin_in_quadrant_float(angle_float_of(x), 0);
    return x == 0 ? x : y;
}

INLINED float cos_float(float x) { return sin_in_quadrant_float(angle_float_of(x), 1); }

INLINED float near_sin_float(uint64_t *far, float x) {
    const float y = sin_in_quadrant_float(near_angle_float(x), 0);
    *far |= is_far_double(x);
    return x == 0 ? x : y;
}

INLINED float near_cos_float(uint64_t *far, float x) {
    *far |= is_far_double(x);
    return sin_in_quadrant_float(near_angle_float(x), 1);
}

/* sin / cos, or -cos / sin in odd quadrants, of sums of two. Error below 1.5 ulp. */
INLINED double tan_of_double(angle_double angle, double x) {
    const pair_double one = cos_pair_double(angle.r, angle.c);
    const pair_double cosine = quick_sum_double(one.hi, one.lo);
    const pair_double sine = quick_sum_double(angle.r, sin_tail_double(angle.r, angle.c));
    const double above = chosen_double(angle.quadrant, -cosine.hi, sine.hi);
    const double above_low = chosen_double(angle.quadrant, -cosine.lo, sine.lo);
    const double below = chosen_double(angle.quadrant, sine.hi, cosine.hi);
    const double below_low = chosen_double(angle.quadrant, sine.lo, cosine.lo);
    const double y = above / below;
    const double corrected = y + (above_low - y * below_low) / below;
    return x == 0 ? x : corrected;
}

INLINED double tan_double(double x) { return tan_of_double(angle_double_of(x), x); }

INLINED double near_tan_double(uint64_t *far, double x) {
    *far |= is_far_double(x);
    return tan_of_double(near_angle_double(x), x);
}

INLINED float tan_float(float x) { return (float)tan_double(x); }

INLINED float near_tan_float(uint64_t *far, float x) { return (float)near_tan_double(far, x); }
