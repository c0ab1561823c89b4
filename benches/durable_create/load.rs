//! A closed loop: so many clients, each of which asks again as soon as it has its answer.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

/// What one run showed.
pub(crate) struct Measured {
    elapsed: Duration,
    /// Every latency in nanoseconds, in rising order.
    latencies: Vec<u64>,
}

impl Measured {
    pub(crate) fn per_second(&self) -> u64 {
        let count = u128::try_from(self.latencies.len()).expect("a count");
        u64::try_from(count * 1_000_000_000 / self.elapsed.as_nanos().max(1)).expect("a rate")
    }

    /// The latency that so many of a thousand stay below, in nanoseconds.
    pub(crate) fn quantile(&self, permille: usize) -> u64 {
        let index = self.latencies.len() * permille / 1_000;
        self.latencies[index.min(self.latencies.len() - 1)]
    }
}

/// Milliseconds with two decimals.
pub(crate) fn millis(nanos: u64) -> String {
    let hundredths = nanos / 10_000;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// The run whose rate is in the middle.
pub(crate) fn median(mut runs: Vec<Measured>) -> Measured {
    runs.sort_by_key(Measured::per_second);
    runs.swap_remove(runs.len() / 2)
}

/// Makes `count` requests with so many clients; `ask` gets the number of the request, from 0.
pub(crate) async fn run<F>(clients: u64, count: u64, ask: impl Fn(u64) -> F + Send + Sync) -> Measured
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut numbers = 0..count;
    let started = Instant::now();
    let mut waiting = JoinSet::new();
    let mut latencies = Vec::with_capacity(usize::try_from(count).expect("a count"));
    let mut begin = |waiting: &mut JoinSet<u64>| {
        if let Some(number) = numbers.next() {
            let asked = ask(number);
            waiting.spawn(async move {
                let began = Instant::now();
                asked.await;
                u64::try_from(began.elapsed().as_nanos()).expect("a latency")
            });
        }
    };
    for _ in 0..clients {
        begin(&mut waiting);
    }
    while let Some(latency) = waiting.join_next().await {
        latencies.push(latency.expect("no request panics"));
        begin(&mut waiting);
    }
    let elapsed = started.elapsed();
    latencies.sort_unstable();
    Measured { elapsed, latencies }
}
