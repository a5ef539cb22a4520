"""The attributes of a span, a resource or an event, being read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roark_otel import attributes
from roark_otel._model import reading
from roark_otel._model.dialect import Unreadable, Warn
from roark_otel._model.formats import is_e164, is_http_url

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from roark_otel._model.spans import SpanRecord


class Words:
    """Attributes by name without the prefix `roark.`. What cannot be read is reported, once for each name.

    Args:
        found: The attributes.
        span: The span that they are on.
        where: What a warning puts before their names.
        warn: Takes what could not be read.
    """

    def __init__(self, found: Mapping[str, object], span: SpanRecord, where: str, warn: Warn) -> None:
        self._found = {key.removeprefix(attributes.PREFIX): value for key, value in found.items()}
        self._full_names = {key.removeprefix(attributes.PREFIX): key for key in found}
        self._span = span
        self._where = where
        self._warn = warn
        self._reported: set[str] = set()
        for key, value in self._found.items():
            # An id with a flaw is not an id, which is reported where ids are resolved.
            if key != _EXTERNAL_ID and (why := reading.flaw(value)) is not None:
                self.warn(key, why)

    def names(self) -> Iterator[str]:
        """The names, without the prefix."""
        return iter(self._found)

    def get(self, key: str) -> object:
        """The value of an attribute, None if it is not there."""
        return self._found.get(key)

    def warn(self, key: str, why: str) -> None:
        """Warns that an attribute cannot be read, and why."""
        if key not in self._reported:
            self._reported.add(key)
            self._warn(Unreadable(self._span, self._where + self._full_names.get(key, key), why))

    def _expect(self, key: str, is_good: bool, why: str) -> None:
        if self._found.get(key) is not None and not is_good:
            self.warn(key, why)

    def text(self, key: str) -> str | None:
        """Text that says something."""
        value = self.get(key)
        self._expect(key, isinstance(value, str), "not text")
        return reading.text(value)

    def url(self, key: str) -> str | None:
        """An absolute http or https URL."""
        url = self.text(key)
        good = url is not None and is_http_url(url)
        self._expect(key, good, "not an http URL")
        return url if good else None

    def phone_number(self, key: str) -> str | None:
        """A phone number in E.164 format."""
        number = self.text(key)
        good = number is not None and is_e164(number)
        self._expect(key, good, "not a phone number in E.164 format")
        return number if good else None

    def one_of(self, key: str, known: Collection[str]) -> str | None:
        """One of these upper-case words, in whatever case it is written."""
        word = (reading.text(self.get(key)) or "").upper()
        self._expect(key, word in known, "not one of the known values")
        return word if word in known else None

    def flag(self, key: str) -> bool | None:
        """True or false, also as text."""
        found = reading.flag(self.get(key))
        self._expect(key, found is not None, "not true or false")
        return found

    def instant_ns(self, key: str) -> int | None:
        """ISO 8601 with offset, as nanoseconds since the epoch."""
        value = self.get(key)
        if value is None:
            return None
        try:
            return reading.instant_ns(value)
        except ValueError as fault:
            self.warn(key, str(fault))
            return None

    def duration_ns(self, key: str) -> int | None:
        """Milliseconds, as nanoseconds."""
        found = reading.number(self.get(key))
        good = found is not None and 0 <= found <= reading.MAX_DURATION_MS
        self._expect(key, good, "not a duration in milliseconds")
        return int(found * 1_000_000) if found is not None and good else None

    def json_object(self, key: str) -> dict[str, object] | None:
        """A JSON object, as a mapping or as text."""
        value = self.get(key)
        if value is None or value == "":
            return None
        try:
            found = reading.parsed(value) if isinstance(value, str) else value
            if (why := reading.flaw(found)) is not None:
                self.warn(key, why)
            return reading.json_object(found)
        except ValueError as fault:
            self.warn(key, str(fault))
            return None

    def json_or_text(self, key: str) -> object:
        """Any JSON value, as it is or as text; text that is not JSON stays text."""
        value = self.get(key)
        try:
            found = reading.parsed(value) if isinstance(value, str) else value
        except ValueError:
            found = value
        if (why := reading.flaw(found)) is not None:
            self.warn(key, why)
        return reading.json_value(found)


_EXTERNAL_ID = attributes.EXTERNAL_ID.removeprefix(attributes.PREFIX)
