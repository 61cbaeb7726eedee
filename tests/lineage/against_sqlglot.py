"""Compares kiln's column lineage with sqlglot's.

Usage:
    python against_sqlglot.py queries               the hand-checked queries beside this file
    python against_sqlglot.py KILN tpc              the queries of TPC-H and TPC-DS
    python against_sqlglot.py KILN project DIR...   projects with target/manifest.json (compiled) and column_lineage.json

Makes a virtual environment below the system's folder for temporary files and installs sqlglot, DuckDB and its
benchmarks there. Prints every column whose sources differ; docs/lineage.md explains which differences are meant.
"""

import collections
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

PACKAGES = ["sqlglot==30.30.0", "duckdb==1.5.5", "duckdb_extension_tpch==1.5.5", "duckdb_extension_tpcds==1.5.5"]


def enter_environment() -> None:
    """Runs this script again in an environment that has the packages."""
    if os.environ.get("KILN_SQLGLOT"):
        return
    folder = pathlib.Path(tempfile.gettempdir()) / "kiln-sqlglot"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        (folder / "ready").touch()
    os.execve(python, [python, *sys.argv], {**os.environ, "KILN_SQLGLOT": "1"})


enter_environment()

import sqlglot
from sqlglot import exp
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

VALUES = {"pass", "rename", "derive", "aggregate"}


def main() -> None:
    totals = collections.Counter()
    if sys.argv[1:] == ["queries"]:
        for file in sorted(pathlib.Path(__file__).parent.glob("*.txt")):
            counts = compare_queries(file)
            print(file.stem, dict(counts))
        return
    kiln, what, *folders = sys.argv[1:]
    if what == "tpc":
        for name in ("tpch", "tpcds"):
            with tempfile.TemporaryDirectory() as folder:
                totals += compare_project(*tpc(kiln, name, pathlib.Path(folder)), name)
    else:
        for folder in map(pathlib.Path, folders):
            target = next(folder.glob("**/column_lineage.json")).parent
            manifest = json.loads((target / "manifest.json").read_text())
            sql = {id: node["compiled_code"] for id, node in manifest["nodes"].items() if node.get("compiled_code")}
            names = {id: table_of(node) for part in ("sources", "nodes") for id, node in manifest[part].items()}
            ephemeral = {id for id, node in manifest["nodes"].items() if node["config"].get("materialized") == "ephemeral"}
            graph = json.loads((target / "column_lineage.json").read_text())
            dialect = manifest["metadata"]["adapter_type"]
            totals += compare_project(graph, sql, names, ephemeral, dialect, folder.name)
    print(dict(totals))


def table_of(node: dict) -> tuple[str, ...]:
    name = node.get("identifier") or node.get("alias") or node["name"]
    return tuple(part for part in (node.get("database"), node.get("schema"), name) if part)


