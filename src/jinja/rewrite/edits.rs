//! Edits of a text, and the way back from edited to original offsets.

use std::borrow::Cow;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    /// Closes what ends here; the one asked for first stands first.
    Close(usize),
    /// Opens what starts here; the one asked for last (the outermost) stands first.
    Open(std::cmp::Reverse<usize>),
    /// Takes the place of the text that starts here.
    Replace,
}

#[derive(Debug)]
struct Edit {
    at: usize,
    order: Order,
    remove: usize,
    text: Cow<'static, str>,
}

/// Edits that were asked for, in any order.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    edits: Vec<Edit>,
}

impl Edits {
    fn push(&mut self, at: usize, order: Order, remove: usize, text: Cow<'static, str>) {
        self.edits.push(Edit { at, order, remove, text });
    }

    /// Inserts in front of what starts at `at`.
    pub(crate) fn open(&mut self, at: usize, text: &'static str) {
        let order = Order::Open(std::cmp::Reverse(self.edits.len()));
        self.push(at, order, 0, Cow::Borrowed(text));
    }

    /// Inserts behind what ends at `at`.
    pub(crate) fn close(&mut self, at: usize, text: impl Into<Cow<'static, str>>) {
        let order = Order::Close(self.edits.len());
        self.push(at, order, 0, text.into());
    }

    /// Puts a text in the place of `start..end`.
    pub(crate) fn replace(&mut self, start: usize, end: usize, text: impl Into<Cow<'static, str>>) {
        self.push(start, Order::Replace, end - start, text.into());
    }

    /// Drops the edits inside a range; used when the range itself is replaced.
    pub(crate) fn forget(&mut self, start: usize, end: usize) {
        self.edits.retain(|edit| edit.at < start || edit.at >= end);
    }

    /// Applies the edits.
    pub(crate) fn apply(mut self, text: &str) -> (String, EditMap) {
        self.edits.sort_by_key(|edit| (edit.at, edit.order));
        let extra: usize = self.edits.iter().map(|edit| edit.text.len()).sum();
        let mut out = String::with_capacity(text.len() + extra);
        let mut steps = Vec::with_capacity(self.edits.len());
        let mut done = 0;
        for edit in &self.edits {
            if edit.at < done {
                continue;
            }
            out.push_str(&text[done..edit.at]);
            steps.push(Step { new: out.len(), added: edit.text.len(), old: edit.at, removed: edit.remove });
            out.push_str(&edit.text);
            done = edit.at + edit.remove;
        }
        out.push_str(&text[done..]);
        (out, EditMap { steps })
    }
}

#[derive(Debug, Clone)]
struct Step {
    new: usize,
    added: usize,
    old: usize,
    removed: usize,
}

/// Maps offsets between edited and original text.
#[derive(Debug, Clone, Default)]
pub(crate) struct EditMap {
    steps: Vec<Step>,
}

impl EditMap {
    /// The original offset of an edited one; inside inserted text, the place
    /// where it was inserted.
    pub(crate) fn map_back(&self, offset: usize) -> usize {
        let ix = self.steps.partition_point(|step| step.new <= offset);
        let Some(step) = ix.checked_sub(1).map(|ix| &self.steps[ix]) else {
            return offset;
        };
        let into = offset - step.new;
        if into < step.added { step.old } else { step.old + step.removed + (into - step.added) }
    }

    /// The edited offset of an original one, in front of what was inserted there.
    pub(crate) fn before(&self, offset: usize) -> usize {
        self.forward(offset, self.steps.partition_point(|step| step.old < offset))
    }

    /// The edited offset of an original one, behind what was inserted there.
    pub(crate) fn after(&self, offset: usize) -> usize {
        let n = self.steps.partition_point(|step| step.old < offset || (step.old == offset && step.removed == 0));
        self.forward(offset, n)
    }

    fn forward(&self, offset: usize, n_steps: usize) -> usize {
        match n_steps.checked_sub(1).map(|ix| &self.steps[ix]) {
            None => offset,
            Some(step) => {
                let end = step.old + step.removed;
                step.new + step.added + offset.saturating_sub(end)
            }
        }
    }
}
