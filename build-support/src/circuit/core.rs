//! The circuit of a whole network.

use super::{Circuit, schedule::Schedule, stream::Stream};

/// The circuit of a network, with its pipeline registers.
///
/// Its ports go in as `in_valid` and then the elements of an input word, `in_data_0` and so on; and come out as `out_valid` and
/// then all elements of the output, `out_data_0` and so on, each with the format of its value.
#[derive(Debug, Clone)]
pub struct Core {
    /// What it is made of.
    pub circuit: Circuit,
    /// When each net has its value.
    pub schedule: Schedule,
    /// Words of the input of an event, one a cycle in which `in_valid` is 1: rows of the image, or groups of rows, or the whole
    /// of it. Elements of the last word that lie below the image are ignored.
    pub words: usize,
    /// Least number of cycles from the first word of an event to that of the next.
    pub interval: usize,
    /// The token in which `out_valid` is 1, if words follow each other without a gap; that of the first word is 0.
    pub answer: usize,
    /// The value of each [`ValueId`](crate::ops::ValueId); none if another kernel does the work.
    pub streams: Vec<Option<Stream>>,
}

impl Core {
    /// Clock cycles from the first word to the output, if words follow each other without a gap.
    pub fn latency(&self) -> usize {
        self.answer + self.schedule.last as usize
    }
}
