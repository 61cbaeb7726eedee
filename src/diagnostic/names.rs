//! The words by which dbt knows a kind of problem: scripts look for them.

use super::{Code, Range};

/// Tells whether dbt has an event of this name.
#[must_use]
pub fn is_dbt_event(name: &str) -> bool {
    dbt_event_names().any(|known| known == name)
}

/// The names of dbt's events.
pub fn dbt_event_names() -> impl Iterator<Item = &'static str> {
    super::dbt_events::NAMES.split_whitespace()
}

impl Code {
    /// dbt's family of the error: the first line that it prints after `Encountered an error:`.
    #[must_use]
    pub fn family(self) -> &'static str {
        match self {
            Self::EnvVarMissing | Self::UnitTestInvalid | Self::AccessDenied => "Parsing Error",
            Self::DuplicatePatch
            | Self::ContractBroken
            | Self::MaterializationMissing
            | Self::UnknownColumn
            | Self::BindFailed
            | Self::DuplicateColumn => "Compilation Error",
            Self::ContractBreaks => "Breaking Change to Contract",
            Self::Cycle => "Runtime Error",
            Self::SqlRejected => "Database Error",
            _ => match self.range() {
                Range::Yaml => "Parsing Error",
                Range::Template | Range::Graph => "Compilation Error",
                Range::Bug => "Internal Error",
                Range::Project | Range::Selection | Range::Sql | Range::Database | Range::Data | Range::CommandLine => {
                    "Runtime Error"
                }
            },
        }
    }

    /// Name and code of the dbt event that reports this as a warning.
    #[must_use]
    pub const fn dbt_event(self) -> Option<(&'static str, &'static str)> {
        Some(match self {
            Self::DuplicateKey => ("DuplicateYAMLKeysDeprecation", "D024"),
            Self::UnknownKey => ("CustomKeyInObjectDeprecation", "D027"),
            Self::PatchWithoutNode => ("NoNodeForYamlKey", "I058"),
            Self::UnusedConfigPath => ("UnusedResourceConfigPath", "I051"),
            Self::PropertyInvalid => ("GenericJSONSchemaValidationDeprecation", "D022"),
            Self::Deprecated => ("DeprecatedModel", "I065"),
            Self::BatchesSequential => ("InvalidConcurrentBatchesConfig", "I075"),
            Self::UnknownRef | Self::UnknownSource | Self::DisabledRef => ("NodeNotFoundOrDisabled", "I060"),
            Self::DuplicateName => ("DuplicateNameDistinctNodeTypesDeprecation", "D040"),
            Self::NothingSelected => ("NoNodesForSelectionCriteria", "M030"),
            Self::TestFailed => ("LogTestResult", "Q007"),
            Self::ContractBreaks => ("UnversionedBreakingChange", "I071"),
            Self::ConstraintIgnored => ("UnsupportedConstraintMaterialization", "I068"),
            Self::SeedNotCompared => ("SeedExceedsLimitSamePath", "I053"),
            Self::RaisedInTemplate => ("JinjaLogWarning", "I061"),
            _ => return None,
        })
    }

    /// Tells whether dbt counts this among its deprecations, which can be named together.
    #[must_use]
    pub fn is_deprecation(self) -> bool {
        self == Self::Deprecated || self.dbt_event().is_some_and(|(_, number)| number.starts_with('D'))
    }

    /// All dbt events that `--warn-error-options` may name to mean this.
    #[must_use]
    pub const fn dbt_events(self) -> &'static [&'static str] {
        match self {
            Self::DuplicateKey => &["DuplicateYAMLKeysDeprecation"],
            Self::UnknownKey => &[
                "CustomKeyInObjectDeprecation",
                "CustomKeyInConfigDeprecation",
                "CustomTopLevelKeyDeprecation",
                "GenericJSONSchemaValidationDeprecation",
                "ValidationWarning",
            ],
            Self::PatchWithoutNode => {
                &["NoNodeForYamlKey", "MacroNotFoundForPatch", "WrongResourceSchemaFile", "UnusedTables"]
            }
            Self::UnusedConfigPath => &["UnusedResourceConfigPath"],
            Self::PropertyInvalid => &[
                "GenericJSONSchemaValidationDeprecation",
                "InvalidMacroAnnotation",
                "InvalidValueForField",
                "ValidationWarning",
            ],
            Self::Deprecated => &[
                "DeprecatedModel",
                "UpcomingReferenceDeprecation",
                "DeprecatedReference",
                "ArgumentsPropertyInGenericTestDeprecation",
                "ConfigDataPathDeprecation",
                "ConfigSourcePathDeprecation",
                "CustomOutputPathInSourceFreshnessDeprecation",
                "DuplicateNameDistinctNodeTypesDeprecation",
                "EnvironmentVariableNamespaceDeprecation",
                "EnvironmentVariableRenamed",
                "ExposureNameDeprecation",
                "MFCumulativeTypeParamsDeprecation",
                "MFTimespineWithoutYamlConfigurationDeprecation",
                "MicrobatchMacroOutsideOfBatchesDeprecation",
                "MissingArgumentsPropertyInGenericTestDeprecation",
                "ModelParamUsageDeprecation",
                "ModulesItertoolsUsageDeprecation",
                "PackageInstallPathDeprecation",
                "PackageMaterializationOverrideDeprecation",
                "ProjectFlagsMovedDeprecation",
                "PropertyMovedToConfigDeprecation",
                "ResourceNamesWithSpacesDeprecation",
                "SourceFreshnessProjectHooksNotRun",
                "UnexpectedJinjaBlockDeprecation",
                "WEOIncludeExcludeDeprecation",
            ],
            Self::PackageReadsRoot => &["PackageNodeDependsOnRootProjectNode"],
            Self::UnknownRef | Self::UnknownSource => &["NodeNotFoundOrDisabled"],
            Self::DisabledRef => &["NodeNotFoundOrDisabled", "InvalidDisabledTargetInTestNode"],
            Self::DuplicateName => &["DuplicateNameDistinctNodeTypesDeprecation"],
            Self::NothingSelected => &["NoNodesForSelectionCriteria", "NothingToDo", "NoNodesSelected"],
            Self::TestFailed => &["LogTestResult"],
            Self::BatchesSequential => &["InvalidConcurrentBatchesConfig"],
            Self::RaisedInTemplate => &["JinjaLogWarning"],
            _ => &[],
        }
    }
}
