"""What an app has configured: the plan from which its engine is built, the same in every process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from roark_otel._engine.framework_versions import installed_versions
from roark_otel._engine.later_recordings import later_url
from roark_otel._privacy.patterns import Patterns
from roark_otel._settings.api_key import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import SecretStr

    from roark_otel._linking.defaults import Defaults
    from roark_otel._model.dialect import Dialect
    from roark_otel._model.hooks import Hooks, RecordingResolver
    from roark_otel._settings.settings import Settings
    from roark_otel._spool.file import Header


@dataclass(frozen=True, slots=True)
class Plan:
    """The inputs from which an engine is built, the same in every process.

    Attributes:
        settings: The settings, with a key.
        dialects: The dialects that are read, the highest first.
        hooks: The functions of the app.
        key: The key as it is now.
        defaults: What a call has where its spans do not set it.
        patterns: What is replaced in every text.
    """

    settings: Settings
    dialects: tuple[Dialect, ...]
    hooks: Hooks
    key: Key
    defaults: Defaults
    patterns: Patterns

    @classmethod
    def of(cls, settings: Settings, api_key: SecretStr, dialects: Sequence[Dialect], hooks: Hooks) -> Plan:
        """Makes a plan of what an app has configured."""
        url = hooks.recording_url if isinstance(hooks.recording_url, str) else None
        defaults = settings.defaults(url)
        is_resolved = hooks.recording_url is not None and url is None
        template = None if is_resolved else defaults.recording_template
        return cls(
            settings=settings,
            dialects=tuple(dialects),
            hooks=hooks,
            key=Key(api_key, settings.api_key_file),
            defaults=replace(defaults, recording_template=template, version_of=installed_versions(dialects)),
            patterns=Patterns(settings.replaced),
        )

    @property
    def resolver(self) -> RecordingResolver | None:
        """The function of the app that finds recordings, if it has one."""
        return None if isinstance(self.hooks.recording_url, str) else self.hooks.recording_url

    def later_recording(self) -> Callable[[Header, bytes], str | None] | None:
        """Returns what makes the URL of a call that waits already, of its header and body; None if nothing does."""
        if (url := self.defaults.recording_url) is not None:
            return lambda _header, _body: url
        template = self.defaults.recording_template
        return None if template is None else partial(later_url, template)

    @property
    def content(self) -> str:
        """Returns what becomes of words, arguments and results, for the log."""
        if not self.settings.capture_content:
            return "off"
        return "redacted" if self.settings.replaced or self.hooks.redact is not None else "on"

    @property
    def recording_source(self) -> str:
        """Where recordings come from if spans name none, for logs; `spans` if from nowhere else."""
        if self.defaults.recording_url:
            return "argument"
        if self.resolver:
            return "resolver"
        return "template" if self.defaults.recording_template else "spans"
