//! Stopping a run from outside: a flag, and handles that interrupt the statements that run now.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

type Interrupt = Box<dyn Fn() + Send + Sync>;

/// Stops a run. The command line shares it with its signal handler.
#[derive(Default)]
pub struct Stop {
    is_set: AtomicBool,
    interrupts: Mutex<Vec<Interrupt>>,
}

impl std::fmt::Debug for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stop({})", self.is_set())
    }
}

impl Stop {
    /// Makes a stop that is not set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the run to stop: nothing new begins, and what runs is interrupted.
    pub fn stop(&self) {
        self.is_set.store(true, Ordering::SeqCst);
        self.interrupt();
    }

    /// Whether the run was asked to stop.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.is_set.load(Ordering::SeqCst)
    }

    /// Interrupts the statements that run now.
    pub fn interrupt(&self) {
        for interrupt in self.interrupts.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            interrupt();
        }
    }

    /// Adds a way to interrupt a statement, such as that of a worker's session.
    pub fn register(&self, interrupt: impl Fn() + Send + Sync + 'static) {
        self.interrupts.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(interrupt));
    }
}
