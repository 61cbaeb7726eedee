//! The catalog of everything that can go wrong: one entry a code.
//!
//! `docs/errors.md` and `kiln explain` are made from this list. A code is never reused.

/// The room a code belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Range {
    /// `K01xx`: project and profile.
    Project,
    /// `K02xx`: YAML and properties.
    Yaml,
    /// `K03xx`: templates.
    Template,
    /// `K04xx`: references and the graph.
    Graph,
    /// `K05xx`: selection.
    Selection,
    /// `K06xx`: SQL analysis.
    Sql,
    /// `K07xx`: the database.
    Database,
    /// `K08xx`: tests and seeds.
    Data,
    /// `K09xx`: command line.
    CommandLine,
    /// `K99xx`: a bug in kiln.
    Bug,
}

macro_rules! catalog {
    ($($variant:ident $number:literal $meaning:literal $help:literal)*) => {
        /// A kind of problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The code as printed, such as `K0401`.
            #[must_use]
            pub const fn number(self) -> &'static str {
                match self { $(Code::$variant => $number,)* }
            }

            /// The name of the code, as `--warn-error-options` takes it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Code::$variant => stringify!($variant),)* }
            }

            /// One line: what this kind of problem is.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Code::$variant => $meaning,)* }
            }

            /// The long help: why it happens and what to do.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Code::$variant => $help,)* }
            }
        }
    };
}

