//! Work on all cores, in order.

use std::{num::NonZeroUsize, sync::mpsc::sync_channel, thread};

use crate::error::Result;

/// Jobs that wait for each worker; and results of each that wait to be taken.
const AHEAD: usize = 2;

/// How many workers there should be: one for each core.
pub fn workers() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Gives what `next` gives to the workers in turn, each on a thread of its own, and their results to `take` in the same
/// order. A few chunks for each worker are on the way at a time. The first error ends it.
///
/// # Errors
/// Those of `next`, the workers and `take`.
pub fn in_order<T: Send, R: Send>(
    workers: Vec<impl FnMut(T) -> Result<R> + Send>,
    mut next: impl FnMut() -> Result<Option<T>>,
    mut take: impl FnMut(R) -> Result,
) -> Result {
    thread::scope(|scope| {
        let start = |mut work: _| {
            let (to, jobs) = sync_channel(AHEAD);
            let (results, from) = sync_channel(AHEAD);
            scope.spawn(move || jobs.iter().map(&mut work).try_for_each(|result| results.send(result)));
            (to, from)
        };
        let lanes: Vec<_> = workers.into_iter().map(start).collect();
        let (mut fed, mut taken) = (0, 0);
        loop {
            let job = next()?;
            let end = job.is_none();
            while taken < fed && (end || fed - taken == lanes.len() * AHEAD) {
                // A lane that is closed had a worker that panicked; the scope hands the panic on.
                let Ok(result) = lanes[taken % lanes.len()].1.recv() else { return Ok(()) };
                take(result?)?;
                taken += 1;
            }
            let Some(job) = job else { return Ok(()) };
            if lanes[fed % lanes.len()].0.send(job).is_err() {
                return Ok(());
            }
            fed += 1;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, Error};

    fn squares(workers: usize, count: u64, fail_at: Option<u64>) -> (Result, Vec<u64>) {
        let work = |n: u64| match fail_at {
            Some(at) if at == n => Err(Error::new(Code::CsimFailed, "as it should")),
            _ => Ok(n * n),
        };
        let (mut jobs, mut results) = (0..count, Vec::new());
        let result = in_order(
            vec![work; workers],
            || Ok(jobs.next()),
            |n| {
                results.push(n);
                Ok(())
            },
        );
        (result, results)
    }

    #[test]
    fn results_come_in_order_from_any_number_of_workers() {
        for workers in [1, 2, 3, 7] {
            for count in [0, 1, 2, 5, 100] {
                let (result, results) = squares(workers, count, None);
                result.unwrap();
                assert_eq!(results, (0..count).map(|n| n * n).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn the_first_error_ends_it() {
        let (result, results) = squares(3, 100, Some(40));
        assert_eq!(result.unwrap_err().code(), Code::CsimFailed);
        assert_eq!(results.len(), 40);
    }
}
