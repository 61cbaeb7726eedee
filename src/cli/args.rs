//! The catalogue of commands and their own arguments. Flags of many commands are in [`super::flags`]; the line itself is
//! read in [`super::command_line`].

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::packages::Origin;

/// kiln's command line.
#[derive(Debug, Parser)]
#[command(
    name = "kiln",
    about = "Build SQL transformation projects: seeds, models, snapshots and tests, in order",
    after_help = "`kiln explain CODE` explains an error code. Documentation is in the docs folder of the source.",
    disable_version_flag = true,
    disable_help_subcommand = true,
    infer_long_args = false,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the selected nodes in order: seeds, models, snapshots and their tests
    Build(CheckedBuildArgs),
    /// Find what the database would refuse, in all nodes at once, without running anything
    Check(CheckArgs),
    /// Remove the folders that the project lists under clean-targets
    Clean,
    /// Make clones of nodes that --state has built elsewhere, or views on them
    Clone(BuildArgs),
    /// Compare what the selected nodes hold on two targets, without building anything
    Compare(CompareArgs),
    /// Render templates to SQL, without running it
    Compile(CompileArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Show versions and settings and try the connection
    Debug(DebugArgs),
    /// Install the packages that the project declares
    Deps(DepsArgs),
    /// Write the project's documentation, or serve it
    Docs(DocsArgs),
    /// Explain an error code, or list them all
    Explain(ExplainArgs),
    /// Draft property files from what models are
    Generate(GenerateArgs),
    /// Show what a change does: columns added, removed, retyped, redefined, and all that they reach
    Impact(ImpactArgs),
    /// Make a new project that works, on DuckDB
    Init(InitArgs),
    /// Show where columns come from and what is made of them, and write column_lineage.json
    Lineage(LineageArgs),
    /// Query facts about the project and its runs with SQL, and write them as Parquet files
    Metadata(MetadataArgs),
    /// List the nodes of the project
    #[command(alias = "ls")]
    List(ListArgs),
    /// Read the project, report what is wrong with it and write manifest.json
    Parse,
    /// Ask for metrics of the semantic layer: compute them, by time and dimensions
    Query(QueryArgs),
    /// Run again what failed or was skipped in the last run, as it was run
    Retry,
    /// Run the selected models
    Run(SelectionArgs),
    /// Run a macro
    RunOperation(RunOperationArgs),
    /// Load the selected CSV files
    Seed(SelectionArgs),
    /// Show rows of a node or of a query
    Show(ShowArgs),
    /// Take the selected snapshots
    Snapshot(SelectionArgs),
    /// Look at sources
    Source(SourceArgs),
    /// Keep the columns of sources in a file of the project
    Sources(SourcesArgs),
    /// Run the tests of the selected nodes
    Test(BuildArgs),
}

/// Which nodes.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SelectionArgs {
    /// Nodes to take: names, +ancestors, descendants+, tag:, path:, source: and so on
    #[arg(short = 's', long, visible_short_alias = 'm', aliases = ["model", "models"], value_name = "SELECTOR", num_args = 1..)]
    pub(crate) select: Vec<String>,
    /// Nodes to leave out
    #[arg(long, value_name = "SELECTOR", num_args = 1..)]
    pub(crate) exclude: Vec<String>,
    /// A selector of selectors.yml
    #[arg(long, value_name = "NAME")]
    pub(crate) selector: Option<String>,
}

/// Which kinds of nodes.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct KindArgs {
    /// Kinds of nodes to take
    #[arg(long = "resource-type", alias = "resource-types", value_name = "KIND", num_args = 1.., value_delimiter = ' ', value_parser = kinds())]
    pub(crate) resource_types: Vec<String>,
    /// Kinds of nodes to leave out
    #[arg(long = "exclude-resource-type", alias = "exclude-resource-types", value_name = "KIND", num_args = 1.., value_delimiter = ' ', value_parser = kinds())]
    pub(crate) exclude_resource_types: Vec<String>,
}

fn kinds() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new([
        "metric",
        "semantic_model",
        "saved_query",
        "source",
        "analysis",
        "function",
        "model",
        "test",
        "unit_test",
        "exposure",
        "snapshot",
        "seed",
        "default",
        "all",
    ])
}

/// Arguments of `build`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct CheckedBuildArgs {
    #[command(flatten)]
    pub(crate) build: BuildArgs,
    /// Look first for what the database would refuse, and build nothing if there is something
    #[arg(long)]
    pub(crate) check: bool,
}

