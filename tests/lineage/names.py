"""Compares the names of columns in duckdb.txt with those that DuckDB gives.

Usage: python names.py (in an environment with the package duckdb)
"""

import pathlib
import re

import duckdb

TYPES = {
    "tags": "varchar[]", "info": "struct(city varchar, country varchar, address struct(zip varchar))",
    "payload": "json", "status": "varchar", "name": "varchar", "region": "varchar", "sku": "varchar", "kind": "varchar",
    "ordered_at": "timestamp", "valid_from": "timestamp", "at": "timestamp",
}


def main() -> None:
    text = pathlib.Path(__file__).with_name("duckdb.txt").read_text()
    database = duckdb.connect()
    for name, columns in re.findall(r"^table (\w+)\((.*)\)$", text, re.M):
        names = [column for column in columns.split(", ") if column != "..."]
        if len(names) == len(columns.split(", ")):
            listed = ", ".join(f'"{column}" {TYPES.get(column, "integer")}' for column in names)
            database.execute(f"create table {name} ({listed})")
    n_same = n_other = 0
    for block in text.split("\n\n"):
        query, separator, answer = block.partition("\n=>")
        if not separator or "loose" in query or "vague" in query or "nowhere" in query:
            continue
        query = "\n".join(line for line in query.splitlines() if not line.startswith("# "))
        ours = [line.split(": ")[0].rstrip(":") for line in answer.strip().splitlines() if not line.startswith("> ")]
        try:
            theirs = [row[0] for row in database.execute(f"describe {query}").fetchall()]
        except duckdb.Error as error:
            print(f"{query}\n  DuckDB: {str(error).splitlines()[0]}\n")
            continue
        if ours == theirs:
            n_same += 1
        else:
            n_other += 1
            print(f"{query}\n  kiln:   {ours}\n  DuckDB: {theirs}\n")
    print(f"{n_same} queries have the same names, {n_other} have others")


main()
