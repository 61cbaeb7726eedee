//! The names of dbt's events: what `--warn-error-options` may name without being misspelled.

/// Every event of dbt-core 1.11 and its adapters, separated by spaces.
pub(super) const NAMES: &str = "\
    AdapterDeprecationWarning AdapterEventDebug AdapterEventError AdapterEventInfo AdapterEventWarning \
    AdapterImportError AdapterRegistered ArgumentsPropertyInGenericTestDeprecation ArtifactUploadError \
    ArtifactUploadSkipped ArtifactUploadSuccess ArtifactWritten BehaviorChangeEvent BuildingCatalog \
    CacheAction CacheDumpGraph CacheMiss CannotGenerateDocs CatalogGenerationError CatalogWritten \
    CatchableExceptionOnRun CheckCleanPath CheckNodeTestFailure CodeExecution CodeExecutionStatus \
    ColTypeChange CollectFreshnessReturnSignature CommandCompleted CompileComplete CompiledNode \
    ConcurrencyLine ConfigDataPathDeprecation ConfigFolderDirectory ConfigLogPathDeprecation \
    ConfigSourcePathDeprecation ConfigTargetPathDeprecation ConfirmCleanPath ConnectionClosed \
    ConnectionClosedInCleanup ConnectionLeftOpen ConnectionLeftOpenInCleanup ConnectionReused ConnectionUsed \
    ConstraintNotEnforced ConstraintNotSupported CustomKeyInConfigDeprecation CustomKeyInObjectDeprecation \
    CustomOutputPathInSourceFreshnessDeprecation CustomTopLevelKeyDeprecation DatabaseErrorRunningHook \
    DebugCmdOut DebugCmdResult DefaultSelector DeprecatedModel DeprecatedReference DeprecationsSummary \
    DepsAddPackage DepsCreatingLocalSymlink DepsFoundDuplicatePackage DepsInstallInfo DepsListSubdirectory \
    DepsLockUpdating DepsNoPackagesFound DepsNotifyUpdatesAvailable DepsScrubbedPackageName \
    DepsSetDownloadDirectory DepsStartPackageInstall DepsSymlinkNotAvailable DepsUnpinned DepsUpToDate \
    DepsUpdateAvailable DisableTracking DuplicateNameDistinctNodeTypesDeprecation DuplicateYAMLKeysDeprecation \
    EndOfRunSummary EndRunResult EnsureGitInstalled EnvironmentVariableNamespaceDeprecation \
    EnvironmentVariableRenamed EventLevel ExposureNameDeprecation FinishedCleanPaths FinishedRunningStats \
    FlushEvents FlushEventsFailure Formatting FoundStats FreshnessCheckComplete FreshnessConfigProblem \
    GenericExceptionOnRun GenericJSONSchemaValidationDeprecation GetMetaKeyWarning GitNothingToDo \
    GitProgressCheckedOutAt GitProgressCheckoutRevision GitProgressPullingNewDependency \
    GitProgressUpdatedCheckoutRange GitProgressUpdatingExistingDependency GitSparseCheckoutSubdirectory \
    HooksRunning InputFileDiffError InternalDeprecation InternalErrorOnRun InvalidConcurrentBatchesConfig \
    InvalidDisabledTargetInTestNode InvalidMacroAnnotation InvalidOptionYAML InvalidProfileTemplateYAML \
    InvalidValueForField JinjaLogDebug JinjaLogInfo JinjaLogWarning ListCmdOut ListRelations LogBatchResult \
    LogCancelLine LogDbtProfileError LogDbtProjectError LogDebugStackTrace LogFreshnessResult \
    LogFunctionResult LogHookEndLine LogHookStartLine LogModelResult LogNodeNoOpResult LogNodeResult \
    LogSeedResult LogSkipBecauseError LogSnapshotResult LogStartBatch LogStartLine LogTestResult \
    MFCumulativeTypeParamsDeprecation MFTimespineWithoutYamlConfigurationDeprecation MacroNotFoundForPatch \
    MainEncounteredError MainKeyboardInterrupt MainReportArgs MainReportVersion MainStackTrace \
    MainTrackingUserState MarkSkippedChildren MetricAttributesRenamed MicrobatchExecutionDebug \
    MicrobatchMacroOutsideOfBatchesDeprecation MicrobatchModelNoEventTimeInputs \
    MissingArgumentsPropertyInGenericTestDeprecation MissingPlusPrefixDeprecation MissingProfileTarget \
    ModelParamUsageDeprecation ModulesItertoolsUsageDeprecation NewConnection NewConnectionOpening \
    NoNodeForYamlKey NoNodesForSelectionCriteria NoNodesSelected NoSampleProfileFound NodeCompiling \
    NodeConnectionReleaseError NodeExecuting NodeFinished NodeNotFoundOrDisabled NodeStart Note NothingToDo \
    OpenCommand PackageInstallPathDeprecation PackageMaterializationOverrideDeprecation \
    PackageNodeDependsOnRootProjectNode PackageRedirectDeprecation ParseInlineNodeError ParsePerfInfoPath \
    ParsedFileLoadFailed PartialParsingEnabled PartialParsingError PartialParsingErrorProcessingFile \
    PartialParsingFile PartialParsingNotEnabled PartialParsingSkipParsing PluginLoadError PrintEvent \
    ProfileWrittenWithProjectTemplateYAML ProfileWrittenWithSample ProfileWrittenWithTargetTemplateYAML \
    ProjectCreated ProjectFlagsMovedDeprecation ProjectNameAlreadyExists PropertyMovedToConfigDeprecation \
    ProtectedCleanPath QueryCancelationUnsupported RecordReplayIssue RecordRetryException \
    RegistryIndexProgressGETRequest RegistryIndexProgressGETResponse RegistryProgressGETRequest \
    RegistryProgressGETResponse RegistryResponseExtraNestedKeys RegistryResponseMissingNestedKeys \
    RegistryResponseMissingTopKeys RegistryResponseUnexpectedType ResourceNamesWithSpacesDeprecation \
    ResourceReport RetryExternalCall Rollback RollbackFailed RunResultError RunResultErrorNoMessage \
    RunResultFailure RunResultWarning RunResultWarningMessage RunningOperationCaughtError \
    RunningOperationUncaughtError SQLCommit SQLCompiledPath SQLQuery SQLQueryStatus SQLRunnerException \
    SchemaCreation SchemaDrop SeedExceedsLimitAndPathChanged SeedExceedsLimitChecksumChanged \
    SeedExceedsLimitSamePath SeedHeader SeedIncreased SelectorReportInvalidSelector SemanticValidationFailure \
    SendEventFailure SendingEvent SettingUpProfile ShowNode SkippingDetails SnapshotTimestampWarning \
    SourceFreshnessProjectHooksNotRun SourceOverrideDeprecation SpacesInResourceNameDeprecation \
    StarterProjectPath StateCheckVarsHash StatsLine SystemCouldNotWrite SystemExecutingCmd \
    SystemReportReturnCode SystemStdErr SystemStdOut TestsConfigDeprecation TimingInfoCollected \
    TrackingInitializeFailure TypeCodeNotFound UnableToPartialParse UnexpectedJinjaBlockDeprecation \
    UnpinnedRefNewVersionAvailable UnsupportedConstraintMaterialization UnusedResourceConfigPath UnusedTables \
    UnversionedBreakingChange UpcomingReferenceDeprecation ValidationWarning WEOIncludeExcludeDeprecation \
    WarnStateTargetEqual WriteCatalogFailure WritingInjectedSQLForNode WrongResourceSchemaFile";