/// Arguments of `generate`.
#[derive(Clone, Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct GenerateArgs {
    #[command(subcommand)]
    pub(crate) command: GenerateCommand,
}

/// What to draft.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum GenerateCommand {
    /// Print property files with the columns that are missing in them; what is there stays as it is
    Yaml(GenerateYamlArgs),
}

/// Arguments of `generate yaml`.
#[derive(Clone, Debug, Args)]
pub(crate) struct GenerateYamlArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// Declare the types of columns, as contracts need them
    #[arg(long)]
    pub(crate) types: bool,
    /// Describe columns that pass a value on as the column is described that it comes from
    #[arg(long)]
    pub(crate) descriptions: bool,
    /// Write the files instead of printing them
    #[arg(long)]
    pub(crate) write: bool,
    /// Do not ask the database about sources
    #[arg(long)]
    pub(crate) offline: bool,
}

/// Arguments of `metadata`.
#[derive(Clone, Debug, Args)]
pub(crate) struct MetadataArgs {
    /// A query, such as "select status, count(*) from results group by 1"; without one, the tables are listed
    #[arg(value_name = "SQL")]
    pub(crate) query: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub(crate) output: RowsForm,
}

/// How rows are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowsForm {
    /// For people.
    #[default]
    #[value(alias = "text")]
    Table,
    /// A list of objects.
    Json,
    /// Comma-separated, with a header.
    Csv,
}

/// Arguments of `sources`.
#[derive(Clone, Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct SourcesArgs {
    #[command(subcommand)]
    pub(crate) command: SourcesCommand,
}

/// What to do with sources.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum SourcesCommand {
    /// Read the columns of all sources from the database into source_columns.json, and tell what changed
    Sync,
}

/// Arguments of `build` and `test`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct BuildArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) kinds: KindArgs,
}

/// How `compile` and `show` print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputForm {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Arguments of `compare`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CompareArgs {
    /// The two targets of the profile, such as dev,prod
    #[arg(long, required = true, value_name = "TARGET", value_delimiter = ',', num_args = 1..)]
    pub(crate) targets: Vec<String>,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// How many of the rows that differ to show for each relation
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) limit: usize,
    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub(crate) output: OutputForm,
}

/// Arguments of `compile`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CompileArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// A template to compile instead of nodes
    #[arg(long, value_name = "SQL", conflicts_with_all = ["select", "selector"])]
    pub(crate) inline: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub(crate) output: OutputForm,
}

/// Arguments of `query`.
#[derive(Clone, Debug, Args)]
pub(crate) struct QueryArgs {
    /// Metrics to compute
    #[arg(long, value_name = "METRIC", num_args = 1.., value_delimiter = ',')]
    pub(crate) metrics: Vec<String>,
    /// Times, dimensions and entities to group by: metric_time__month, customer__country
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    pub(crate) group_by: Vec<String>,
    /// A condition, such as "{{ Dimension('customer__country') }} = 'NO'"; may be given several times
    #[arg(long = "where", value_name = "CONDITION", allow_hyphen_values = true)]
    pub(crate) filters: Vec<String>,
    /// Columns to order by, with - in front for the largest first
    #[arg(long, alias = "order", value_name = "COLUMN", value_delimiter = ',', allow_hyphen_values = true)]
    pub(crate) order_by: Vec<String>,
    /// How many rows at most
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// The first moment of metric_time
    #[arg(long, value_name = "TIME")]
    pub(crate) start_time: Option<String>,
    /// The last moment of metric_time
    #[arg(long, value_name = "TIME")]
    pub(crate) end_time: Option<String>,
    /// Take what this saved query asks, too
    #[arg(long, value_name = "NAME")]
    pub(crate) saved_query: Option<String>,
    /// Print the SQL instead of running it
    #[arg(long, alias = "explain")]
    pub(crate) compile: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub(crate) output: OutputForm,
}

/// Arguments of `show`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// A template to run instead of a node
    #[arg(long, value_name = "SQL", conflicts_with_all = ["select", "selector"])]
    pub(crate) inline: Option<String>,
    /// SQL to run as it is, without reading the project's nodes
    #[arg(long, value_name = "SQL", hide = true)]
    pub(crate) inline_direct: Option<String>,
    /// How many rows to show; -1 for all
    #[arg(long, value_name = "N", default_value_t = 5, allow_negative_numbers = true)]
    pub(crate) limit: i64,
    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub(crate) output: OutputForm,
}

