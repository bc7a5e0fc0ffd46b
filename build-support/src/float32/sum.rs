//! What float32 can round in a sum of products.

use super::Slack;

/// Bits that float32 holds.
const BITS: i32 = 24;

/// What a mantissa counts, and what Keras's values are multiples of.
#[derive(Debug, Clone, Copy)]
pub struct Unit {
    divisor: u64,
    /// Bits that Keras's values may have behind those of the mantissa. With a divisor of 1 what is on such a grid stays on
    /// it, rounded or not.
    finer: i32,
}

impl Unit {
    pub(crate) fn new(divisor: u64, finer: i32) -> Self {
        Self { divisor, finer }
    }

    pub(crate) fn divisor(self) -> f64 {
        self.divisor as f64
    }

    pub(crate) fn finer(self) -> i32 {
        self.finer
    }

    /// The exponent of what a product is a multiple of: the exact one, or one of a value of Keras and `weight`.
    fn multiple(self, exact: i128, slack: Slack, weight: i128) -> i32 {
        let zeros = |n: i128| n.trailing_zeros() as i32;
        if slack.is_zero() { zeros(exact) } else { zeros(weight) - self.finer }
    }

    /// Half a unit in the last place of a float32 of up to this size.
    fn half_ulp(self, size: f64) -> f64 {
        // The exponent of the next power of two below; a float32 has no subnormal numbers here.
        let exponent = |x: f64| ((x.to_bits() >> 52) & 0x7ff) as i32 - 1023;
        let size = size / self.divisor();
        if size == 0.0 { 0.0 } else { 2f64.powi(exponent(size) - BITS) * self.divisor() }
    }

    /// The size up to which float32 holds every multiple of `2^exponent`.
    fn exact_up_to(self, exponent: i32) -> f64 {
        if self.divisor == 1 { 2f64.powi(BITS + exponent) } else { 0.0 }
    }

    /// The slack of one result around `exact`, which has `slack` before it is rounded.
    pub(crate) fn rounded(self, exact: i128, slack: Slack) -> Slack {
        let size = exact.unsigned_abs() as f64 + slack.largest();
        let holds = size <= self.exact_up_to(self.multiple(exact, slack, 1));
        if holds { slack } else { slack.plus(Slack::both(self.half_ulp(size))) }
    }
}

/// A sum as Keras may compute it.
///
/// Whatever the order and the grouping, `n` terms take `n - 1` additions, of which at most `n - j + 1` add up `j` or more
/// terms. A sum of `j` terms is at most as large as the `j` largest terms of one sign, and its rounding is at most half a
/// unit in the last place of that. Products are rounded, or exact inside a fused multiplication and addition.
#[derive(Debug, Clone)]
pub struct Sum {
    unit: Unit,
    slack: Slack,
    terms: usize,
    /// Every term is a multiple of this power of two.
    multiple: i32,
    /// How far each term can go up and down, if it can.
    up: Vec<f64>,
    down: Vec<f64>,
}

impl Sum {
    pub(crate) fn new(unit: Unit) -> Self {
        Self { unit, slack: Slack::default(), terms: 0, multiple: i32::MAX, up: Vec::new(), down: Vec::new() }
    }

    /// Adds `x * weight`, of which the weight is exact.
    pub(crate) fn push(&mut self, x: i64, slack: Slack, weight: i128) {
        if weight == 0 || (x == 0 && slack.is_zero()) {
            return; // zero in Keras too, and adding it rounds nothing
        }
        let exact = i128::from(x).saturating_mul(weight);
        let slack_of_product = slack.times(weight as f64);
        let multiple = self.unit.multiple(exact, slack, weight);
        let size = exact.unsigned_abs() as f64 + slack_of_product.largest();
        let holds = weight.unsigned_abs().is_power_of_two() || size <= self.unit.exact_up_to(multiple);
        let rounding = if holds { 0.0 } else { self.unit.half_ulp(size) };
        self.add(exact, slack_of_product.plus(Slack::both(rounding)), multiple);
    }

    /// Adds a constant that float32 holds.
    pub(crate) fn push_constant(&mut self, exact: i128) {
        if exact != 0 {
            self.add(exact, Slack::default(), exact.trailing_zeros() as i32);
        }
    }

    fn add(&mut self, exact: i128, slack: Slack, multiple: i32) {
        self.slack = self.slack.plus(slack);
        self.terms += 1;
        self.multiple = self.multiple.min(multiple);
        let (up, down) = (exact as f64 + slack.above, slack.below - exact as f64);
        self.up.extend((up > 0.0).then_some(up));
        self.down.extend((down > 0.0).then_some(down));
    }

    /// The slack of the sum; the next one begins.
    pub(crate) fn finish(&mut self) -> Slack {
        let slack = self.slack.plus(Slack::both(self.additions())).rounded_up();
        (self.slack, self.terms, self.multiple) = (Slack::default(), 0, i32::MAX);
        self.up.clear();
        self.down.clear();
        slack
    }

