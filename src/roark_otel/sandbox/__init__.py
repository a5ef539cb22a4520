"""A local Roark to develop against: no account, no network.

`Sandbox` runs it on a thread, `serve` runs it until a signal stops it. It answers as Roark does: calls are validated,
stored and listed, and OTLP traces are linked to them by external id.

It shares no code with the rest of the package, so that the two cannot share a mistake.
"""

try:
    from roark_otel.sandbox.faults import Faults
    from roark_otel.sandbox.server import Sandbox, serve
    from roark_otel.sandbox.stored import StoredCall
except ModuleNotFoundError as _missing:
    if (_missing.name or "").split(".")[0] == "roark_otel":
        raise
    raise ImportError(f'The sandbox needs {_missing.name}: pip install "roark-otel[sandbox]"') from _missing

__all__ = ["Faults", "Sandbox", "StoredCall", "serve"]
