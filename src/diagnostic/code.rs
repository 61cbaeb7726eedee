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
    ProfileInvalid "K0105" "The profile is not usable" "A key of the target is missing or has the wrong type. `kiln debug` shows what was read."
    ProjectInvalid "K0106" "dbt_project.yml is not usable" "A required key is missing or has the wrong type."
    PackageMissing "K0107" "A package is declared but not installed" "Packages are read from `dbt_packages`. Install them first (`dbt deps`)."
    FileUnreadable "K0108" "A file could not be read" "The file is missing, is a directory, or may not be read by this user."
    NotUtf8 "K0109" "A file is not UTF-8" "kiln reads UTF-8 text. Convert the file, for example with `iconv -f latin1 -t utf-8`."
    VersionMismatch "K0110" "The project requires another version" "`require-dbt-version` does not admit the dbt version whose behavior kiln follows. Widen the range or pass `--no-version-check`."
    FileUnwritable "K0111" "A file could not be written" "The disk may be full or the folder read-only. Nothing half-written is left behind."
    YamlSyntax "K0201" "A YAML file cannot be read" "The text is not valid YAML. Look at the indentation, at unclosed quotes and at `{{ }}` without quotes."
    YamlType "K0202" "A YAML value has the wrong type" "The key expects another kind of value, for example a list instead of a string."
    DuplicateKey "K0203" "A YAML mapping has a key twice" "The last value wins. Remove one of the two."
    UnknownKey "K0204" "A key is not known" "Custom keys belong under `meta:`. A near miss is probably a misspelling."
    PatchWithoutNode "K0205" "Properties are declared for something that does not exist" "The name in the property file matches no node of the project."
    DuplicatePatch "K0206" "The same node has properties in two places" "Keep one of the two entries."
    UnusedConfigPath "K0207" "A configuration in dbt_project.yml applies to nothing" "The path under `models:` (or `seeds:` and so on) matches no node. Folder names, not file names, are expected below the project's name."
    PropertyInvalid "K0208" "A property is missing or not valid" "See the message for the key; the dbt reference for resource properties lists what is expected."
    Deprecated "K0209" "A deprecated form is used" "It still works; the message names the form to use instead."
    TemplateSyntax "K0301" "A template cannot be read" "The Jinja text is not complete: a block, a string or a bracket is not closed, or a tag is unknown."
    TemplateFailed "K0302" "A template failed" "The place and the macros on the way to it are listed."
    UnknownMacro "K0303" "A macro, function, filter or test is not defined" "Check the spelling, and that the package that defines it is installed."
    WrongArguments "K0304" "A macro or function was called with the wrong arguments" "Compare the call with the definition."
    RaisedInTemplate "K0305" "A template raised an error" "`exceptions.raise_compiler_error` was called: the message is the author's."
    MacroCycle "K0306" "Macros call each other without end" "The chain of calls is listed. Give the recursion an end."
    DuplicateMacro "K0307" "A macro is defined twice in a package" "Rename or remove one of the two."
    VarMissing "K0308" "A required variable is not set" "`var('name')` without a default needs the variable: set it under `vars:` in dbt_project.yml or with `--vars`."
    UnknownRef "K0401" "A ref or source names a node that does not exist" "Check the spelling; a disabled node counts as missing."
    UnknownSource "K0402" "A source does not exist" "Declare the source and its table in a property file under `sources:`."
    Cycle "K0403" "Nodes refer to each other in a circle" "Break the circle at one edge."
    DuplicateName "K0404" "Two nodes have the same name" "Names of models, seeds and snapshots are unique within a package."
    DuplicateRelation "K0405" "Two nodes write one relation" "Give one of the two another alias or schema."
    DisabledRef "K0406" "A ref names a disabled node" "Enable the node or remove the ref."
    RefNotInferred "K0407" "A ref was met at run time that parsing could not see" "Add `-- depends_on: {{ ref('name') }}` to the model so that the edge is known."
    AccessDenied "K0408" "A node is not accessible from here" "The node is private to its group or protected in its package."
    AmbiguousName "K0409" "A ref fits several nodes" "Use the two-argument form: `ref('package', 'name')`."
    SelectorSyntax "K0501" "A selection cannot be read" "See `kiln list --help` for the grammar."
    SelectorUnknownMethod "K0502" "A selection method does not exist" "The methods are listed in the message."
    NothingSelected "K0503" "The selection matches nothing" "`kiln list` shows what there is."
    SelectorNotFound "K0504" "A named selector does not exist" "Selectors are declared in selectors.yml."
    SqlUnreadable "K0601" "A query is not understood" "Analysis is advisory; the query still runs."
    ConnectFailed "K0701" "The database cannot be reached" "`kiln debug` tries the connection and shows what was used."
    SqlRejected "K0702" "The database rejected a statement" "The place in the model is shown, and the compiled file."
    DatabaseLocked "K0703" "The database file is in use by another process" "Close the other program, or open it read-only there."
    NotADatabase "K0704" "The file is not a DuckDB database" "The `path:` of the target points at some other file."
    DiskFull "K0705" "There is no space left" "Free some space; nothing was changed by the statement that failed."
    Interrupted "K0706" "The run was interrupted" "What was built and what was not is listed."
    ContractBroken "K0707" "A model does not keep its contract" "The columns of the query and of the contract are compared in the message."
    UnknownAdapter "K0708" "The target's type is not supported" "kiln has adapters for the types that the message lists."
    ExtensionMissing "K0709" "A DuckDB extension is not at hand" "It could not be downloaded. Install it where there is a network, or point `extension_directory` at a folder that has it."
    MaterializationMissing "K0710" "A materialization does not exist" "No macro `materialization <name>` was found for this adapter or for all."
    TestFailed "K0801" "A data test found rows that should not be there" "`kiln show -s <test>` prints them."
    SeedInvalid "K0802" "A CSV file cannot be read" "Rows must be as wide as the header; the text must be UTF-8."
    UnitTestFailed "K0803" "A unit test gave other rows than expected" "The difference is printed."
    UnitTestInvalid "K0804" "A unit test is not valid" "See the message."
    Usage "K0901" "The command line is not valid" "`kiln <command> --help` lists what a command takes."
    Unsupported "K0902" "Something is not supported" "See docs/compatibility.md."
    CleanRefused "K0903" "A folder is not cleaned" "`clean` deletes only folders inside the project that no build tool owns."
    PreviousStateMissing "K0904" "Earlier artifacts are missing" "`--state` names the folder of an earlier manifest.json."
    Panic "K9901" "kiln has a bug" "Please report it with the message and, if possible, the project that shows it."
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
