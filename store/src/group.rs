//! Group commit: what waits while one commit runs shares the next.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use sqlx::postgres::PgPool;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use crate::StoreError;
use crate::bulk::Texts;
use crate::engine::{Engine, Statement};
use crate::issued::{self, NewIssued, Recorded};
use crate::tx::{BoxFuture, Held, Tx};

/// The most jobs that share a commit.
const GROUP: usize = 256;
/// How long a group waits for company.
const HOLD: Duration = Duration::from_micros(600);
/// Jobs that are company enough.
const COMPANY: usize = 16;

/// Is one caller's wish.
pub(crate) enum Job {
    Record(Box<NewIssued>, oneshot::Sender<Result<Recorded, StoreError>>),
    Act(Box<dyn Act>),
    Close(oneshot::Sender<()>),
}

/// Is what a closure came to, or the panic that ended it.
type Outcome<T> = Result<Result<T, StoreError>, Box<dyn Any + Send>>;

/// Is a closure of [`crate::Store::write`], its result type forgotten.
pub(crate) trait Act: Send {
    /// Runs it within the transaction.
    fn run<'t>(self: Box<Self>, tx: &'t mut Tx) -> BoxFuture<'t, Finished>;

    /// Answers its caller without running it.
    fn refuse(self: Box<Self>, error: StoreError);
}

/// Is a closure that ran; its caller hears of it once the group's fate is known.
pub(crate) struct Finished {
    keep: bool,
    answer: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
}

struct Closure<T, F> {
    act: F,
    answer: oneshot::Sender<Outcome<T>>,
}

/// Makes a job of a closure.
pub(crate) fn act<T, F>(act: F) -> (Job, oneshot::Receiver<Outcome<T>>)
where
    T: Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
{
    let (answer, outcome) = oneshot::channel();
    (Job::Act(Box::new(Closure { act, answer })), outcome)
}

impl<T, F> Act for Closure<T, F>
where
    T: Send + 'static,
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
{
    fn run<'t>(self: Box<Self>, tx: &'t mut Tx) -> BoxFuture<'t, Finished> {
        let Self { act, answer } = *self;
        Box::pin(async move {
            let outcome = unwound(act, tx).await;
            Finished {
                keep: matches!(outcome, Ok(Ok(_))),
                answer: Box::new(move |committed| {
                    let outcome = match (outcome, committed) {
                        (Ok(Ok(_)), Err(error)) => Ok(Err(error)),
                        (outcome, _) => outcome,
                    };
                    let _ = answer.send(outcome);
                }),
            }
        })
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        let _ = self.answer.send(Ok(Err(error)));
    }
}

/// Runs a closure; a panic in it is its caller's and must not end the writer.
async fn unwound<T, F>(act: F, tx: &mut Tx) -> Outcome<T>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>>,
{
    let mut future = catch_unwind(AssertUnwindSafe(|| act(tx)))?;
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => std::task::Poll::Ready(Err(panic)),
    })
    .await
}

/// Is what one commit will hold.
#[derive(Default)]
struct Group {
    records: Vec<(NewIssued, oneshot::Sender<Result<Recorded, StoreError>>)>,
    acts: Vec<Box<dyn Act>>,
    close: Option<oneshot::Sender<()>>,
}

impl Group {
    /// Waits for one job and takes all that wait with it; nothing if all callers are gone.
    async fn gather(jobs: &mut mpsc::Receiver<Job>) -> Option<Self> {
        let mut group = Self::default();
        let next = Some(jobs.recv().await?);
        // Those who were answered a moment ago run once here, so that they share this commit
        // instead of waiting for the next.
        tokio::task::yield_now().await;
        group.fill(next, jobs);
        Some(group)
    }

    fn len(&self) -> usize {
        self.records.len() + self.acts.len()
    }

    /// Takes a job and all that wait.
    fn fill(&mut self, mut next: Option<Job>, jobs: &mut mpsc::Receiver<Job>) {
        while let Some(job) = next {
            match job {
                Job::Record(issued, answer) => self.records.push((*issued, answer)),
                Job::Act(act) => self.acts.push(act),
                Job::Close(done) => self.close = Some(done),
            }
            let full = self.len() >= GROUP;
            next = if full || self.close.is_some() { None } else { jobs.try_recv().ok() };
        }
    }

    fn refuse(self, error: &StoreError) {
        for (_, answer) in self.records {
            let _ = answer.send(Err(error.clone()));
        }
        for act in self.acts {
            act.refuse(error.clone());
        }
    }
}

