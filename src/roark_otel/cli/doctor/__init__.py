"""`roark-otel doctor`: finds out why no call arrives, in plain words. It needs no extra, and changes nothing."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from roark_otel._safety.printable import printable
from roark_otel.cli.command import Command
from roark_otel.cli.problems import FAILED
from roark_otel_cli import SUMMARIES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from roark_otel._delivery.client import Client
    from roark_otel._settings.settings import Settings
    from roark_otel.cli.doctor.findings import Finding


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the findings as a JSON list")
    parser.add_argument(
        "--send-test-call", action="store_true", help="also create one call at Roark: it appears in the project"
    )


def _run(options: argparse.Namespace) -> int:
    """Makes every check and prints what it finds. Returns exit status 1 if something is wrong."""
    from roark_otel.cli.doctor.findings import Wrong, as_fields, lines, verdict

    found: list[Finding] = []
    for finding in _checks(send=options.send_test_call, quiet=options.json):
        found.append(finding)
        if not options.json:
            print("\n".join(map(printable, lines(finding))), flush=True)
    if options.json:
        json.dump([as_fields(finding) for finding in found], sys.stdout, indent=2)
        print()
    else:
        print(f"\n{verdict(found)}")
    return FAILED if any(isinstance(finding, Wrong) for finding in found) else 0


def _checks(*, send: bool, quiet: bool) -> Iterator[Finding]:
    from opentelemetry import trace

    from roark_otel.cli.doctor.config_file import check_config_file, read_config_file
    from roark_otel.cli.doctor.content import check_content
    from roark_otel.cli.doctor.findings import Wrong
    from roark_otel.cli.doctor.limits import check_limits
    from roark_otel.cli.doctor.network import check_network
    from roark_otel.cli.doctor.reading import read_settings
    from roark_otel.cli.doctor.sampler import check_sampler
    from roark_otel.cli.doctor.spooldir import check_spool
    from roark_otel.cli.doctor.surroundings import check_environment, check_provider, check_recording
    from roark_otel.cli.doctor.versions import check_doubles, check_listening, check_versions

    of_variables, warnings = read_settings(os.environ)
    file = read_config_file(os.environ)
    held = check_config_file(file, of_variables)
    settings, provider = held.settings, trace.get_tracer_provider()
    yield from check_versions()
    yield from [*warnings, *held.findings]
    yield from [*check_environment(settings, os.environ, warnings), *check_recording(settings, held.recording_url)]
    yield from check_provider(os.environ, provider, config=file)
    yield from check_sampler(os.environ, file, provider)
    yield from check_limits(os.environ)
    yield from check_listening(settings.instrument)
    yield from check_content(os.environ)
    yield from check_doubles()
    yield from check_spool(settings)
    reached = check_network(settings, _client)
    yield from reached
    if send and settings.api_key is not None and not any(isinstance(one, Wrong) for one in reached):
        yield _test_call(settings, quiet=quiet)


def _test_call(settings: Settings, *, quiet: bool) -> Finding:
    from roark_otel.cli.doctor.testcall import new_id, send_test_call

    external_id = new_id()
    if not quiet:
        print(f"  ...    test call: creating the call {external_id} at {settings.address}", flush=True)
    return send_test_call(settings, external_id)


def _client(settings: Settings) -> Client:
    from roark_otel._delivery.client import Client

    if settings.api_key is None:
        raise ValueError("the key is missing")
    return Client(settings.address, settings.api_key, settings.project_id, settings.http_timeout_seconds)


DOCTOR = Command("doctor", SUMMARIES["doctor"], _add_arguments, _run)
