"""Runs the binary as dbt's runner runs dbt: words in, a result and events out.

Messages go where the process's own go: the binary inherits stdout and stderr. Events come through a pipe of their
own, so callbacks get all of them, whatever ``--log-level`` and ``--log-format`` say.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import IO, Any, Callable, Dict, List, Optional, Tuple, Union

from kiln import arguments
from kiln.binary import find_binary
from kiln.events import EventMsg
from kiln.results import CatalogArtifact, FreshnessResult, Manifest, RunExecutionResult

Callback = Callable[[EventMsg], None]
Result = Union[None, bool, CatalogArtifact, FreshnessResult, List[str], Manifest, RunExecutionResult]


class KilnException(Exception):
    """The work could not be done. ``diagnostics`` has code, place and hints of each error."""

    def __init__(self, message: str, diagnostics: Tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.diagnostics = diagnostics


class KilnUsageException(KilnException):
    """The command line is not valid."""


@dataclass
class dbtRunnerResult:
    """How an invocation ended.

    ``success`` is whether the exit code would be 0. ``exception`` is there when the work could not be done, and not
    when nodes failed. ``result`` depends on the command: results of nodes for most, a manifest for ``parse``, names
    for ``list``, a catalog for ``docs generate``, the ages of sources for ``source freshness``, a bool for ``debug``,
    and nothing for the rest.
    """

    success: bool
    exception: Optional[BaseException] = None
    result: Result = None


class dbtRunner:
    """Runs commands. ``callbacks`` are called with every event, in the thread that called ``invoke``."""

    def __init__(self, manifest: Any = None, callbacks: Optional[List[Callback]] = None) -> None:
        # Reading the project takes less time than passing a manifest over would.
        self.manifest = manifest
        self.callbacks = callbacks if callbacks is not None else []

    def invoke(self, args: List[str], **kwargs: Any) -> dbtRunnerResult:
        """Runs a command, such as ``["build", "--select", "orders"]``.

        Keyword arguments are flags: ``select=["orders"]``, ``quiet=True``, ``vars={"day": "2026-01-01"}``. Never
        raises: what went wrong is in the result. Ctrl-C stops the run in good order, a second one at once.
        """
        try:
            return _Invocation(self.callbacks).run([find_binary(), *args, *arguments.words(kwargs)])
        except Exception as error:
            return dbtRunnerResult(success=False, exception=error)


class _Invocation:
    """One run of the binary and what its events tell."""

    def __init__(self, callbacks: List[Callback]) -> None:
        self._callbacks = callbacks
        self._stopped_by: Optional[BaseException] = None
        self._artifacts: Dict[str, str] = {}
        self._fatal: Optional[EventMsg] = None
        self._listed: Optional[List[str]] = None
        self._was_debug = False

    def run(self, command: List[str]) -> dbtRunnerResult:
        reader, writer = os.pipe()
        with open(reader, "rb") as events:
            try:
                process, relays = _start(command, writer)
            finally:
                os.close(writer)
            self._follow(process, events)
        status = self._wait(process)
        for relay in relays:
            relay.join()
        return self._ended(status)

    def _follow(self, process: "subprocess.Popen[bytes]", events: IO[bytes]) -> None:
        """Reads events to their end, whatever is raised meanwhile."""
        while True:
            try:
                line = events.readline()
                if not line:
                    return
                self._note(EventMsg(json.loads(line)))
            except BaseException as error:  # Ctrl-C, or a callback that fails: the run ends in good order.
                self._stopped_by = self._stopped_by or error
                process.send_signal(signal.SIGINT)

    def _wait(self, process: "subprocess.Popen[bytes]") -> int:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt as error:
                self._stopped_by = self._stopped_by or error
                process.send_signal(signal.SIGINT)

    def _note(self, event: EventMsg) -> None:
        name = event.info.name
        if name == "ArtifactWritten":
            self._artifacts[event.data.artifact_type] = event.data.artifact_path
        elif name == "MainEncounteredError":
            self._fatal = event
        elif name == "ListCmdOut":
            self._listed = [*(self._listed or []), event.info.msg]
        elif name == "NoNodesSelected":
            self._listed = []
        elif name == "DebugCmdOut":
            self._was_debug = True
        if self._stopped_by is None:
            for callback in self._callbacks:
                callback(event)

    def _ended(self, status: int) -> dbtRunnerResult:
        if self._stopped_by is not None:
            return dbtRunnerResult(success=False, exception=self._stopped_by)
        if status in (0, 1):
            return dbtRunnerResult(success=status == 0, result=self._result(status))
        return dbtRunnerResult(success=False, exception=self._exception(status))

    def _result(self, status: int) -> Result:
        if self._was_debug:
            return status == 0
        if self._listed is not None:
            return self._listed
        written = self._artifacts
        if "CatalogArtifact" in written:
            return CatalogArtifact(_read(written["CatalogArtifact"]))
        manifest = Manifest(written["WritableManifest"]) if "WritableManifest" in written else None
        for kind, shape in (("RunExecutionResult", RunExecutionResult), ("FreshnessResult", FreshnessResult)):
            if kind in written:
                return shape(_read(written[kind]), manifest)
        return manifest

    def _exception(self, status: int) -> BaseException:
        if self._fatal is None:
            return KilnException(f"kiln ended with {f'signal {-status}' if status < 0 else f'exit code {status}'}")
        facts = self._fatal.data.to_dict()
        diagnostics = tuple(facts.get("diagnostics", ()))
        kind = KilnException if diagnostics else KilnUsageException
        return kind(str(facts.get("exc", self._fatal.info.msg)), diagnostics)


def _start(command: List[str], writer: int) -> Tuple["subprocess.Popen[bytes]", List[threading.Thread]]:
    """Starts the binary in a group of its own: Ctrl-C then reaches it once, through us, and not twice."""
    out, err = _target(sys.stdout), _target(sys.stderr)
    process = subprocess.Popen(
        command,
        # Python models run where this does, unless the environment says otherwise.
        env={"KILN_PYTHON": sys.executable, **os.environ, "KILN_EVENTS": f"/dev/fd/{writer}"},
        pass_fds=[writer],
        preexec_fn=os.setpgrp if sys.version_info < (3, 11) else None,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        **({"process_group": 0} if sys.version_info >= (3, 11) else {}),
    )
    pairs = ((process.stdout, sys.stdout), (process.stderr, sys.stderr))
    relays = [threading.Thread(target=_relay, args=pair, daemon=True) for pair in pairs if pair[0] is not None]
    for relay in relays:
        relay.start()
    return process, relays


def _target(stream: Any) -> int:
    """Where the binary writes: into the same file, or through us into a stream that has none, as in notebooks."""
    if stream is None:
        return subprocess.DEVNULL
    try:
        number = stream.fileno()
        stream.flush()
        return number
    except (AttributeError, OSError, ValueError):
        return subprocess.PIPE


def _relay(source: IO[bytes], stream: Any) -> None:
    with source:
        for line in source:
            stream.write(line.decode(errors="replace"))


def _read(path: str) -> Any:
    with open(path, "rb") as file:
        return json.load(file)
