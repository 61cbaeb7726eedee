//! `kiln debug`: what was found and read, and whether the database answers.

use serde_json::Value as Data;

use super::ExitStatus;
use super::args::DebugArgs;
use super::pipeline::{early_printer, say_version};
use crate::adapter::{self, RowLimit};
use crate::diagnostic::{Diagnostic, Diagnostics, Form, render};
use crate::jinja::YamlRenderer;
use crate::project::{self, DBT_VERSION, Overrides, Target, shown_setting};
use crate::ui::{Entry, Level, Printer, Stream, count, names};

/// Runs the command.
pub(super) fn run(args: &DebugArgs, overrides: &Overrides) -> ExitStatus {
    let printer = early_printer(overrides, Stream::Stdout);
    let debug = Debug { printer, failed: Vec::new(), missing_profiles: None };
    debug.run(args, overrides)
}

struct Debug {
    printer: Printer,
    failed: Vec<String>,
    /// The folder, as it was given, that has no profiles.yml.
    missing_profiles: Option<String>,
}

impl Debug {
    fn run(mut self, args: &DebugArgs, overrides: &Overrides) -> ExitStatus {
        let engine = YamlRenderer::new();
        let mut problems = Diagnostics::new();
        say_version(&self.printer);
        self.line(&format!("kiln version: {}", env!("CARGO_PKG_VERSION")));
        self.line(&format!("dbt version: {DBT_VERSION} (the one that kiln follows)"));
        self.line(&format!("os info: {} {}", std::env::consts::OS, std::env::consts::ARCH));
        let root = project::load_root(overrides, &engine, &mut problems);
        let target = project::load_target(overrides, &engine, &mut problems);
        if let Ok(root) = &root {
            let profiles = &root.settings.profiles_dir;
            let shown = overrides.profiles_dir.as_ref().unwrap_or(profiles);
            self.missing_profiles = (!profiles.join("profiles.yml").exists()).then(|| shown.display().to_string());
            self.line(&format!("Using profiles dir at {}", profiles.display()));
            self.line(&format!("Using profiles.yml file at {}", profiles.join("profiles.yml").display()));
            self.line(&format!(
                "Using dbt_project.yml file at {}",
                root.package.root.join("dbt_project.yml").display()
            ));
        }
        if args.config_dir {
            return self.end();
        }
        if let Ok((target, _)) = &target {
            self.line(&format!("adapter type: {}", target.adapter_type));
        }
        if args.connection {
            self.line("Skipping steps before connection verification");
        } else {
            self.line("Configuration:");
            self.check("  profiles.yml file", target.as_ref().err().map(|error| &**error), "OK found and valid");
            self.check("  dbt_project.yml file", root.as_ref().err().map(|error| &**error), "OK found and valid");
        }
        if let (Ok(root), Ok((target, _))) = (&root, &target) {
            self.connection(target, &root.package.root);
        } else if args.connection {
            self.check("  profiles.yml file", target.as_ref().err().map(|error| &**error), "OK found and valid");
            self.check("  dbt_project.yml file", root.as_ref().err().map(|error| &**error), "OK found and valid");
        }
        self.end()
    }

    fn connection(&mut self, target: &Target, root: &std::path::Path) {
        self.line("Connection:");
        self.line(&format!("  database: {}", target.database));
        self.line(&format!("  schema: {}", target.schema));
        for (key, value) in &target.fields {
            if !matches!(key.as_str(), "type" | "database" | "schema") {
                self.line(&format!("  {key}: {}", shown(key, value)));
            }
        }
        let tried = adapter::open(target, root)
            .and_then(|adapter| adapter.connect())
            .and_then(|mut connection| connection.query("select 1 as id", RowLimit::AtMost(1)));
        let error = tried.err().map(|error| error.to_string());
        let word = if error.is_some() {
            self.printer.theme().bad("ERROR")
        } else {
            self.printer.theme().good("OK connection ok")
        };
        self.line(&format!("  Connection test: [{word}]"));
        self.failed.extend(error.map(|error| format!("the database does not answer: {error}")));
    }

    fn check(&mut self, what: &str, error: Option<&Diagnostic>, good: &str) {
        let theme = self.printer.theme();
        let word = if error.is_some() { theme.bad("ERROR invalid") } else { theme.good(good) };
        self.line(&format!("{what} [{word}]"));
        let told = error.map(|error| theme.diagnostic(&render(error, Form::Full)));
        let reason = match &self.missing_profiles {
            Some(folder) if what.contains("profiles.yml") => {
                format!("dbt looked for a profiles.yml file in {folder}, but did not find one:")
            }
            _ if what.contains("profiles.yml") => "Profile loading failed for the following reason:".to_owned(),
            _ => "Project loading failed for the following reason:".to_owned(),
        };
        self.failed.extend(told.map(|told| format!("{reason}\n{told}")));
    }

    fn line(&self, text: &str) {
        self.printer.say(&Entry::info(names::DEBUG_LINE, text).with("msg", text));
    }

    fn end(self) -> ExitStatus {
        let theme = self.printer.theme();
        if self.failed.is_empty() {
            let text = theme.good("All checks passed!");
            self.printer.say(&Entry::info(names::DEBUG_RESULT, text).with("msg", "All checks passed!"));
            return ExitStatus::Success;
        }
        let head = theme.bad(&format!("{} failed:", count(self.failed.len(), "check")));
        self.printer.say(&Entry::new(names::DEBUG_RESULT, Level::Error, head.clone()).with("msg", head));
        for reason in &self.failed {
            self.printer.say(
                &Entry::new(names::DEBUG_RESULT, Level::Error, format!("{reason}\n")).with("msg", reason.as_str()),
            );
        }
        ExitStatus::Failure
    }
}

/// A setting of the target as text.
fn shown(key: &str, value: &Data) -> String {
    match shown_setting(key, value) {
        Data::Null => "none".to_owned(),
        Data::String(text) => text,
        other => other.to_string(),
    }
}