/// How `impact` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImpactForm {
    /// For people at a terminal.
    #[default]
    Text,
    /// For pull requests.
    Markdown,
    /// For programs.
    Json,
}

/// Arguments of `impact`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ImpactArgs {
    /// Compare with the project as it was at a commit, branch or tag of git; --state compares with artifacts instead
    #[arg(long, value_name = "GIT_REF")]
    pub(crate) base: Option<String>,
    /// End with 1 if a column is gone that others still read
    #[arg(long)]
    pub(crate) strict: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub(crate) format: ImpactForm,
}

/// Arguments of `check`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// Do not ask the database; columns of sources are taken from source_columns.json, catalog.json and property files
    #[arg(long)]
    pub(crate) offline: bool,
}

/// How `lineage` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LineageForm {
    /// A tree, for people.
    #[default]
    Tree,
    /// For programs.
    Json,
    /// A diagram for Markdown.
    Mermaid,
    /// A diagram for Graphviz.
    Dot,
    /// Events for catalogs that read OpenLineage, one a line.
    Openlineage,
}

/// Arguments of `lineage`.
#[derive(Clone, Debug, Args)]
pub(crate) struct LineageArgs {
    /// Nodes or columns: orders, orders.amount, a source's table as raw.orders; all nodes if left out
    #[arg(value_name = "NODE[.COLUMN]")]
    pub(crate) targets: Vec<String>,
    /// Show what the columns are made of, and not what is made of them
    #[arg(long, conflicts_with = "downstream")]
    pub(crate) upstream: bool,
    /// Show what is made of the columns, and not what they are made of
    #[arg(long)]
    pub(crate) downstream: bool,
    /// Follow what only decides which rows there are, too: filters, joins, groups, order
    #[arg(long)]
    pub(crate) rows: bool,
    /// Show the descriptions and tags that columns get from what they are made of, as text or with --format json
    #[arg(long, conflicts_with_all = ["upstream", "downstream", "rows", "targets"])]
    pub(crate) facts: bool,
    /// Write column_lineage.parquet too, one row an edge
    #[arg(long)]
    pub(crate) parquet: bool,
    /// Do not ask the database, even where that would tell more
    #[arg(long)]
    pub(crate) offline: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub(crate) format: LineageForm,
}

/// How `list` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListForm {
    /// One selector a line.
    #[default]
    Selector,
    /// One JSON object a line.
    Json,
    /// One name a line.
    Name,
    /// One path a line.
    Path,
}

/// Arguments of `list`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ListArgs {
    /// Nodes to list: names, +ancestors, descendants+, tag:, path:, source: and so on
    #[arg(short = 's', long, value_name = "SELECTOR", num_args = 1..)]
    pub(crate) select: Vec<String>,
    /// Models to list; like --select with --resource-type model
    #[arg(short = 'm', long, alias = "model", value_name = "SELECTOR", num_args = 1.., conflicts_with_all = ["select", "resource_types"])]
    pub(crate) models: Vec<String>,
    /// Nodes to leave out
    #[arg(long, value_name = "SELECTOR", num_args = 1..)]
    pub(crate) exclude: Vec<String>,
    /// A selector of selectors.yml
    #[arg(long, value_name = "NAME")]
    pub(crate) selector: Option<String>,
    #[command(flatten)]
    pub(crate) kinds: KindArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub(crate) output: ListForm,
    /// Keys of the JSON objects
    #[arg(long, value_name = "KEY", num_args = 1.., value_delimiter = ' ')]
    pub(crate) output_keys: Vec<String>,
}

/// Arguments of `debug`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DebugArgs {
    /// Print where profiles.yml is looked for, and stop
    #[arg(long)]
    pub(crate) config_dir: bool,
    /// Try the connection only
    #[arg(long)]
    pub(crate) connection: bool,
}

/// Arguments of `deps`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DepsArgs {
    /// Add a package to packages.yml, then install: namespace/name@1.0.0
    #[arg(long, value_name = "NAME@VERSION")]
    pub(crate) add_package: Option<String>,
    /// Where the added package comes from
    #[arg(long, value_enum, default_value_t, value_name = "WORD")]
    pub(crate) source: PackageSource,
    /// Choose versions anew, as late as the declared ranges allow
    #[arg(long)]
    pub(crate) upgrade: bool,
    /// Write package-lock.yml, and install nothing
    #[arg(long)]
    pub(crate) lock: bool,
}

