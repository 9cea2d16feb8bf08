//! Waiting, in time that the process has run.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

const SLICE: Duration = Duration::from_millis(250);

/// Waits for the future, but no longer than this. `None`: it takes longer.
///
/// A process that was frozen finds each deadline in the past, although the answer may be there. So the
/// wait is cut into slices, of which one passes while the process is frozen.
pub(crate) async fn within<F: Future>(time: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = time;
    loop {
        let slice = left.min(SLICE);
        if let Ok(output) = timeout(slice, &mut future).await {
            return Some(output);
        }
        left -= slice;
        if left.is_zero() {
            return None;
        }
    }
}
