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

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use tokio::sync::oneshot;
    use tokio::time::sleep;

    use super::within;

    #[tokio::test]
    async fn an_answer_that_came_while_the_process_was_frozen_is_taken() {
        let time = Duration::from_millis(300);
        let (send, answer) = oneshot::channel();
        tokio::spawn(async move {
            sleep(Duration::from_millis(1)).await;
            // The answer is there, and takes a moment to read.
            sleep(Duration::from_millis(1)).await;
            send.send(7)
        });
        tokio::spawn(async move {
            let begun = Instant::now();
            while begun.elapsed() < 2 * time {
                std::hint::spin_loop();
            }
        });
        assert_eq!(within(time, answer).await, Some(Ok(7)));
        let begun = Instant::now();
        assert_eq!(within(time, std::future::pending::<()>()).await, None);
        assert!(begun.elapsed() >= time);
    }
}
