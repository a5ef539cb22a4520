"""Why no connection to Roark can be made: what a person has set, by the name of its variable."""

from __future__ import annotations


class Misconfigured(Exception):  # noqa: N818 - what is wrong is not in the program
    """No connection to Roark can be made, because of something that a person has set.

    Args:
        variable: The name of the environment variable, or what else it is.
        reason: What is wrong with it, without its value.
    """

    def __init__(self, variable: str, reason: str) -> None:
        super().__init__(f"{variable} {reason}")
        self.variable = variable
        self.reason = reason


class Unaddressed(Misconfigured):
    """There is no usable address. That was logged when the settings were read."""

    def __init__(self) -> None:
        super().__init__("ROARK_BASE_URL", "gives no usable address")