    /// What all additions together can round.
    fn additions(&mut self) -> f64 {
        if self.terms < 2 {
            return 0.0;
        }
        let limit = self.unit.exact_up_to(self.multiple);
        let total = |terms: &[f64]| terms.iter().sum::<f64>();
        if total(&self.up).max(total(&self.down)) <= limit {
            return 0.0;
        }
        // A partial sum is also larger by what was rounded before.
        let growth = 1.0 + (self.terms as f64 + 2.0) * 2f64.powi(1 - BITS);
        self.up.sort_unstable_by(|a, b| b.total_cmp(a));
        self.down.sort_unstable_by(|a, b| b.total_cmp(a));
        let (mut up, mut down, mut rounding) = (0.0, 0.0, 0.0);
        for at in 0..self.terms {
            up += self.up.get(at).copied().unwrap_or(0.0);
            down += self.down.get(at).copied().unwrap_or(0.0);
            let size = f64::max(up, down) * growth;
            if at > 0 && size > limit {
                rounding += self.unit.half_ulp(size);
            }
        }
        rounding
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Enough for tests: numbers from a multiplication and a shift.
    pub struct Random(u64);

    impl Random {
        pub fn new(seed: u64) -> Self {
            Self(seed)
        }

        pub fn below(&mut self, end: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % end
        }

        /// From `-2^bits` to `2^bits`; often few of the bits, often a power of two.
        pub fn mantissa(&mut self, bits: u64) -> i64 {
            let bits = 1 + self.below(bits);
            let size = (((self.below(1 << 31) << 31) | self.below(1 << 31)) & ((1 << bits) - 1)) as i64;
            let size = if self.below(8) == 0 { 1 << (bits - 1) } else { size };
            if self.below(2) == 0 { size } else { -size }
        }
    }

    /// One way to compute the sum in float32.
    fn evaluate(random: &mut Random, factors: &[(f32, f32)]) -> f32 {
        let mut factors = factors.to_vec();
        for at in (1..factors.len()).rev() {
            factors.swap(at, random.below(at as u64 + 1) as usize);
        }
        let fused = random.below(2) == 0;
        let chain =
            |part: &[(f32, f32)]| part.iter().fold(0.0f32, |sum, (x, w)| if fused { x.mul_add(*w, sum) } else { sum + x * w });
        // Some accumulators side by side, added up in a tree.
        let lanes = 1 + random.below(factors.len() as u64) as usize;
        let mut parts: Vec<f32> = factors.chunks(lanes).map(chain).collect();
        while parts.len() > 1 {
            let (a, b) = (random.below(parts.len() as u64) as usize, parts.len() - 1);
            let last = parts.swap_remove(b);
            let at = a % parts.len();
            parts[at] += last;
        }
        parts[0]
    }

    #[test]
    fn no_order_of_a_float32_sum_leaves_its_bound() {
        let mut random = Random::new(1);
        let (mut rounded, mut exact_sums, mut nearest) = (0, 0, 0.0f64);
        for round in 0..20_000 {
            let divisor = [1, 1, 3, 49][round % 4];
            let unit = Unit::new(divisor, 0);
            let mut sum = Sum::new(unit);
            let (mut exact, mut factors) = (0i128, Vec::new());
            let (bits, weight_bits) = (1 + random.below(24), 1 + random.below(20));
            let shift = random.below(9);
            for _ in 0..=random.below(24) {
                let x = random.mantissa(bits) << shift;
                let weight = random.mantissa(weight_bits);
                let keras = (x as f64 / divisor as f64) as f32;
                // Some values are off before.
                let off = if random.below(4) == 0 { random.mantissa(6) } else { 0 };
                let keras = (f64::from(keras) + off as f64) as f32;
                let difference = f64::from(keras) * divisor as f64 - x as f64;
                let slack = if difference < 0.0 {
                    Slack { below: -difference, above: 0.0 }
                } else {
                    Slack { below: 0.0, above: difference }
                };
                sum.push(x, slack, weight.into());
                exact += i128::from(x) * i128::from(weight);
                factors.push((keras, weight as f32));
            }
            let slack = sum.finish();
            for _ in 0..4 {
                let difference = f64::from(evaluate(&mut random, &factors)) * divisor as f64 - exact as f64;
                // What double precision rounds in this product.
                let more = 1e-14 * exact as f64;
                let inside = difference >= -slack.below - more.abs() && difference <= slack.above + more.abs();
                assert!(inside, "{factors:?}: {difference} beyond {slack:?}");
                rounded += usize::from(difference != 0.0);
                exact_sums += usize::from(slack.is_zero());
                if difference != 0.0 && divisor == 1 {
                    nearest = nearest.max(difference.abs() / slack.largest());
                }
            }
        }
        assert!(rounded > 10_000 && exact_sums > 5_000, "{rounded} rounded, {exact_sums} exact");
        assert!(nearest > 0.9, "no sum comes near its bound: {nearest}");
    }

    #[test]
    fn a_sum_within_24_bits_is_exact() {
        let sum_of = |terms: &[(i64, i128)]| {
            let mut sum = Sum::new(Unit::new(1, 0));
            terms.iter().for_each(|(x, w)| sum.push(*x, Slack::default(), *w));
            sum.finish()
        };
        assert!(sum_of(&[(1 << 23, 1), (1 << 23, 1)]).is_zero());
        assert!(sum_of(&[(1 << 23, 1), ((1 << 23) - 1, 1), (1 - (1 << 23), 2)]).is_zero());
        assert!(sum_of(&[(1 << 30, 1), (3 << 20, 1)]).is_zero());
        assert_eq!(sum_of(&[(1 << 24, 1), (1, 1)]).largest().floor(), 1.0);
        // 2^24 + 2^24 + 1: only the last of the two additions rounds, and by 1 or 2.
        assert_eq!(sum_of(&[(1 << 24, 1), (1 << 24, 1), (1, 1)]).largest().floor(), 4.0);
        assert_eq!(sum_of(&[((1 << 24) - 1, 3)]).largest().floor(), 2.0);
    }
}
