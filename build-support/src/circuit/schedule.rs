//! When each net of a [`Circuit`] has its value.

/// The stage of each net. A token that comes in at clock cycle t has the value of a net of stage s at cycle t + s. What is read
/// later than it is made goes through a register for each stage between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The stage in which each net is made, by [`Net::index`](super::Net::index). A state is read in its stage, and written at
    /// the end of it.
    pub stage: Vec<u32>,
    /// The stage in which each net is read for the last time; its own stage if it has no register.
    pub last_read: Vec<u32>,
    /// The stage in which outputs come out.
    pub last: u32,
}
