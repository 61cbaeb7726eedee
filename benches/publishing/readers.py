#!/usr/bin/env python3
"""Rebuilds a table under a chain of three views while readers poll all four, and counts what the readers see.

    readers.py --program kiln --rebuilds 50 --host 127.0.0.1 --port 5432 --user postgres

Any program that takes dbt's arguments can be measured; dbt-core 1.11 runs once per process, as `dbt run` does. The
script needs psycopg2, which dbt-postgres brings along, and a server on which it may create a database. Half way, the
table gets one more column. A reader sees an outage when a query fails or finds no rows.
"""

import argparse
import os
import subprocess
import tempfile
import threading
import time

import psycopg2

MODELS = {
    "t": "{{{{ config(materialized='table') }}}}\nselect i as id, i * 2 as amount{extra} from generate_series(1, 20000) as g (i)\n",
    "v1": "select * from {{{{ ref('t') }}}}\n",
    "v2": "select id, amount from {{{{ ref('v1') }}}}\n",
    "v3": "select id % 10 as bucket, sum(amount) as amount from {{{{ ref('v2') }}}} group by 1\n",
}
RELATIONS = ["t", "v1", "v2", "v3"]


class Reader(threading.Thread):
    """Polls one relation over a connection of its own."""

    def __init__(self, dsn, relation, pause):
        super().__init__(daemon=True)
        self.relation, self.pause = relation, pause
        self.connection = psycopg2.connect(dsn)
        self.connection.autocommit = True
        self.stop = threading.Event()
        self.queries, self.empty, self.errors, self.slowest = 0, 0, {}, 0.0

    def run(self):
        while not self.stop.is_set():
            began = time.monotonic()
            self.queries += 1
            try:
                with self.connection.cursor() as cursor:
                    cursor.execute(f"select count(*) from shop.{self.relation}")
                    self.empty += cursor.fetchone()[0] == 0
            except psycopg2.Error as error:
                text = str(error).splitlines()[0]
                text = "".join("N" if c.isdigit() else c for c in text)
                self.errors[text] = self.errors.get(text, 0) + 1
            took = time.monotonic() - began
            self.slowest = max(self.slowest, took)
            self.stop.wait(max(0.0, self.pause - took))


def write(folder, extra, options):
    """Writes the project, with or without the further column."""
    os.makedirs(f"{folder}/models", exist_ok=True)
    with open(f"{folder}/dbt_project.yml", "w") as file:
        file.write("name: shop\nversion: '1.0'\nprofile: shop\nflags:\n  send_anonymous_usage_stats: false\n")
    with open(f"{folder}/profiles.yml", "w") as file:
        file.write(
            "shop:\n  target: prod\n  outputs:\n    prod:\n      type: postgres\n"
            f"      host: {options.host}\n      port: {options.port}\n      user: {options.user}\n"
            f"      password: '{options.password}'\n      dbname: {options.database}\n      schema: shop\n      threads: 4\n"
        )
    for name, text in MODELS.items():
        with open(f"{folder}/models/{name}.sql", "w") as file:
            file.write(text.format(extra=extra))


def build(folder, options):
    """Runs the program once; returns seconds and whether it went well."""
    began = time.monotonic()
    command = [*options.program.split(), "run", "--quiet", "--profiles-dir", folder, "--project-dir", folder]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        print(done.stdout)
    return time.monotonic() - began, done.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="kiln")
    parser.add_argument("--rebuilds", type=int, default=50)
    parser.add_argument("--pause", type=float, default=0.01, help="seconds between two queries of a reader")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default="5432")
    parser.add_argument("--user", default="postgres")
    parser.add_argument("--password", default="x")
    parser.add_argument("--database", default="kiln_readers")
    options = parser.parse_args()

    server = f"host={options.host} port={options.port} user={options.user} password={options.password}"
    admin = psycopg2.connect(f"{server} dbname=postgres")
    admin.autocommit = True
    admin.cursor().execute(f"drop database if exists {options.database} with (force)")
    admin.cursor().execute(f"create database {options.database}")

    failed, seconds = 0, []
    with tempfile.TemporaryDirectory() as folder:
        write(folder, "", options)
        build(folder, options)
        readers = [Reader(f"{server} dbname={options.database}", relation, options.pause) for relation in RELATIONS]
        for reader in readers:
            reader.start()
        for n in range(options.rebuilds):
            if n == options.rebuilds // 2:
                write(folder, ", 'x' as further", options)
            took, is_ok = build(folder, options)
            seconds.append(took)
            failed += not is_ok
        for reader in readers:
            reader.stop.set()
        for reader in readers:
            reader.join()

    print(f"{options.program}: {options.rebuilds} rebuilds, {failed} failed, {sum(seconds) / len(seconds):.2f} s each")
    print(f"{'relation':10} {'queries':>8} {'errors':>8} {'empty':>8} {'slowest ms':>11}")
    for reader in readers:
        errors = sum(reader.errors.values())
        print(f"{reader.relation:10} {reader.queries:8} {errors:8} {reader.empty:8} {reader.slowest * 1000:11.0f}")
        for text, count in sorted(reader.errors.items(), key=lambda item: -item[1])[:4]:
            print(f"    {count} x {text}")
    total = sum(sum(reader.errors.values()) + reader.empty for reader in readers)
    raise SystemExit(0 if total == 0 and failed == 0 else 1)


main()
