//! Where the store's blocking work is done.

use std::pin::Pin;

use crate::core::Core;

/// Chosen when the pipeline is started.
pub enum Workplace {
    /// Writing on a thread of its own, reading where blocking is allowed.
    Threads,
    /// All of it on the runtime that starts the pipeline, which so decides every order: for simulation.
    Runtime(Box<dyn Pace>),
}

/// How fast the writer goes when it is a task: between the steps at which a thread may be held up, or the process end.
pub trait Pace: Send {
    /// A batch was taken from the queues and is not in the store yet.
    fn before_commit(&mut self) -> Pause<'_>;

    /// The batch is durable, or is known not to be, and the next of those who wait for it is to be told.
    fn before_follow_up(&mut self) -> Pause<'_>;
}

pub type Pause<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Reads from the store.
pub(crate) async fn read<T: Send + 'static>(
    core: &Core,
    read: impl FnOnce(&dyn store::Reader) -> T + Send + 'static,
) -> Result<T, tokio::task::JoinError> {
    let reader = std::sync::Arc::clone(&core.reader);
    run(core, move || read(&*reader)).await
}

/// Does what may block.
pub(crate) async fn run<T: Send + 'static>(
    core: &Core,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, tokio::task::JoinError> {
    if core.blocks_inline { Ok(work()) } else { tokio::task::spawn_blocking(work).await }
}
