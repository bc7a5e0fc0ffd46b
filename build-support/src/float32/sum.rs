//! What float32 can round in a sum of products.

use super::Slack;

/// Bits that float32 holds.
const BITS: i32 = 24;

/// What a mantissa counts: with a divisor of 1 a power of two, so that what is on the grid stays there, rounded or not.
#[derive(Debug, Clone, Copy)]
pub struct Unit {
    divisor: u64,
}

impl Unit {
    pub fn new(divisor: u64) -> Self {
        Self { divisor }
    }

    pub fn divisor(self) -> f64 {
        self.divisor as f64
    }

    /// Whether Keras's values are whole mantissas, as the exact ones are.
    fn is_grid(self) -> bool {
        self.divisor == 1
    }

    /// Half a unit in the last place of a float32 of up to this size.
    fn half_ulp(self, size: f64) -> f64 {
        // The exponent of the next power of two below; a float32 has no subnormal numbers here.
        let exponent = |x: f64| ((x.to_bits() >> 52) & 0x7ff) as i32 - 1023;
        let size = size / self.divisor();
        if size == 0.0 { 0.0 } else { 2f64.powi(exponent(size) - BITS) * self.divisor() }
    }

    /// The size up to which float32 holds every multiple of `multiple`.
    fn exact_up_to(self, multiple: u128) -> f64 {
        if self.is_grid() { 2f64.powi(BITS + multiple.trailing_zeros().min(127) as i32) } else { 0.0 }
    }

    /// The slack of one result around `exact`, which has `slack` before it is rounded.
    pub fn rounded(self, exact: i128, slack: Slack) -> Slack {
        let multiple = if slack.is_zero() { exact.unsigned_abs() } else { 1 };
        let size = exact.unsigned_abs() as f64 + slack.largest();
        if size <= self.exact_up_to(multiple) { slack } else { slack.plus(Slack::both(self.half_ulp(size))) }
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
    /// Every term is a multiple of the lowest bit that is set here.
    bits: u128,
    /// How far each term can go up and down, if it can.
    up: Vec<f64>,
    down: Vec<f64>,
}

impl Sum {
    pub fn new(unit: Unit) -> Self {
        Self { unit, slack: Slack::default(), terms: 0, bits: 0, up: Vec::new(), down: Vec::new() }
    }

    /// Adds `x * weight`, of which the weight is exact.
    pub fn push(&mut self, x: i64, slack: Slack, weight: i128) {
        if weight == 0 || (x == 0 && slack.is_zero()) {
            return; // zero in Keras too, and adding it rounds nothing
        }
        let exact = i128::from(x).saturating_mul(weight);
        let slack_of_product = slack.times(weight as f64);
        let multiple = if slack.is_zero() { exact } else { weight }.unsigned_abs();
        let size = exact.unsigned_abs() as f64 + slack_of_product.largest();
        let holds = weight.unsigned_abs().is_power_of_two() || size <= self.unit.exact_up_to(multiple);
        let rounding = if holds { 0.0 } else { self.unit.half_ulp(size) };
        self.add(exact, slack_of_product.plus(Slack::both(rounding)), multiple);
    }

    /// Adds a constant that float32 holds.
    pub fn push_constant(&mut self, exact: i128) {
        if exact != 0 {
            self.add(exact, Slack::default(), exact.unsigned_abs());
        }
    }

    fn add(&mut self, exact: i128, slack: Slack, multiple: u128) {
        self.slack = self.slack.plus(slack);
        self.terms += 1;
        self.bits |= multiple;
        let (up, down) = (exact as f64 + slack.above, slack.below - exact as f64);
        self.up.extend((up > 0.0).then_some(up));
        self.down.extend((down > 0.0).then_some(down));
    }

    /// The slack of the sum; the next one begins.
    pub fn finish(&mut self) -> Slack {
        let slack = self.slack.plus(Slack::both(self.additions())).rounded_up();
        (self.slack, self.terms, self.bits) = (Slack::default(), 0, 0);
        self.up.clear();
        self.down.clear();
        slack
    }

    /// What all additions together can round.
    fn additions(&mut self) -> f64 {
        if self.terms < 2 {
            return 0.0;
        }
        let limit = self.unit.exact_up_to(self.bits);
        // A partial sum is also larger by what was rounded before.
        let growth = 1.0 + (self.terms as f64 + 2.0) * 2f64.powi(1 - BITS);
        let total = |terms: &[f64]| terms.iter().sum::<f64>() * growth;
        if total(&self.up).max(total(&self.down)) <= limit {
            return 0.0;
        }
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