/// How many jobs shared a commit lately: 64 times the mean, in which each group counts an eighth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lately(usize);

impl Lately {
    const ALONE: Self = Self(64);

    const fn and(self, group: usize) -> Self {
        Self(self.0 - self.0 / 8 + group * 8)
    }

    /// Tells whether a group waits for company. One or two clients would only wait for themselves; where
    /// commits have more than two jobs, those that are saved are a tenth of all CPU; and many need no more.
    const fn waits(self, group: usize) -> bool {
        self.0 >= 2 * 64 + 8 && group < COMPANY
    }
}

/// Serves SQLite's one writing connection until all callers are gone or one closes it. Gathering is
/// a task of the runtime, so that callers have their turn before it; statements and the commit, which
/// waits for the disk, run where they may block.
pub(crate) async fn run_sqlite(connection: rusqlite::Connection, mut jobs: mpsc::Receiver<Job>) {
    let mut tx = Tx(Held::Sqlite(connection));
    let mut texts = Texts::new(Engine::Sqlite);
    let mut done = None;
    let mut lately = Lately::ALONE;
    while let Some(mut group) = Group::gather(&mut jobs).await {
        let runtime = Handle::current();
        let committing = spawn_blocking(move || {
            if group.close.is_none() && lately.waits(group.len()) {
                std::thread::sleep(HOLD);
                let next = jobs.try_recv().ok();
                group.fill(next, &mut jobs);
            }
            let (done, lately) = (group.close.take(), lately.and(group.len()));
            runtime.block_on(commit_sqlite(&mut tx, &mut texts, group));
            (tx, texts, jobs, done, lately)
        });
        // Callers of a group that met a panic, or the end of the runtime, hear that nobody answers;
        // so do all after them.
        (tx, texts, jobs, done, lately) = match committing.await {
            Ok(held) => held,
            Err(error) => return tracing::error!(%error, "the writer of the database ended"),
        };
        if done.is_some() {
            break;
        }
    }
    if let Held::Sqlite(connection) = tx.0
        && let Err((_, error)) = connection.close()
    {
        tracing::warn!(%error, "closing the database");
    }
    if let Some(done) = done {
        let _ = done.send(());
    }
}

async fn commit_sqlite(tx: &mut Tx, texts: &mut Texts, group: Group) {
    let Group { records, acts, .. } = group;
    let (issued, answers): (Vec<_>, Vec<_>) = records.into_iter().unzip();
    let recorded = match begin_and_record(tx, texts, &issued).await {
        Ok(recorded) => recorded,
        Err(error) => {
            // May fail where SQLite has rolled back by itself.
            let _ = control(tx, "ROLLBACK").await;
            let records = issued.into_iter().zip(answers).collect();
            return Group { records, acts, close: None }.refuse(&error);
        }
    };
    let (finished, committed) = act_and_commit(tx, acts, issued.is_empty()).await;
    for (outcome, answer) in recorded.into_iter().zip(answers) {
        let _ = answer.send(committed.clone().and(outcome));
    }
    for act in finished {
        (act.answer)(committed.clone());
    }
}

