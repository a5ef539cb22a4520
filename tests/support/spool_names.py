"""Names of calls as versions gave them whose hashes had no key: what they left has to be found, too."""

from __future__ import annotations

from roark_otel._spool import names
from roark_otel._spool.id_hash import unkeyed_hash


def call_name(external_id: str, root_span_id: int) -> str:
    return names.call_name(unkeyed_hash(external_id), root_span_id)
