//! Many at a time: how fast, and at what CPU.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::process;

/// What a load took.
#[derive(Clone, Copy, Default)]
pub struct Spent {
    /// How many acts.
    pub acts: usize,
    /// From the first to the last.
    pub wall: Duration,
    /// CPU of the processes that served, in seconds.
    pub cpu: f64,
}

impl Spent {
    /// Returns acts a second.
    pub fn rate(&self) -> f64 {
        self.acts as f64 / self.wall.as_secs_f64()
    }

    /// Returns the CPU of one act.
    pub fn each(&self) -> Duration {
        Duration::from_secs_f64(self.cpu / self.acts as f64)
    }

    /// Returns acts a second on one core that does nothing else.
    pub fn per_core(&self) -> f64 {
        self.acts as f64 / self.cpu.max(1e-9)
    }
}

impl std::ops::AddAssign for Spent {
    fn add_assign(&mut self, more: Self) {
        self.acts += more.acts;
        self.wall += more.wall;
        self.cpu += more.cpu;
    }
}

/// Runs an act for every item, so many at a time, and counts the CPU of the processes.
pub async fn run<T, F, O>(
    items: Vec<T>,
    at_a_time: usize,
    processes: &[u32],
    act: F,
) -> anyhow::Result<Spent>
where
    T: Send + Sync + 'static,
    F: Fn(Arc<Vec<T>>, usize) -> O + Clone + Send + 'static,
    O: Future<Output = anyhow::Result<()>> + Send,
{
    let acts = items.len();
    let (items, next) = (Arc::new(items), Arc::new(AtomicUsize::new(0)));
    let (before, began) = (total_cpu(processes)?, Instant::now());
    let tasks: Vec<_> = (0..at_a_time)
        .map(|_| {
            let (items, next, act) = (Arc::clone(&items), Arc::clone(&next), act.clone());
            tokio::spawn(async move {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= items.len() {
                        return anyhow::Ok(());
                    }
                    act(Arc::clone(&items), index).await?;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(Spent { acts, wall: began.elapsed(), cpu: total_cpu(processes)? - before })
}

/// Returns the CPU of several processes together, in seconds.
pub fn total_cpu(processes: &[u32]) -> anyhow::Result<f64> {
    processes.iter().map(|id| process::cpu(*id)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn acts_on_every_item_once() {
        let items: Vec<AtomicUsize> = (0..1_000).map(|_| AtomicUsize::new(0)).collect();
        let kept = Arc::new(AtomicUsize::new(0));
        let told = Arc::clone(&kept);
        let spent = run(items, 7, &[], move |items, index| {
            let told = Arc::clone(&told);
            async move {
                assert_eq!(items[index].fetch_add(1, Ordering::Relaxed), 0);
                told.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        });
        assert_eq!(spent.await.expect("it runs").acts, 1_000);
        assert_eq!(kept.load(Ordering::Relaxed), 1_000);
    }

    #[test]
    fn rates_are_of_wall_time_and_of_cpu() {
        let spent = Spent { acts: 1_000, wall: Duration::from_millis(500), cpu: 0.25 };
        assert!((spent.rate() - 2_000.0).abs() < 1e-6);
        assert!((spent.per_core() - 4_000.0).abs() < 1e-6);
        assert_eq!(spent.each(), Duration::from_micros(250));
    }
}
