"""What kiln says while it works, and JSON whose keys are attributes."""

import copy
from typing import Any, Dict, Iterator, Mapping


class Record(Mapping[str, Any]):
    """A JSON object: ``record.name`` and ``record["name"]`` are the same.

    Objects below it are records too. A key that is missing is an ``AttributeError`` or a ``KeyError``.
    """

    __slots__ = ("_facts",)

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = facts

    def __getattr__(self, name: str) -> Any:
        # Copying and unpickling ask before there are facts.
        if name.startswith("__") or name == "_facts":
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no `{name}` among {', '.join(self._facts)}") from None

    def __getitem__(self, key: str) -> Any:
        return _wrapped(self._facts[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)

    def __eq__(self, other: object) -> bool:
        return self._facts == (other._facts if isinstance(other, Record) else other)

    def __hash__(self) -> int:
        return hash(self._facts.get("unique_id", id(self)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._facts!r})"

    def __getstate__(self) -> Dict[str, Any]:
        return dict(self._facts)

    def __setstate__(self, facts: Dict[str, Any]) -> None:
        self._facts = facts

    def __dir__(self) -> Iterator[str]:
        return iter({*super().__dir__(), *self._facts})

    def to_dict(self, omit_none: bool = False) -> Dict[str, Any]:
        """The plain JSON, as a copy."""
        facts = copy.deepcopy(dict(self._facts))
        return {key: value for key, value in facts.items() if value is not None} if omit_none else facts


class EventData(Record):
    """The facts of an event.

    dbt's are protobuf messages, and programs turn them into dicts with ``MessageToDict``: it takes this for a
    ``google.protobuf.Struct``, whose description and ``fields`` it asks for.
    """

    __slots__ = ()

    @property
    def DESCRIPTOR(self) -> Any:
        from google.protobuf.struct_pb2 import Struct

        return Struct.DESCRIPTOR

    @property
    def fields(self) -> Any:
        from google.protobuf.struct_pb2 import Struct

        message = Struct()
        message.update(self._facts)
        return message.fields


class EventMsg(Record):
    """One event: ``.info`` has ``name``, ``code``, ``msg``, ``level``, ``ts``, ``thread``; ``.data`` its facts."""

    __slots__ = ()

    @property
    def data(self) -> EventData:
        return EventData(self._facts["data"])


def _wrapped(value: Any) -> Any:
    if isinstance(value, dict):
        return Record(value)
    if isinstance(value, list):
        return [_wrapped(item) for item in value]
    return value
