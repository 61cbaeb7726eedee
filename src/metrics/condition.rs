//! Metrics in conditions: `Metric('orders', group_by=['customer'])` is the metric of the row's entity.

use std::mem::{replace, take};

use serde_json::{Value as Data, json};

use super::item::ItemName;
use super::plan::{Builder, Context, Output, question_error};
use crate::diagnostic::Diagnostic;

impl Builder<'_, '_> {
    /// Plans the metric of a condition for each of its entity, at all times and whatever else is asked: the step that
    /// has it, its column, and the column with the entity.
    ///
    /// # Errors
    /// When the metric is not known, does not have the entity, or stands in its own condition.
    pub(super) fn metric_by_entity(&mut self, item: &ItemName, metric: &str) -> Result<Data, Box<Diagnostic>> {
        let name = item.column();
        if let Some(known) = self.by_entity.get(&name) {
            return Ok(known.clone());
        }
        if self.conditions.contains(&name) {
            return Err(Box::new(question_error(format!("metric `{metric}` is in a condition of itself"))));
        }
        let entity = ItemName { name: item.name.clone(), ..ItemName::default() };
        let key = entity.column();
        let items = replace(&mut self.items, vec![entity]);
        let open = take(&mut self.open);
        self.conditions.push(name.clone());
        let planned = self.metric(metric, &Context::default()).map(|output| self.filled_metric(&name, output));
        self.conditions.pop();
        (self.items, self.open) = (items, open);
        let (step, column) = planned?;
        let described = json!({"step": step, "column": column, "key": key});
        self.by_entity.insert(name, described.clone());
        Ok(described)
    }

    /// The step that has a metric with what stands for none of it, and its column there.
    fn filled_metric(&mut self, name: &str, output: Output) -> (String, String) {
        let column = output.column.clone();
        let computed = json!({"name": column, "kind": "input", "of": column});
        (self.compute(name, &[(output, column.clone())], vec![computed]), column)
    }
}
