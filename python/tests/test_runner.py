"""The runner, on a small project of its own: ``KILN_BIN=target/debug/kiln python -m unittest discover python/tests``."""

import contextlib
import io
import json
import os
import signal
import sys
import tempfile
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kiln import (  # noqa: E402
    CatalogArtifact,
    FreshnessResult,
    KilnException,
    KilnUsageException,
    Manifest,
    NodeStatus,
    RunExecutionResult,
    dbtRunner,
)
from kiln.arguments import words  # noqa: E402

FILES = {
    "dbt_project.yml": "{name: shop, version: 1.0.0, profile: shop}",
    "profiles.yml": "shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb, threads: 2}}}",
    "models/orders.sql": "select 1 as id, current_timestamp as ordered_at",
    "models/broken.sql": "select * from {{ ref('orders') }} where {{ 'nothing' if var('is_broken', true) else 'true' }}",
    "models/slow.sql": "{{ config(materialized='table') }} select count(*) as n from range(100000000000) a where a.range % 7 = 3",
    "models/models.yml": """
models:
  - name: orders
    columns: [{name: id, data_tests: [unique]}]
sources:
  - name: raw
    schema: main
    loaded_at_field: ordered_at
    freshness: {error_after: {count: 1, period: day}}
    tables: [{name: orders}]
""",
    "macros/hello.sql": "{% macro hello(name) %}{{ print('hello ' ~ name) }}{% endmacro %}",
}


class RunnerTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name, text in FILES.items():
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        self.events = []
        self.runner = dbtRunner(callbacks=[self.events.append])

    def invoke(self, *args, **kwargs):
        """Runs a command, and keeps what was printed."""
        self.printed = io.StringIO()
        with contextlib.redirect_stdout(self.printed), contextlib.redirect_stderr(io.StringIO()):
            return self.runner.invoke([*args], project_dir=self.folder, profiles_dir=self.folder, **kwargs)

    def names(self):
        return [event.info.name for event in self.events]

    def test_build_gives_results_of_nodes(self):
        ended = self.invoke("build", select=["orders"])
        self.assertTrue(ended.success)
        self.assertIsNone(ended.exception)
        self.assertIsInstance(ended.result, RunExecutionResult)
        model, test = ended.result
        self.assertEqual(model.node.unique_id, "model.shop.orders")
        self.assertEqual((model.node.name, model.node.config.materialized), ("orders", "view"))
        self.assertEqual(model.status, "success")
        self.assertIs(model.status, NodeStatus.Success)
        self.assertEqual([phase.name for phase in model.timing], ["compile", "execute"])
        self.assertLessEqual(model.timing[0].started_at, model.timing[0].completed_at)
        self.assertEqual((test.status, test.failures, str(test.status)), ("pass", 0, "pass"))
        self.assertGreater(ended.result.elapsed_time, 0)
        self.assertEqual(ended.result.args["which"], "build")

    def test_what_fails_is_in_the_result_and_no_exception(self):
        ended = self.invoke("run", select=["orders", "broken"])
        self.assertFalse(ended.success)
        self.assertIsNone(ended.exception)
        statuses = {result.node.name: result.status.value for result in ended.result}
        self.assertEqual(statuses, {"orders": "success", "broken": "error"})

    def test_an_error_is_an_exception_with_its_place(self):
        (self.folder / "models/broken.sql").write_text("select * from {{ ref('nope') }}")
        ended = self.invoke("run")
        self.assertFalse(ended.success)
        self.assertIsInstance(ended.exception, KilnException)
        self.assertIn("'nope'", str(ended.exception))
        self.assertEqual(ended.exception.diagnostics[0]["code"], "K0401")

    def test_usage_is_an_exception_too(self):
        ended = self.invoke("run", "--no-such-flag")
        self.assertIsInstance(ended.exception, KilnUsageException)
        self.assertIn("--no-such-flag", str(ended.exception))

    def test_each_command_has_its_result(self):
        self.assertEqual(self.invoke("list", select=["orders"]).result, ["shop.orders", "shop.unique_orders_id"])
        self.assertEqual(self.invoke("list", select=["nothing_such"]).result, [])
        parsed = self.invoke("parse")
        self.assertIsInstance(parsed.result, Manifest)
        self.assertIn("model.shop.orders", parsed.result.nodes)
        self.assertEqual(parsed.result.nodes["model.shop.orders"].resource_type, "model")
        self.assertEqual(parsed.result.metadata.project_name, "shop")
        self.invoke("run", select="orders")
        catalog = self.invoke("docs", "generate", select=["orders"])
        self.assertIsInstance(catalog.result, CatalogArtifact)
        self.assertEqual(catalog.result.nodes["model.shop.orders"].columns.id.type, "INTEGER")
        fresh = self.invoke("source", "freshness")
        self.assertIsInstance(fresh.result, FreshnessResult)
        self.assertEqual((fresh.result[0].status, fresh.result[0].node.source_name), ("pass", "raw"))
        self.assertIs(self.invoke("debug").result, True)
        self.assertIsNone(self.invoke("clean").result)
        self.assertTrue(self.invoke("--version").success)

    def test_an_operation_takes_its_macro_and_arguments_as_keywords(self):
        ended = self.invoke("run-operation", "--args", "{name: you}", macro="hello")
        self.assertTrue(ended.success)
        self.assertEqual(ended.result[0].unique_id, "macro.shop.hello")
        self.assertIn("hello you", self.printed.getvalue())

    def test_callbacks_get_events_that_are_not_printed(self):
        self.assertTrue(self.invoke("run", select=["orders"], quiet=True).success)
        self.assertEqual(self.printed.getvalue(), "")
        self.assertIn("LogModelResult", self.names())
        finished = next(event for event in self.events if event.info.name == "NodeFinished")
        self.assertEqual(finished.info.level, "debug")
        self.assertEqual(finished.data.node_info.unique_id, "model.shop.orders")
        self.assertEqual(finished.data.node_info.node_status, "success")
        self.assertIn("orders", finished.info.msg)
        self.assertEqual(json.loads(json.dumps(finished.to_dict()))["info"]["name"], "NodeFinished")

    def test_the_manifest_is_there_while_nodes_run(self):
        seen = []

        def look(event):
            if event.info.name == "NodeStart":
                seen.append((self.folder / "target/manifest.json").exists())

        self.runner = dbtRunner(callbacks=[look])
        self.invoke("run", select=["orders"])
        self.assertEqual(seen, [True])

    def test_a_result_stays_what_it_was_when_later_runs_write_artifacts(self):
        first = self.invoke("run", select=["orders"]).result
        (self.folder / "models/orders.sql").write_text("{{ config(materialized='table') }} select 2 as id")
        second = self.invoke("run", select=["orders"]).result
        self.assertEqual(first[0].node.config.materialized, "view")
        self.assertEqual(second[0].node.config.materialized, "table")

    def test_a_callback_that_fails_stops_the_run(self):
        def fail(event):
            raise RuntimeError("no more")

        self.runner = dbtRunner(callbacks=[fail])
        ended = self.invoke("run", select=["slow"])
        self.assertFalse(ended.success)
        self.assertEqual(str(ended.exception), "no more")

    def test_an_interrupt_reaches_the_binary(self):
        def interrupt(event):
            if event.info.name == "LogStartLine":
                threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()

        # Whoever starts tests in the background may have them ignore it.
        self.addCleanup(signal.signal, signal.SIGINT, signal.signal(signal.SIGINT, signal.default_int_handler))
        self.events.clear()
        self.runner = dbtRunner(callbacks=[interrupt])
        ended = self.invoke("run", select=["slow"])
        self.assertFalse(ended.success)
        self.assertIsInstance(ended.exception, KeyboardInterrupt)
        log = (self.folder / "logs/dbt.log").read_text()
        self.assertIn("Exited because of keyboard interrupt", log)


class ArgumentsTest(unittest.TestCase):
    def check(self, given, expected):
        self.assertEqual(words(given), expected)

    def test_keywords_become_words(self):
        self.check({"select": ["a", "b"]}, ["--select", "a", "b"])
        self.check({"select": "a"}, ["--select", "a"])
        self.check({"fail_fast": True, "print": False}, ["--fail-fast", "--no-print"])
        self.check({"warn_error": False, "store_failures": True}, ["--store-failures"])
        self.check({"vars": {"x": 1}, "threads": 4}, ["--vars", '{"x": 1}', "--threads", "4"])
        self.check({"target": None, "exclude": []}, [])
        self.check({"args": {}, "macro": "m"}, ["m", "--args", "{}"])
        self.check({"project_dir": Path("/a b")}, ["--project-dir", "/a b"])


if __name__ == "__main__":
    unittest.main()
