"""What an invocation ends with, in the shapes of dbt's own classes, made of the artifacts that kiln wrote."""

import json
import os
import weakref
from datetime import datetime
from enum import Enum
from typing import Any, Dict, Iterator, List, Mapping, Optional

from kiln.events import Record


class NodeStatus(str, Enum):
    """How a node ended. Equal to its text: ``result.status == "success"``."""

    Success = "success"
    Error = "error"
    Fail = "fail"
    Warn = "warn"
    Skipped = "skipped"
    PartialSuccess = "partial success"
    Pass = "pass"
    RuntimeErr = "runtime error"
    NoOp = "no-op"
    Reused = "reused"

    def __str__(self) -> str:
        return self.value


#: dbt has a class each for what is built, for tests and for sources; the members' names and texts are the same.
RunStatus = NodeStatus
TestStatus = NodeStatus
FreshnessStatus = NodeStatus


class TimingInfo(Record):
    """One phase of a node: ``name``, ``started_at``, ``completed_at``."""

    __slots__ = ()

    @property
    def started_at(self) -> Optional[datetime]:
        return _instant(self._facts.get("started_at"))

    @property
    def completed_at(self) -> Optional[datetime]:
        return _instant(self._facts.get("completed_at"))


class Manifest:
    """manifest.json: ``.nodes``, ``.sources``, ``.macros``, ``.parent_map`` and so on, dicts by unique id.

    The file is read when something of it is first asked for. It stays open until then, so that a later run that
    replaces it does not matter.
    """

    def __init__(self, path: str) -> None:
        """Opens a file, without reading it."""
        self._path = path
        self._file = os.open(path, os.O_RDONLY)
        self._close = weakref.finalize(self, os.close, self._file)
        self._facts: Optional[Dict[str, Any]] = None
        self._sections: Dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._sections:
            facts = self._read()
            if name not in facts:
                raise AttributeError(f"manifest.json has no `{name}`, but {', '.join(facts)}")
            self._sections[name] = _section(facts[name])
        return self._sections[name]

    def __repr__(self) -> str:
        return f"Manifest({self._path!r})"

    def find(self, unique_id: str) -> Record:
        """The node, source, exposure and so on with this id; one that kiln made up, such as a hook, has only a few
        facts."""
        facts = self._read()
        for section in ("nodes", "sources", "unit_tests", "functions", "saved_queries", "exposures", "metrics", "macros"):
            if unique_id in facts.get(section, {}):
                return Record(facts[section][unique_id])
        kind, _, rest = unique_id.partition(".")
        return Record({"unique_id": unique_id, "resource_type": kind, "name": rest.rpartition(".")[2]})

    def to_dict(self) -> Dict[str, Any]:
        """The JSON as it is in the file."""
        return self._read()

    def writable_manifest(self) -> "Manifest":
        """Itself: what was read is what was written."""
        return self

    def _read(self) -> Dict[str, Any]:
        if self._facts is None:
            with os.fdopen(self._file, "rb", closefd=False) as file:
                self._facts = json.load(file)
            self._close()
        return self._facts


class RunResult(Record):
    """The result of one node: what run_results.json has of it, and the node itself."""

    __slots__ = ("_manifest",)

    def __init__(self, facts: Mapping[str, Any], manifest: Optional[Manifest] = None) -> None:
        super().__init__(facts)
        self._manifest = manifest

    @property
    def node(self) -> Record:
        """The node, as manifest.json has it."""
        if self._manifest is None:
            return Record({"unique_id": self._facts["unique_id"]})
        return self._manifest.find(self._facts["unique_id"])

    @property
    def status(self) -> NodeStatus:
        """How it ended."""
        return NodeStatus(self._facts["status"])

    @property
    def timing(self) -> List[TimingInfo]:
        """The phases ``compile`` and ``execute``."""
        return [TimingInfo(item) for item in self._facts.get("timing", [])]

    @property
    def skipped(self) -> bool:
        """Whether it was not run."""
        return self.status is NodeStatus.Skipped


class RunExecutionResult:
    """The results of all nodes, in the order in which they ended. Iterating goes over ``results``."""

    def __init__(self, facts: Mapping[str, Any], manifest: Optional[Manifest] = None) -> None:
        self._facts = facts
        self.results: List[RunResult] = [RunResult(item, manifest) for item in facts.get("results", [])]
        self.elapsed_time: float = facts.get("elapsed_time", 0.0)
        self.generated_at: Optional[datetime] = _instant(facts.get("metadata", {}).get("generated_at"))
        self.args: Dict[str, Any] = facts.get("args", {})
        self.metadata = Record(facts.get("metadata", {}))

    def __iter__(self) -> Iterator[RunResult]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __getitem__(self, index: int) -> RunResult:
        return self.results[index]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.results)} results)"

    def to_dict(self) -> Mapping[str, Any]:
        """The JSON as it is in the file."""
        return self._facts


class FreshnessResult(RunExecutionResult):
    """sources.json: how old the newest rows of sources are."""


class CatalogArtifact(Record):
    """catalog.json: ``.nodes`` and ``.sources`` by unique id, with columns and types; ``.errors``."""

    __slots__ = ()

    @property
    def nodes(self) -> Dict[str, Record]:
        return _section(self._facts["nodes"])

    @property
    def sources(self) -> Dict[str, Record]:
        return _section(self._facts["sources"])


def _section(value: Any) -> Any:
    """A section of an artifact: a dict stays one, and what it holds becomes records."""
    if not isinstance(value, dict):
        return value
    is_map = all(isinstance(item, (dict, list)) for item in value.values())
    if not is_map:
        return Record(value)
    return {key: Record(item) if isinstance(item, dict) else item for key, item in value.items()}


def _instant(text: Optional[str]) -> Optional[datetime]:
    # Python reads `Z` from 3.11 on.
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None