catalog! {
    ProjectNotFound "K0101" "There is no dbt_project.yml" "kiln looks for `dbt_project.yml` in the current folder and its parents, or in `--project-dir`. Change to the project's folder, or run `kiln init` to make a project."
    ProfileNotFound "K0102" "The profile that the project names does not exist" "`profile:` in dbt_project.yml names a profile; profiles are looked for in `--profiles-dir`, then in the project's folder, then in ~/.dbt. Add the profile or correct the name."
    TargetNotFound "K0103" "The target does not exist in the profile" "A profile has `outputs:`, one a target. Use one of those with `--target`, or set `target:` in the profile."
    EnvVarMissing "K0104" "An environment variable is required but not set" "`env_var('NAME')` without a default needs the variable. Export it, or give a default: `env_var('NAME', 'value')`."
    ProfileInvalid "K0105" "The profile is not usable" "A key of the target is missing or has the wrong type. Compare the target with the adapter's keys in docs/compatibility.md; `kiln debug` shows what was read."
    ProjectInvalid "K0106" "dbt_project.yml is not usable" "A required key is missing or has the wrong type. The message names the key; a project needs at least `name:`, and `profile:` unless `--profile` is given."
    PackageMissing "K0107" "A package is declared but not installed" "Packages are read from `dbt_packages` (or `packages-install-path`). Install them first with `kiln deps`, or copy them there."
    FileUnreadable "K0108" "A file could not be read" "The file is missing, is a directory, or may not be read by this user. Look at it with `ls -l`, and rename a folder whose name ends like a file's."
    NotUtf8 "K0109" "A file is not UTF-8" "kiln reads UTF-8 text. Convert the file, for example with `iconv -f latin1 -t utf-8`."
    VersionMismatch "K0110" "The project requires another version" "`require-dbt-version` does not admit the dbt version whose behavior kiln follows (`kiln --version` prints it). Widen the range, or pass `--no-version-check`."
    FileUnwritable "K0111" "A file could not be written" "The disk may be full or the folder read-only; check both, or choose another folder with `--target-path` or `--log-path`. Nothing half-written is left behind."
    PackageInvalid "K0112" "A package is declared wrongly" "Each entry of `packages:` has one of `package:` (with `version:`), `git:`, `local:` or `tarball:` (with `name:`). The message names the key."
    PackageUnavailable "K0113" "A package could not be fetched" "The message says where it was looked for and what came back. Check the name, the network and the credentials; `dbt_packages` is as it was before."
    PackageConflict "K0114" "Packages do not fit together" "The message lists who asks for what. Change a version in packages.yml so that one version satisfies all, or rename a package."
    UpstreamUnavailable "K0115" "The manifest of another project cannot be read" "`dependencies.yml` names other projects under `projects:`, each with `manifest:`: a path from the project's folder, a `file:` address or an `https://` address of the manifest.json that `kiln parse` or `dbt parse` wrote there. The message says what was looked for and why it is not usable."
    UpstreamInvalid "K0116" "Another project is declared wrongly" "Each entry of `projects:` in `dependencies.yml` has a `name`, which is that of the other project and of no package, and a `manifest:`. No project is declared twice, and none is the project itself."
    YamlSyntax "K0201" "A YAML file cannot be read" "The text is not valid YAML. Look at the line shown: indentation, unclosed quotes and brackets, tabs, and `{{ }}` that is not in quotes."
    YamlType "K0202" "A YAML value has the wrong type" "The key expects another kind of value, for example a list instead of a string. Write the value in the form that the message names."
    DuplicateKey "K0203" "A YAML mapping has a key twice" "The last value wins and the first is lost without a word in other tools. Remove or rename one of the two."
    UnknownKey "K0204" "A key is not known" "A near miss is probably a misspelling: take the suggestion. Keys of your own belong under `meta:`."
    PatchWithoutNode "K0205" "Properties are declared for something that does not exist" "The name in the property file matches no node of that kind in the project. Correct the name, move the entry under the right heading (`models:`, `seeds:`, …), or delete it."
    DuplicatePatch "K0206" "The same node has properties in two places" "Both entries would set the same properties. Merge them into one and delete the other."
    UnusedConfigPath "K0207" "A configuration in dbt_project.yml applies to nothing" "The path under `models:` (or `seeds:` and so on) matches no node. Below the project's name stand folder names, then file names without ending; correct the path or delete it."
    PropertyInvalid "K0208" "A property is missing or not valid" "The message names the key and what it takes. Correct the value; custom values belong under `meta:`."
    Deprecated "K0209" "A deprecated form is used" "It still works; change it to the form that the message names before it stops working in a later version."
    BatchesSequential "K0210" "Batches are built one after the other" "`concurrent_batches: true` asks for what the adapter cannot do: there, sessions that change one table at the same time are in each other's way. Take the key out, or set it for other targets alone."
    TemplateSyntax "K0301" "A template cannot be read" "A block, a string or a bracket is not closed, or a tag is unknown. Look from the place shown upward for the `{%`, `{{` or quote that was opened last."
    TemplateFailed "K0302" "A template failed" "The place and the macros on the way to it are listed, innermost first. Check the values there, for example with `{{ log(value, info=true) }}`."
    UnknownMacro "K0303" "A macro, function, filter or test is not defined" "Check the spelling, and that the package that defines it is in `dbt_packages`. Macros of a package are called as `package.macro()`."
    WrongArguments "K0304" "A macro or function was called with the wrong arguments" "Compare the call with the definition that the message shows: too many, too few, or a name that the macro does not have."
    RaisedInTemplate "K0305" "A template raised an error" "`exceptions.raise_compiler_error` was called: the message is the macro author's. Follow it, or look at the macro that the place points to."
    MacroCycle "K0306" "Macros call each other without end" "The chain of calls is listed. Give the recursion a condition that ends it, or call the overridden macro by its package: `dbt.macro()`."
    DuplicateMacro "K0307" "A macro is defined twice in a package" "Only one of the two can be called. Rename or remove one."
    VarMissing "K0308" "A required variable is not set" "`var('name')` without a default needs the variable: set it under `vars:` in dbt_project.yml or with `--vars`."
    PythonInvalid "K0309" "A Python model cannot be read" "A model is a file with one function `model(dbt, session)` that ends by returning one data frame. `dbt.ref`, `dbt.source` and `dbt.config` are read without running it, so their arguments must be literals."
    UnknownRef "K0401" "A ref or source names a node that does not exist" "Check the spelling; the name is that of the file without ending, not the table's. A disabled node counts as missing, and `kiln list` shows what there is."
    UnknownSource "K0402" "A source does not exist" "Declare the source and its table in a property file under `sources:`, or correct the two names in the call: `source('source_name', 'table_name')`."
    Cycle "K0403" "Nodes refer to each other in a circle" "The whole circle is listed. Break it at one edge: move what both sides need into a model of its own, or drop the ref that reads the least."
    DuplicateName "K0404" "Two nodes have the same name" "Names of models, seeds and snapshots are unique within a package. Rename one, or disable it with `enabled: false`."
    DuplicateRelation "K0405" "Two nodes write one relation" "Building both would make them overwrite each other. Give one of the two another `alias` or `schema`."
    DisabledRef "K0406" "A ref names a disabled node" "Enable the node (`enabled: true`), or remove the ref, or disable the node that refers to it too."
    RefNotInferred "K0407" "A ref was met at run time that parsing could not see" "Add `-- depends_on: {{ ref('name') }}` to the model so that the edge is known."
    AccessDenied "K0408" "A node is not accessible from here" "The node is private to its group or protected in its package. Put the reader into that group, or set the node's `access:` to `public`."
    AmbiguousName "K0409" "A ref fits several nodes" "Use the two-argument form: `ref('package', 'name')`."
    ContractBreaks "K0410" "A change breaks the contract of a model" "Columns, types or constraints that readers may rely on are gone. Make a new version of the model, or tell its readers."
    PackageReadsRoot "K0411" "A node of a package reads a node of the root project" "A name that the package did not mean may have been found: names are looked for in the root project first. Set `require_ref_searches_node_package_before_root: true` under `flags:`, or name the package in the ref."
    ConstraintIgnored "K0412" "A constraint is not put into the database" "Constraints hold for tables and incremental models; a view cannot have any. Materialize the model as a table, test the column instead, or say `warn_unsupported: false` beside the constraint."
    SelectorSyntax "K0501" "A selection cannot be read" "A selection is made of names and `method:value`, with `+`, `@`, `,` and spaces. Quote it from the shell; `kiln list -s …` tries it without building anything."
    SelectorUnknownMethod "K0502" "A selection method does not exist" "The methods are listed in the message. A name with a colon in it must be written with its method: `fqn:name`."
    NothingSelected "K0503" "The selection matches nothing" "Check the spelling; `kiln list` shows what there is, and `kiln list -s …` what a selection picks. Disabled nodes are never picked."
    SelectorNotFound "K0504" "A named selector does not exist" "Selectors are declared in selectors.yml at the root of the project. Correct the name or declare it there."
    MetricsQuestion "K0505" "A question about metrics cannot be answered" "`kiln query` takes names of metrics, and names to group by such as `metric_time__month` or `customer__country`: an entity of the metric's semantic model, two underscores, a dimension of a model that this entity leads to. The message says which name is not known, or what does not fit together."
    SqlUnreadable "K0601" "A query is not understood" "Analysis is advisory; the query still runs. If the query is valid in your database, please report it with the statement."
    UnknownColumn "K0602" "A column is not known" "No relation that the query reads, or the node that was named, has such a column as far as queries, property files and the database tell. `kiln lineage <node>` lists the columns that are known."
    BindFailed "K0603" "The database would refuse a statement" "`kiln check` tried the statement on empty relations, without running it. The place in the model is shown; `kiln compile -s <model>` prints the SQL."
    DuplicateColumn "K0604" "A query has two columns of one name" "A relation has each name once. Give one of the two columns another name with `as`, or leave it out of the star."
    SourceChanged "K0605" "A source has other columns than before" "`source_columns.json` holds what the source's columns were. Look at the models that read them (`kiln lineage <source>.<column> --downstream`), then accept the change with `kiln sources sync`."
    ConnectFailed "K0701" "The database cannot be reached" "Check the target's address and credentials in profiles.yml; `kiln debug` tries the connection and shows what was used."
    SqlRejected "K0702" "The database rejected a statement" "The place in the model is shown, and the compiled file, which can be run by hand. `kiln compile -s <model>` prints the SQL."
    DatabaseLocked "K0703" "The database file is in use by another process" "DuckDB lets one process write a file at a time. Close the other program (a notebook, a shell, another run), or open the file read-only there."
    NotADatabase "K0704" "The file is not a DuckDB database" "The `path:` of the target points at some other file. Correct the path, or move that file away to let kiln make a new database."
    DiskFull "K0705" "There is no space left" "Free some space and run again; the statement that failed changed nothing. DuckDB spills to `temp_directory`, which may be on another disk."
    Interrupted "K0706" "The run was interrupted" "What was built and what was not is listed. Nodes that were running were rolled back; run again to build the rest."
    ContractBroken "K0707" "A model does not keep its contract" "The message compares the columns of the query with those of the contract. Change the query, or the columns under `columns:`."
    UnknownAdapter "K0708" "The target's type is not supported" "kiln has adapters for the types that the message lists. Correct `type:` of the target."
    ExtensionMissing "K0709" "A DuckDB extension is not at hand" "It is not installed, and was not or could not be downloaded. Install it where there is a network, or point `extension_directory` at a folder that has it."
    MaterializationMissing "K0710" "A materialization does not exist" "No `{% materialization <name> %}` was found for this adapter or for all. Correct `materialized:`, or add the macro to the project or a package."
    DependentsBroken "K0711" "A relation cannot be replaced without breaking what depends on it" "A view outside this run reads a column that the new relation does not have, or has with another type, or it belongs to a role that yours is not a member of. Nothing was changed. Change or drop the view, build it in the same run, or set `on_dependent_views: drop` for the model."
    RelationBusy "K0712" "A relation could not be replaced because others read it" "kiln waits briefly for the lock, gives way, and tries again, so that nobody queues behind a long reader; `publish_timeout` sets for how many seconds. The message names the sessions. Nothing was changed; end them or run again later."
    PythonFailed "K0713" "A Python model failed" "The line that failed is shown, with the traceback if other code was on the way to it. `target/run` has the program with what is added to the model. The relation is as it was before."
    PythonMissing "K0714" "Python or one of its packages is not at hand" "Python models run in the project's own interpreter: `KILN_PYTHON`, else the active virtual environment, else that of the Python program that started kiln, else `python3` on the PATH. It needs the package `duckdb` and what the model imports."
    TestFailed "K0801" "A data test found rows that should not be there" "The first failing rows are shown; `kiln show -s <test>` prints more, and `--store-failures` keeps them in a table. Mend the data or the model, or set `severity: warn`."
    SeedInvalid "K0802" "A CSV file cannot be read" "Rows must be as wide as the header and the text must be UTF-8. Look at the line shown; a comma inside a value needs quotes around the value."
    UnitTestFailed "K0803" "A unit test gave other rows than expected" "The difference between expected and actual rows is printed. Correct the model, or the rows under `expect:`."
    UnitTestInvalid "K0804" "A unit test is not valid" "The message names what is missing or does not fit. A unit test needs `model:`, `given:` with an input for every ref it reads, and `expect:`."
    SeedNotCompared "K0805" "A seed is too large to be compared" "As in dbt, seeds above one MiB are compared by their path, not by what is in them. Name the seed in the selection if its rows changed."
    Usage "K0901" "The command line is not valid" "`kiln <command> --help` lists what a command takes."
    Unsupported "K0902" "Something is not supported" "docs/compatibility.md lists what kiln does differently or not yet, and what to do instead."
    CleanRefused "K0903" "A folder is not cleaned" "`clean` deletes only folders inside the project that no build tool owns (no CACHEDIR.TAG in them). Correct `clean-targets:`, or delete the folder by hand."
    PreviousStateMissing "K0904" "Earlier artifacts are missing" "`--state` names a folder with the artifacts of an earlier run: manifest.json for `state:` and `--defer`, run_results.json for `result:`, sources.json for `source_status:`. The path counts from the project's folder."
    Panic "K9901" "kiln has a bug" "Nothing you wrote should make kiln fail like this. Please report it with the message above and, if possible, the smallest project that shows it."
}

impl Code {
    /// The room that the code belongs to.
    #[must_use]
    pub fn range(self) -> Range {
        match &self.number()[1..3] {
            "01" => Range::Project,
            "02" => Range::Yaml,
            "03" => Range::Template,
            "04" => Range::Graph,
            "05" => Range::Selection,
            "06" => Range::Sql,
            "07" => Range::Database,
            "08" => Range::Data,
            "09" => Range::CommandLine,
            _ => Range::Bug,
        }
    }

    /// Finds a code by number or name.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        let fits = |code: &Self| code.number().eq_ignore_ascii_case(text) || code.name().eq_ignore_ascii_case(text);
        Self::ALL.iter().copied().find(fits)
    }
}
