"""`roark-otel doctor`: finds out why no call arrives, in plain words. It needs no extra, and changes nothing."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from roark_otel._safety.printable import printable
from roark_otel.cli.command import Command
from roark_otel.cli.problems import FAILED

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
    from roark_otel.cli.doctor.findings import Wrong
    from roark_otel.cli.doctor.network import check_network
    from roark_otel.cli.doctor.spooldir import check_spool
    from roark_otel.cli.doctor.surroundings import check_environment, check_provider, check_recording, read_settings
    from roark_otel.cli.doctor.versions import check_doubles, check_versions

    settings, warnings = read_settings(os.environ)
    yield from check_versions()
    yield from [*warnings, *check_environment(settings, os.environ), *check_recording(settings)]
    yield from check_provider(os.environ)
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


DOCTOR = Command(
    "doctor", "find out why no call arrives: versions, settings, spool, network, key", _add_arguments, _run
)
