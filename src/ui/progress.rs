//! The live part of a terminal: what runs now, how much is done, how long it takes.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How many running nodes are shown by name.
const SHOWN: usize = 8;

/// A few lines below the messages, redrawn while nodes run.
pub struct Progress {
    lines: MultiProgress,
    total: ProgressBar,
    running: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Progress {
    /// Begins drawing on the terminal's stderr.
    #[must_use]
    pub fn start(nodes: usize) -> Self {
        let lines = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        let total = lines.add(ProgressBar::new(nodes as u64));
        total.set_style(style("{bar:24.green/dim} {pos}/{len}  {elapsed}  {msg}"));
        total.enable_steady_tick(Duration::from_millis(200));
        Self { lines, total, running: Mutex::default() }
    }

    /// Shows a node as running.
    pub fn node_started(&self, id: &str, label: &str) {
        let mut running = lock(&self.running);
        if running.len() >= SHOWN {
            return;
        }
        let bar = self.lines.insert_before(&self.total, ProgressBar::new_spinner());
        bar.set_style(style("  {spinner:.dim} {msg} {elapsed:.dim}"));
        bar.set_message(label.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        running.insert(id.to_owned(), bar);
    }

    /// Takes a node off and counts it as done.
    pub fn node_finished(&self, id: &str, tally: String) {
        if let Some(bar) = lock(&self.running).remove(id) {
            bar.finish_and_clear();
            self.lines.remove(&bar);
        }
        self.total.inc(1);
        self.total.set_message(tally);
    }

    /// Prints above the live part.
    pub fn above(&self, print: impl FnOnce()) {
        self.lines.suspend(print);
    }

    /// Takes the live part off the terminal.
    pub fn stop(&self) {
        for bar in std::mem::take(&mut *lock(&self.running)).into_values() {
            bar.finish_and_clear();
        }
        self.total.finish_and_clear();
        let _ = self.lines.clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
