//! The batches of one microbatch model: the first alone, then those in the middle, side by side where that is safe,
//! then the last alone.
//!
//! What a batch is and which there are is `microbatch`'s business.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::event::Event;
use super::message::batch_path;
use super::microbatch::{self, BatchSize};
use super::result::{BatchResults, NodeResult, Status};
use super::schedule::STACK_SIZE;
use super::worker::{Found, Shop};
use crate::compile;
use crate::diagnostic::{Code, Diagnostic};
use crate::jinja::{Batch, Runtime, Session, TemplateSource, mentions_this};
use crate::manifest::{Node, NodeIndex};

/// How often a batch looks whether it is still wanted while it waits for a slot.
const PATIENCE: Duration = Duration::from_millis(50);

/// Who may be busy at once: as many as the target has threads. Nodes have one each; batches take what is left.
pub(super) struct Slots {
    total: usize,
    taken: Mutex<Taken>,
    freed: Condvar,
}

#[derive(Default)]
struct Taken {
    busy: usize,
    /// Nodes that wait for batches to end.
    waiting: usize,
}

/// A slot, until it is dropped.
pub(super) struct Slot<'a>(&'a Slots);

impl Slots {
    /// Makes so many slots.
    pub(super) fn new(total: usize) -> Self {
        Self { total, taken: Mutex::default(), freed: Condvar::new() }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a slot for a node; if batches have them all, as soon as one of those ends.
    pub(super) fn enter(&self) -> Slot<'_> {
        let mut taken = self.taken();
        taken.waiting += 1;
        while taken.busy >= self.total {
            taken = self.freed.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
        taken.waiting -= 1;
        taken.busy += 1;
        Slot(self)
    }

    /// Takes a slot for a batch as soon as no node wants it; `None` once the batch is not wanted.
    fn spare(&self, is_wanted: impl Fn() -> bool) -> Option<Slot<'_>> {
        let mut taken = self.taken();
        while taken.busy + taken.waiting >= self.total {
            if !is_wanted() {
                return None;
            }
            (taken, _) = self.freed.wait_timeout(taken, PATIENCE).unwrap_or_else(PoisonError::into_inner);
        }
        taken.busy += 1;
        Some(Slot(self))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.taken().busy -= 1;
        self.0.freed.notify_all();
    }
}

/// What one batch gave, and how many seconds it took.
type Done = (Result<Found, Box<Diagnostic>>, f64);

/// What came of a batch; nothing of one that was left out.
type Ended = Option<Result<(), Box<Diagnostic>>>;

/// A model whose batches are built.
struct Model<'a> {
    shop: &'a Shop<'a>,
    ix: NodeIndex,
    node: &'a Node,
    size: BatchSize,
    total: usize,
    has_failed: AtomicBool,
    /// By the batches' places.
    ended: Mutex<BTreeMap<usize, Ended>>,
}

/// Builds all batches of a model. Where the first fails, the rest is left out.
///
/// # Errors
/// When it cannot be told which batches there are; what happens to single ones is in the result.
pub(super) fn build(
    shop: &Shop<'_>,
    session: &Arc<Session>,
    ix: NodeIndex,
    result: &mut NodeResult,
) -> Result<(), Box<Diagnostic>> {
    let node = shop.runtime.manifest.node(ix);
    let (size, batches) = microbatch::batches(shop.runtime, ix, shop.retried)?;
    let windows: Vec<_> = batches.iter().map(|batch| (batch.start, batch.end)).collect();
    let total = batches.len();
    let model = Model { shop, ix, node, size, total, has_failed: AtomicBool::new(false), ended: Mutex::default() };
    let mut queue: VecDeque<(usize, Batch)> = batches.into_iter().enumerate().collect();
    let last = if total > 1 { queue.pop_back() } else { None };
    if let Some((place, batch)) = queue.pop_front() {
        model.build(session, place, batch, false);
    }
    let is_lost = model.has_failed.load(Ordering::SeqCst);
    if !is_lost && queue.len() > 1 && model.is_concurrent() {
        model.side_by_side(session, Mutex::new(queue));
    } else {
        queue.into_iter().for_each(|(place, batch)| model.build(session, place, batch, is_lost));
    }
    if let Some((place, batch)) = last {
        model.build(session, place, batch, is_lost);
    }
    let (mut results, mut problem) = (BatchResults::default(), None);
    let ended = model.ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (window, (_, ended)) in windows.into_iter().zip(ended) {
        match ended {
            Some(Ok(())) => results.successful.push(window),
            Some(Err(error)) => {
                results.failed.push(window);
                problem.get_or_insert(error);
            }
            None => results.failed.push(window),
        }
    }
    microbatch::conclude(result, results, shop.retried.batches.get(&ix));
    result.diagnostic = problem;
    Ok(())
}

