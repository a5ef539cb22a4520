"""The attributes of a span, a resource or an event, being read."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from roark_otel import attributes
from roark_otel._model import reading, times
from roark_otel._model.dialect import Unreadable, Warn
from roark_otel._model.formats import is_e164, is_http_url
from roark_otel._model.rows import NAME, SCOPE, SPAN, START, TRACE, SpanName

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from roark_otel._model.rows import Row

_PREFIX = attributes.PREFIX
_EXTERNAL_ID = attributes.EXTERNAL_ID.removeprefix(_PREFIX)
NOTHING_WHOLE: Mapping[str, object] = {}
_MAY_BE_CUT = (
    "exactly as long as the length limit of the SDK allows, so it may be cut; raise OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT "
    "(OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT where that is set), or pass ids and addresses to "
    "roark_otel.call_attributes() or conversation()"
)


class Words:
    """Attributes by name without the prefix `roark.`. What cannot be read is reported, once for each name.

    Args:
        found: The attributes.
        row: The span that they are on.
        where: What a warning puts before their names.
        warn: Takes what could not be read.
        limit: The most characters that the SDK lets a text have here; None if there is no limit.
        whole: The same attributes as the app gave them, as far as that is known.
    """

    __slots__ = ("_limit", "_reported", "_row", "_warn", "_where", "_whole", "_written", "found")

    def __init__(
        self,
        found: Mapping[str, object],
        row: Row,
        where: str,
        warn: Warn,
        limit: int | None = None,
        whole: Mapping[str, object] = NOTHING_WHOLE,
    ) -> None:
        self._limit = limit
        self._whole = whole
        self._written = found
        self._row = row
        self._where = where
        self._warn = warn
        self._reported: set[str] | None = None
        self.found: Mapping[str, object] = found
        for key, value in found.items():
            # Nearly every event has only plain names, and nearly every value cannot have a flaw.
            if key.startswith(_PREFIX) or not ((type(value) is str and value.isascii()) or reading.is_sound(value)):
                self._look_closely()
                break

        if limit is not None:
            self._mend(limit)

    def _mend(self, limit: int) -> None:
        """Puts texts that were cut right, where the whole is known, and reports the others."""
        found = dict(self.found)
        for key, value in found.items():
            if isinstance(value, str) and len(value) == limit:
                whole = self._whole.get(key)
                if isinstance(whole, str) and whole.startswith(value):
                    found[key] = whole
                else:
                    self.warn(key, _MAY_BE_CUT)
        self.found = found

    def _look_closely(self) -> None:
        self.found = {key.removeprefix(_PREFIX): value for key, value in self._written.items()}
        for key, value in self.found.items():
            # An external id with a flaw is not an id, which is reported where ids are resolved.
            if not reading.is_sound(value) and key != _EXTERNAL_ID:
                self._warn_of_flaw(key, value)

    @property
    def span_id(self) -> int:
        """The id of the span that they are on."""
        return int(self._row[SPAN])

    def start_ns(self, time_ns: object) -> int:
        """Returns the time of an event; if it is none, or decades from its span, when its span began."""
        found, flaw = times.time_near_ns(time_ns, int(self._row[START]))
        if flaw is not None:
            self.warn("timestamp", flaw)
        return found

    def get(self, key: str) -> object:
        """Returns the value of an attribute, None if it is not there."""
        return self.found.get(key)

    def warn(self, key: str, why: str) -> None:
        """Warns that an attribute cannot be read, and why."""
        if self._reported is None:
            self._reported = set()
        if key not in self._reported:
            self._reported.add(key)
            name = _PREFIX + key if _PREFIX + key in self._written else key
            row = self._row
            span = SpanName(row[TRACE], row[SPAN], row[SCOPE], row[NAME])
            self._warn(Unreadable(span, self._where + name, why))

    def text(self, key: str) -> str | None:
        """Returns text that says something."""
        value = self.found.get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            self.warn(key, "not text")
        return reading.text(value)

    def identifier(self, key: str) -> str | None:
        """Returns an id, which may be a number."""
        found = reading.identifier(self.found.get(key))
        return self.text(key) if found is None else found

    def url(self, key: str) -> str | None:
        """Returns an absolute http or https URL."""
        url = self.text(key)
        if url is not None and len(url) == self._limit and url == self._written.get(_PREFIX + key):
            return None  # it may be cut, which was reported: another address than the recording's is worse than none
        return url if self._is_good(key, url is not None and is_http_url(url), "not an http URL") else None

    def phone_number(self, key: str) -> str | None:
        """Returns a phone number in E.164 format."""
        number = self.text(key)
        if number is None and key not in self.found:
            return None
        is_good = number is not None and is_e164(number)
        return number if self._is_good(key, is_good, "not a phone number in E.164 format") else None

    def one_of(self, key: str, known: Collection[str]) -> str | None:
        """Returns one of these upper-case words, in whatever case it is written."""
        value = self.found.get(key)
        word = (reading.text(value) or "").upper()
        if word in known:
            return word
        if value is not None:
            self.warn(key, "not one of the known values")
        return None

    def flag(self, key: str) -> bool | None:
        """Returns true or false, also from text."""
        value = self.found.get(key)
        if value is None:
            return None
        found = reading.flag(value)
        self._is_good(key, found is not None, "not true or false")
        return found

    def instant_ns(self, key: str) -> int | None:
        """Returns ISO 8601 with offset as nanoseconds since the epoch."""
        value = self.found.get(key)
        if value is None:
            return None
        try:
            return times.instant_ns(value)
        except ValueError as fault:
            self.warn(key, str(fault))
            return None

    def duration_ns(self, key: str) -> int | None:
        """Returns milliseconds as nanoseconds."""
        value = self.found.get(key)
        if value is None:
            return None
        found = reading.number(value)
        is_good = found is not None and 0 <= found <= reading.MAX_DURATION_MS
        self._is_good(key, is_good, "not a duration in milliseconds")
        return int(found * 1_000_000) if found is not None and is_good else None

    def json_object(self, key: str) -> dict[str, object] | None:
        """Returns a JSON object, from a mapping or from text of at most `MAX_JSON` characters."""
        value = self.found.get(key)
        if value is None or value == "":
            return None
        try:
            found = reading.parsed(value) if isinstance(value, str) else value
            kind = type(found)
            if kind is dict and found is not value and reading.is_sound(found):
                return cast("dict[str, object]", found)
            self._warn_of_flaw(key, found)
            return reading.json_object(found)
        except ValueError as fault:
            self.warn(key, str(fault))
            return None

    def json_or_text(self, key: str) -> object:
        """Returns any JSON value, as it is or from text; text that is too long, or is not JSON, stays text."""
        value = self.found.get(key)
        try:
            found = reading.parsed(value) if isinstance(value, str) else value
        except ValueError:
            found = value
        if reading.is_sound(found):
            return found
        self._warn_of_flaw(key, found)
        return reading.json_value(found)

    def _warn_of_flaw(self, key: str, value: object) -> None:
        if (why := reading.flaw(value)) is not None:
            self.warn(key, why)

    def _is_good(self, key: str, is_good: bool, why: str) -> bool:
        """Reports an attribute that is there and not good."""
        if not is_good and self.found.get(key) is not None:
            self.warn(key, why)
        return is_good
