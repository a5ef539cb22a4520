"""What an app's own tests need: a local Roark."""

from roark_otel.sandbox import Sandbox

__all__ = ["Sandbox"]