/// Warns where batches are asked to be built at the same time, and the adapter cannot.
///
/// # Errors
/// When warnings are errors.
pub(super) fn warn_if_sequential(runtime: &Runtime, nodes: &[NodeIndex]) -> Result<(), Box<Diagnostic>> {
    let asks =
        |node: &&Node| microbatch::is_microbatch(runtime, node) && node.config.bool("concurrent_batches") == Some(true);
    let asking: Vec<&Node> = nodes.iter().map(|ix| runtime.manifest.node(*ix)).filter(asks).collect();
    let Some(first) = asking.first().filter(|_| !runtime.adapter.features().has_concurrent_batches) else {
        return Ok(());
    };
    let (n, plural) = (asking.len(), if asking.len() == 1 { "" } else { "s" });
    let message = format!(
        "Found {n} microbatch model{plural} with the `concurrent_batches` config set to true, but the {} adapter does \
         not support running batches concurrently. Batches will be run sequentially.",
        runtime.adapter.name()
    );
    let warning = Diagnostic::warning(Code::BatchesSequential, message).in_file(&first.file);
    runtime.listener.warning(Some(first.unique_id.as_str()), warning)
}

impl Model<'_> {
    /// Whether batches may be built at the same time: if the database can, and the model says so or does not read
    /// its own table, to which the others add meanwhile.
    fn is_concurrent(&self) -> bool {
        let reads_itself = || match self.node.is_python_model() {
            true => self.node.raw_code.contains("dbt.this"),
            false => mentions_this(&TemplateSource::new("", "", self.node.raw_code.as_str())).unwrap_or(true),
        };
        self.shop.slots.total > 1
            && self.shop.runtime.adapter.features().has_concurrent_batches
            && self.node.config.bool("concurrent_batches").unwrap_or_else(|| !reads_itself())
    }

    /// Builds batches on this thread, and on others as far as there are slots.
    fn side_by_side(&self, session: &Arc<Session>, queue: Mutex<VecDeque<(usize, Batch)>>) {
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let n_left = || queue.lock().unwrap_or_else(PoisonError::into_inner).len();
        let help = |name: String| {
            let session = self.shop.session(&name);
            while let Some(_slot) = self.shop.slots.spare(|| n_left() > 0) {
                let Some((place, batch)) = next() else { break };
                if let Err(problem) = self.shop.runtime.label(&session, Some(self.ix)) {
                    self.end(place, &batch, Some((Err(problem), 0.0)));
                    continue;
                }
                self.build(&session, place, batch, false);
            }
            session.close();
        };
        thread::scope(|scope| {
            let n_helpers = (self.shop.slots.total - 1).min(n_left().saturating_sub(1));
            for number in 1..=n_helpers {
                let name = format!("{} {number}", session.name());
                let builder = thread::Builder::new().name(name.clone()).stack_size(STACK_SIZE);
                // Without the thread, the others do its work.
                let _ = builder.spawn_scoped(scope, move || help(name));
            }
            while let Some((place, batch)) = next() {
                self.build(session, place, batch, false);
            }
        });
    }

    /// Builds one batch, or leaves it out.
    fn build(&self, session: &Arc<Session>, place: usize, batch: Batch, is_lost: bool) {
        let fails_fast = self.shop.runtime.project.settings.fail_fast && self.has_failed.load(Ordering::SeqCst);
        if is_lost || fails_fast || self.shop.stop.is_set() {
            return self.end(place, &batch, None);
        }
        let (label, index, total) = (self.size.label(batch.start), place + 1, self.total);
        self.shop.reporter.report(&Event::BatchStarted { node: self.ix, label: &label, index, total });
        let started = Instant::now();
        let built = self.run(session, &batch, &label);
        self.end(place, &batch, Some((built, started.elapsed().as_secs_f64())));
    }

    fn run(&self, session: &Arc<Session>, batch: &Batch, label: &str) -> Result<Found, Box<Diagnostic>> {
        let (runtime, output) = (self.shop.runtime, self.shop.output);
        let compiled = compile::compile_batch(runtime, session, self.ix, Some(batch.clone()))?;
        output.write(&batch_path("compiled", self.node, label), &compiled.compiled_code)?;
        let outcome = compile::materialize(runtime, session, self.ix, &compiled);
        if let Some(text) = session.take_written() {
            output.write(&batch_path("run", self.node, label), &text)?;
        }
        outcome.map(Found::of)
    }

    /// Tells what came of a batch, and notes it.
    fn end(&self, place: usize, batch: &Batch, done: Option<Done>) {
        let mut result = NodeResult::of(self.ix, self.node, Status::Skipped);
        if let Some((found, seconds)) = &done {
            result.execution_time = *seconds;
            result.status = if found.is_ok() { Status::Success } else { Status::Error };
            if let Ok(found) = found {
                result.adapter_response.clone_from(&found.adapter_response);
            }
        }
        let (label, index, total) = (self.size.label(batch.start), place + 1, self.total);
        let event = Event::BatchFinished { node: self.ix, label: &label, index, total, result: &result };
        self.shop.reporter.report(&event);
        let ended = done.map(|(found, _)| found.map(|_| ()));
        if !matches!(ended, Some(Ok(()))) {
            self.has_failed.store(true, Ordering::SeqCst);
        }
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).insert(place, ended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_take_what_nodes_leave() {
        let slots = Slots::new(2);
        let node = slots.enter();
        let batch = slots.spare(|| true).expect("a slot is free");
        assert!(slots.spare(|| false).is_none(), "all are taken");
        drop(batch);
        assert!(slots.spare(|| false).is_some());
        drop(node);
        assert_eq!(slots.taken().busy, 0);
    }
}
