"""kiln from Python: the runner that programs written for dbt's expect.

Change the import and keep the rest::

    from kiln import dbtRunner

    ended = dbtRunner().invoke(["build", "--select", "orders+"])
    for result in ended.result:
        print(result.node.name, result.status)

The work is done by the binary that comes with this package; nothing here prints.
"""

from kiln.binary import find_binary
from kiln.events import EventMsg, Record
from kiln.results import (
    CatalogArtifact,
    FreshnessResult,
    Manifest,
    NodeStatus,
    RunExecutionResult,
    RunResult,
    RunStatus,
    TestStatus,
    TimingInfo,
)
from kiln.runner import KilnException, KilnUsageException, dbtRunner, dbtRunnerResult

__all__ = [
    "CatalogArtifact",
    "EventMsg",
    "FreshnessResult",
    "KilnException",
    "KilnUsageException",
    "Manifest",
    "NodeStatus",
    "Record",
    "RunExecutionResult",
    "RunResult",
    "RunStatus",
    "TestStatus",
    "TimingInfo",
    "dbtRunner",
    "dbtRunnerResult",
    "find_binary",
]