/// Begins a transaction and records in it: together, or one by one if one of them is at fault.
async fn begin_and_record(
    tx: &mut Tx,
    texts: &mut Texts,
    issued: &[NewIssued],
) -> Result<Vec<Result<Recorded, StoreError>>, StoreError> {
    control(tx, "BEGIN IMMEDIATE").await?;
    match issued::record_group(tx, texts, issued).await {
        Ok(()) => return Ok(issued.iter().map(|_| Ok(Recorded::New)).collect()),
        Err(error) if error.blames_one_row() => {}
        Err(error) => return Err(error),
    }
    begin_again(tx).await?;
    let mut outcomes = Vec::with_capacity(issued.len());
    for one in issued {
        control(tx, "SAVEPOINT one").await?;
        let outcome = issued::record_one(tx, texts, one).await;
        end_savepoint(tx, outcome.is_ok()).await?;
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// Runs the closures, each undone alone if it fails, and commits. While the transaction is `empty`
/// that needs no savepoint, for which SQLite copies each page that changes: it is begun again.
async fn act_and_commit(
    tx: &mut Tx,
    acts: Vec<Box<dyn Act>>,
    mut empty: bool,
) -> (Vec<Finished>, Result<(), StoreError>) {
    let mut finished = Vec::with_capacity(acts.len());
    let mut fate = Ok(());
    for act in acts {
        let begun = if empty { Ok(()) } else { control(tx, "SAVEPOINT one").await };
        if let Err(error) = fate.clone().and(begun) {
            act.refuse(error.clone());
            fate = Err(error);
            continue;
        }
        let one = act.run(tx).await;
        fate = match (empty, one.keep) {
            (true, true) => Ok(()),
            (true, false) => begin_again(tx).await,
            (false, keep) => end_savepoint(tx, keep).await,
        };
        empty &= !one.keep;
        finished.push(one);
    }
    if fate.is_ok() {
        fate = control(tx, "COMMIT").await;
    }
    if fate.is_err() {
        // May fail where SQLite has rolled back by itself.
        let _ = control(tx, "ROLLBACK").await;
    }
    (finished, fate)
}

async fn begin_again(tx: &mut Tx) -> Result<(), StoreError> {
    control(tx, "ROLLBACK").await?;
    control(tx, "BEGIN IMMEDIATE").await
}

async fn end_savepoint(tx: &mut Tx, keep: bool) -> Result<(), StoreError> {
    if !keep {
        control(tx, "ROLLBACK TO one").await?;
    }
    control(tx, "RELEASE one").await
}

async fn control(tx: &mut Tx, sql: &'static str) -> Result<(), StoreError> {
    tx.execute(Statement::new("transaction", sql)).await.map(drop)
}

/// Records on PostgreSQL, on a connection of its own, until all callers are gone or one closes it.
pub(crate) async fn run_postgres(pool: PgPool, mut jobs: mpsc::Receiver<Job>) {
    let mut texts = Texts::new(Engine::Postgres);
    while let Some(group) = Group::gather(&mut jobs).await {
        let Group { records, close, .. } = group;
        let (issued, answers): (Vec<_>, Vec<_>) = records.into_iter().unzip();
        match record_postgres(&pool, &mut texts, &issued).await {
            Ok(()) => answers.into_iter().for_each(|answer| drop(answer.send(Ok(Recorded::New)))),
            Err(error) if error.blames_one_row() => {
                for (one, answer) in issued.iter().zip(answers) {
                    let _ = answer.send(record_one_postgres(&pool, &mut texts, one).await);
                }
            }
            Err(error) => {
                answers.into_iter().for_each(|answer| drop(answer.send(Err(error.clone()))));
            }
        }
        if let Some(done) = close {
            pool.close().await;
            let _ = done.send(());
            return;
        }
    }
    pool.close().await;
}

async fn record_postgres(
    pool: &PgPool,
    texts: &mut Texts,
    issued: &[NewIssued],
) -> Result<(), StoreError> {
    if issued.is_empty() {
        return Ok(());
    }
    let mut tx = Tx(Held::Postgres(pool.begin().await?));
    issued::record_group(&mut tx, texts, issued).await?;
    commit_postgres(tx).await
}

async fn record_one_postgres(
    pool: &PgPool,
    texts: &mut Texts,
    issued: &NewIssued,
) -> Result<Recorded, StoreError> {
    let mut tx = Tx(Held::Postgres(pool.begin().await?));
    let recorded = issued::record_one(&mut tx, texts, issued).await?;
    commit_postgres(tx).await?;
    Ok(recorded)
}

/// Commits; dropping the transaction instead undoes it.
pub(crate) async fn commit_postgres(tx: Tx) -> Result<(), StoreError> {
    match tx.0 {
        Held::Postgres(transaction) => Ok(transaction.commit().await?),
        Held::Sqlite(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(groups: impl IntoIterator<Item = usize>) -> Lately {
        groups.into_iter().fold(Lately::ALONE, Lately::and)
    }

    #[test]
    fn few_do_not_wait_and_neither_do_many() {
        assert!(!Lately::ALONE.waits(1));
        assert!(!after([1; 1_000]).waits(1));
        // One that met another is no company yet.
        assert!(!after([1, 2, 1, 2]).waits(1));
        assert!(!after([2; 1_000]).waits(1));
        let company = after([3; 16]);
        assert!(company.waits(1) && company.waits(COMPANY - 1));
        assert!(!company.waits(COMPANY) && !company.waits(GROUP));
        // Soon after it is gone nobody waits for it.
        assert!(!after([3; 1_000].into_iter().chain([1; 8])).waits(1));
        assert!(!after([GROUP; 1_000].into_iter().chain([1; 64])).waits(1));
    }
}