def tpc(kiln: str, name: str, folder: pathlib.Path):
    """A project with a model for each query of a benchmark."""
    import duckdb

    database = duckdb.connect()
    package = importlib.util.find_spec(f"duckdb_extension_{name}").submodule_search_locations[0]
    database.execute(f"load '{next(pathlib.Path(package).glob('**/*.duckdb_extension'))}'")
    database.execute("call dbgen(sf = 0)" if name == "tpch" else "call dsdgen(sf = 0)")
    tables = collections.defaultdict(list)
    rows = "select table_name, column_name from information_schema.columns order by table_name, ordinal_position"
    for table, column in database.execute(rows).fetchall():
        tables[table].append(column)
    queries = database.execute(f"select query_nr, query from {name}_queries()").fetchall()
    (folder / "models").mkdir()
    (folder / "dbt_project.yml").write_text("name: tpc\nprofile: tpc\n")
    profile = {"tpc": {"target": "dev", "outputs": {"dev": {"type": "duckdb", "path": ":memory:"}}}}
    (folder / "profiles.yml").write_text(json.dumps(profile))
    listed = [{"name": table, "columns": [{"name": column} for column in columns]} for table, columns in tables.items()]
    source = {"sources": [{"name": "main", "schema": "main", "tables": listed}]}
    (folder / "models" / "sources.yml").write_text(json.dumps(source))
    sql = {}
    for number, query in queries:
        (folder / "models" / f"q{number:02}.sql").write_text("{% raw %}" + query.rstrip().rstrip(";") + "{% endraw %}")
        sql[f"model.tpc.q{number:02}"] = query
    command = [kiln, "-q", "lineage", "--offline"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
    names = {f"source.tpc.main.{table}": (table,) for table in tables}
    graph = json.loads((folder / "target" / "column_lineage.json").read_text())
    return graph, sql, names, set(), "duckdb"


def compare_project(graph, sql, names, ephemeral, dialect, title) -> collections.Counter:
    counts = collections.Counter()
    nodes, kinds = graph["nodes"], graph["kinds"]
    by_id = {node["id"]: node for node in nodes}
    schema: dict = {}
    for id, node in by_id.items():
        # What may have more columns than are listed would make sqlglot refuse the rest.
        if id in names and id not in ephemeral and node["columns"]:
            at = schema
            for part in names[id][:-1]:
                at = at.setdefault(part, {})
            at[names[id][-1]] = {column["name"]: column.get("type") or "unknown" for column in node["columns"]}
    ids = {tuple(part.lower() for part in name): id for id, name in names.items()}

    def ours(id: str, number: int) -> set:
        found = set()
        for from_node, from_column, kind in by_id[id]["columns"][number].get("from", []):
            if kinds[kind] not in VALUES:
                continue
            parent = nodes[from_node]
            if parent["id"] in ephemeral:
                found |= ours(parent["id"], from_column)
            else:
                found.add((parent["id"], parent["columns"][from_column]["name"].lower()))
        return found

    for id, node in by_id.items():
        if id not in sql or not id.startswith(("model.", "test.", "analysis.")):
            continue
        names_of = [column["name"] for column in node["columns"] if not column.get("known")]
        theirs = sources(sql[id], dialect, schema, names_of, f"{title} {id}", counts)
        for number, column in enumerate(node["columns"]):
            if column["name"] not in theirs:
                continue
            found = set()
            for name, leaf in theirs[column["name"]]:
                known = ids.get(name) or next((ids[full] for full in ids if full[-len(name):] == name), ".".join(name))
                found.add((known, leaf))
            judge(ours(id, number), found, column.get("unknown"), f"{title} {id}.{column['name']}", counts)
    return counts


def sources(sql, dialect, schema, names, title, counts) -> dict:
    """What sqlglot says each column is made of: pairs of the parts of a table's name and a column."""
    try:
        parsed = sqlglot.parse_one(sql, dialect=dialect)
        query = qualify(parsed, schema=schema, dialect=dialect, validate_qualify_columns=False, identify=False)
        scope = build_scope(query)
        listed = query.named_selects
    except Exception as error:  # sqlglot's own failures are of many kinds
        counts["nodes sqlglot refuses"] += 1
        print(f"{title}: sqlglot: {type(error).__name__}: {str(error).splitlines()[0][:150]}")
        return {}
    # Columns without an alias have other names there, so the place counts where all of them are listed.
    if len(listed) != len(names) or len(set(listed)) < len(listed):
        listed = names
    found = {}
    for name, theirs in zip(names, listed):
        try:
            top = lineage(theirs, query, schema=schema, dialect=dialect, scope=scope)
        except Exception as error:
            counts["columns sqlglot refuses"] += 1
            print(f"{title}.{name}: sqlglot: {type(error).__name__}: {str(error).splitlines()[0][:150]}")
            continue
        found[name] = {
            (tuple(part.name.lower() for part in leaf.expression.parts), leaf.name.rpartition(".")[2].strip('"').lower())
            for leaf in top.walk()
            if isinstance(leaf.expression, exp.Table) and leaf.expression.parts and not leaf.downstream
        }
    return found


def judge(mine, theirs, unknown, title, counts) -> None:
    if mine == theirs:
        counts["same"] += 1
    elif unknown:
        counts["kiln says unknown"] += 1
        print(f"{title}: unknown: {unknown}")
    else:
        counts["different"] += 1
        print(f"{title}: only kiln {sorted(mine - theirs)}, only sqlglot {sorted(theirs - mine)}")


def compare_queries(file: pathlib.Path) -> collections.Counter:
    """The answers that were read by hand, which are also kiln's."""
    counts = collections.Counter()
    text = file.read_text()
    schema = {}
    for table, columns in re.findall(r"^table (\w+)\((.*)\)$", text, re.M):
        columns = columns.split(", ")
        if "..." not in columns:
            schema[table] = {column: "unknown" for column in columns}
    for block in text.split("\n\n"):
        query, separator, answer = block.partition("\n=>")
        if not separator:
            continue
        query = "\n".join(line for line in query.splitlines() if not line.startswith("# "))
        lines = [line.partition(":") for line in answer.strip().splitlines() if not line.startswith("> ")]
        if "): " in answer:  # names such as `CAST(a AS INTEGER)` hold no colon, but `a::int` does
            lines = [re.match(r"(.*?)(:)(?: (.*)|$)", line).groups() for line in answer.strip().splitlines() if line[:2] != "> "]
        names = [name for name, _, _ in lines]
        if len(set(names)) < len(names):
            counts["not compared: two columns of one name"] += 1
            continue
        title = f"{file.stem}: {' '.join(query.split())[:150]}"
        theirs = sources(query, file.stem, schema, names, title, counts)
        for name, _, made in lines:
            if name not in theirs:
                continue
            mine, unknown = set(), None
            for part in re.split(r", (?=\S+ (?:%s)|\? )" % "|".join(VALUES | {"filter", "join", "group", "order"}), (made or "").strip()):
                if part.startswith("? "):
                    unknown = part[2:]
                elif part.rpartition(" ")[2] in VALUES:
                    table, _, column = part.rpartition(" ")[0].rpartition(".")
                    mine.add((table.lower(), column.lower()))
            found = {(table[-1] if table else "", column) for table, column in theirs[name]}
            judge(mine, found, unknown, f"{title} => {name}", counts)
    return counts


main()