/// Where an added package comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum PackageSource {
    /// The hub.
    #[default]
    Hub,
    /// A git repository.
    Git,
    /// A folder.
    Local,
}

impl From<PackageSource> for Origin {
    fn from(source: PackageSource) -> Self {
        match source {
            PackageSource::Hub => Self::Hub,
            PackageSource::Git => Self::Git,
            PackageSource::Local => Self::Local,
        }
    }
}

/// Arguments of `docs`.
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct DocsArgs {
    #[command(subcommand)]
    pub(crate) command: DocsCommand,
}

/// What to do with the documentation.
#[derive(Debug, Subcommand)]
pub(crate) enum DocsCommand {
    /// Write catalog.json and a page that shows it with manifest.json
    Generate(DocsGenerateArgs),
    /// Serve the documentation that was generated to a browser
    Serve(DocsServeArgs),
}

/// Arguments of `source`.
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct SourceArgs {
    #[command(subcommand)]
    pub(crate) command: SourceCommand,
}

/// What to do with sources.
#[derive(Debug, Subcommand)]
pub(crate) enum SourceCommand {
    /// Check how old the newest rows of sources are, and write sources.json
    #[command(alias = "snapshot-freshness")]
    Freshness(SourceFreshnessArgs),
}

/// Arguments of `source freshness`.
#[derive(Clone, Debug, Args)]
pub(crate) struct SourceFreshnessArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// Write the results here instead of to sources.json in the target folder
    #[arg(short = 'o', long, value_name = "FILE", overrides_with = "output")]
    pub(crate) output: Option<std::path::PathBuf>,
}

/// Arguments of `docs generate`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DocsGenerateArgs {
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// Compile the project first [--no-compile]
    #[arg(long, overrides_with_all = ["compile", "no_compile"])]
    pub(crate) compile: bool,
    /// Do not compile the project first
    #[arg(long, hide = true, overrides_with_all = ["compile", "no_compile"])]
    pub(crate) no_compile: bool,
    /// Leave the catalog empty, without asking the database
    #[arg(long, overrides_with = "empty_catalog")]
    pub(crate) empty_catalog: bool,
    /// Write static_index.html too, one file that holds all
    #[arg(long = "static", overrides_with = "is_static")]
    pub(crate) is_static: bool,
}

/// Arguments of `docs serve`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DocsServeArgs {
    /// The address to listen at [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS", overrides_with = "host")]
    pub(crate) host: Option<String>,
    /// The port to listen at; 0 for any that is free
    #[arg(long, value_name = "N", default_value_t = 8080, overrides_with = "port")]
    pub(crate) port: u16,
    /// Open a browser [--no-browser]
    #[arg(long, overrides_with_all = ["browser", "no_browser"])]
    pub(crate) browser: bool,
    /// Do not open a browser
    #[arg(long, hide = true, overrides_with_all = ["browser", "no_browser"])]
    pub(crate) no_browser: bool,
}

/// Arguments of `explain`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The code, such as K0401, or its name
    pub(crate) code: Option<String>,
    /// Print the whole catalog as Markdown
    #[arg(long, hide = true)]
    pub(crate) markdown: bool,
}

/// Arguments of `init`.
#[derive(Clone, Debug, Args)]
pub(crate) struct InitArgs {
    /// Name of the project and of its folder
    pub(crate) project_name: Option<String>,
    /// Do not write profiles.yml
    #[arg(short = 's', long)]
    pub(crate) skip_profile_setup: bool,
}

/// Arguments of `run-operation`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunOperationArgs {
    /// The macro, with its package in front where needed: my_macro, package.my_macro
    #[arg(value_name = "MACRO", required_unless_present = "sql", conflicts_with = "sql")]
    pub(crate) macro_name: Option<String>,
    /// A template to run as SQL instead of a macro
    #[arg(long, value_name = "SQL", conflicts_with = "args")]
    pub(crate) sql: Option<String>,
    /// Arguments, as YAML: '{key: value}'
    #[arg(long, value_name = "YAML", allow_hyphen_values = true)]
    pub(crate) args: Option<String>,
}

/// Arguments of `completions`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

impl ListArgs {
    /// The selection, with `--models` as the restriction to models that it is.
    pub(crate) fn selection(&self) -> SelectionArgs {
        let select = if self.models.is_empty() { &self.select } else { &self.models };
        SelectionArgs { select: select.clone(), exclude: self.exclude.clone(), selector: self.selector.clone() }
    }
}
