//! Plans and executes nodes against a database.
//!
//! [`plan`] says which nodes in which order, [`schedule`] hands them to worker threads, a worker compiles and
//! materializes one node at a time, and what happens goes to a [`Reporter`] as [`Event`]s. Nothing here prints or
//! writes files: files go through [`Output`], which a room above implements.

mod batches;
pub mod compare;
mod difference;
mod event;
mod execute;
mod hooks;
mod message;
mod microbatch;
mod plan;
mod result;
pub mod schedule;
mod stop;
mod test;
mod unit_test;
mod worker;

#[cfg(test)]
mod fixture;
mod freshness;

pub use event::{Event, Output, Phase, Reporter, Silent};
pub use execute::{Surroundings, execute};
pub use freshness::{Freshness, has_freshness};
pub use message::output_path;
pub use plan::{Command, Retried, RunPlan, plan};
pub use result::{BatchResults, NodeResult, RunReport, Status, Timing, TimingName};
pub use stop::Stop;
pub use unit_test::{ColumnTypes, UnitTests, inputs_of, literal};
