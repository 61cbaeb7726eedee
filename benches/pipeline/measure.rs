//! Time and memory of whole processes, from `/proc`, and the tables they are printed in.

use std::cmp::Ordering;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often a running process is asked for its memory.
const INTERVAL: Duration = Duration::from_millis(2);

/// What a process used.
pub struct Usage {
    /// Seconds on the clock.
    pub wall: f64,
    /// Seconds of all cores.
    pub cpu: f64,
    /// The most memory that it had at once, in MiB.
    pub peak: f64,
    /// Whether it failed.
    pub is_failure: bool,
}

impl Usage {
    /// Orders by time on the clock.
    pub fn faster(&self, other: &Self) -> Ordering {
        self.wall.total_cmp(&other.wall)
    }
}

/// Runs a program to its end.
pub fn run(program: &Path, arguments: &[&str], dir: &Path) -> Usage {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.env("DBT_SEND_ANONYMOUS_USAGE_STATS", "false").env("DO_NOT_TRACK", "1").env("HOME", dir);
    let before = children_cpu();
    let begin = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let (status, peak) = watch(&mut child);
    let wall = begin.elapsed().as_secs_f64();
    Usage { wall, cpu: children_cpu() - before, peak, is_failure: !status.success() }
}

/// Waits for a process and notes the most memory that it had.
fn watch(child: &mut Child) -> (ExitStatus, f64) {
    let mut peak = 0.0_f64;
    loop {
        if let Some(status) = child.try_wait().expect("a started process can be waited for") {
            return (status, peak);
        }
        peak = peak.max(peak_memory(&child.id().to_string()));
        std::thread::sleep(INTERVAL);
    }
}

/// The most memory that a process had so far, in MiB.
pub fn peak_memory(process: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}

/// CPU seconds of all children that have ended.
fn children_cpu() -> f64 {
    stat_seconds(15) + stat_seconds(16)
}

/// CPU seconds of this process.
pub fn own_cpu() -> f64 {
    stat_seconds(13) + stat_seconds(14)
}

/// One of the times in `/proc/self/stat`, which counts in hundredths of a second.
fn stat_seconds(field: usize) -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is a name in parentheses, which may hold spaces.
    let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks = rest.split_whitespace().nth(field - 2).and_then(|ticks| ticks.parse::<f64>().ok());
    ticks.unwrap_or_default() / 100.0
}

/// What the numbers were measured on.
pub fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib =
        memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let name = model.map_or("unknown", |(_, name)| name);
    format!("{name}, {cores} cores, {} GiB", kib.unwrap_or_default() >> 20)
}

/// Starts a table.
pub fn heading(title: &str) {
    println!(
        "\n### {title}\n\n| | seconds | CPU seconds | peak MiB | time against the first | CPU against the first |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
}

/// Adds a row to a table.
pub fn row(name: &str, usage: &Usage, first: Option<&Usage>) {
    let against = |ours: f64, theirs: f64| if theirs > 0.0 { format!("{:.2}", ours / theirs) } else { "-".to_owned() };
    let (wall, cpu) = first.map_or(("1".to_owned(), "1".to_owned()), |first| {
        (against(usage.wall, first.wall), against(usage.cpu, first.cpu))
    });
    let failed = if usage.is_failure { " (failed)" } else { "" };
    println!("| {name}{failed} | {:.3} | {:.2} | {:.0} | {wall} | {cpu} |", usage.wall, usage.cpu, usage.peak);
}
