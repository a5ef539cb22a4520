"""`roark-otel worker`: makes calls of the spans in Kafka."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from roark_otel._safety.printable import printable
from roark_otel.cli.account import account
from roark_otel.cli.announcing import announce
from roark_otel.cli.command import Command, completes_files
from roark_otel.cli.problems import FAILED, USAGE, Problem, extras
from roark_otel_cli import SUMMARIES

if TYPE_CHECKING:
    import argparse

    from pydantic import SecretStr

    from roark_otel._settings.settings import Settings
    from roark_otel._worker.options import WorkerOptions
    from roark_otel._worker.topics import Broker


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument("--check", action="store_true", help="say what is wrong with the topics, and exit")
    doing.add_argument("--create-topics", action="store_true", help="create the topics, make them right, and exit")
    _add_places(parser)
    _add_seconds(parser)
    add = parser.add_argument
    add("--metrics-host", default="127.0.0.1", metavar="HOST", help=_METRICS)
    add("--metrics-port", type=int, default=9464, metavar="PORT", help="their port; 0: any (default: %(default)s)")
    add("--partitions", type=int, default=12, help="of --create-topics: those of a new topic (default: %(default)s)")
    add("--replication", type=int, metavar="NUMBER", help="of --create-topics: copies of a new one (default: up to 3)")
    add("--exporter-max-bytes", type=int, default=1_000_000, metavar="BYTES", help=_EXPORTER)


def _add_places(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--brokers", required=True, metavar="HOST:PORT", help="where Kafka is; several with commas")
    completes_files(add("--kafka-config", metavar="FILE", help=_CONNECTION))
    add("--topic", default="otlp_spans", help="where the Collector writes spans (default: %(default)s)")
    add("--prefix", default="roark", help="what the names of the other topics begin with (default: %(default)s)")
    add("--group", default="roark-worker", help="the consumer group (default: %(default)s)")
    completes_files(add("--state-dir", metavar="DIR", default="roark-worker-state", help=_STATE))
    add("--instance", default="", metavar="NAME", help="a name that a worker keeps when it is started again")


def _add_seconds(parser: argparse.ArgumentParser) -> None:
    for name, seconds, text in (
        ("--session-timeout", 10.0, "after how long the partitions of a silent worker move"),
        ("--settle", 10.0, "how long no span may have come after a root has ended; more than senders batch"),
        ("--remember", 21_600.0, "how long a delivered call is remembered, for late spans"),
        ("--stop-timeout", 25.0, "the longest that a stop takes; less than Kubernetes' grace period"),
    ):
        parser.add_argument(name, type=float, default=seconds, metavar="SECONDS", help=f"{text} (default: %(default)g)")


_CONNECTION: Final = "further settings of the connection: a line each, such as security.protocol=SASL_SSL"
_STATE: Final = "where the state is on disk, one directory for each worker (default: %(default)s)"
_METRICS: Final = "where health and metrics are (default: %(default)s)"
_EXPORTER: Final = "the Collector's max_message_bytes, for --check and --create-topics (default: %(default)s)"


def _run(options: argparse.Namespace) -> int:
    """Runs a worker until it is stopped, or looks after the topics."""
    if sys.version_info < (3, 11):
        raise Problem("this command needs Python 3.11 or newer, as Quix Streams does", USAGE)
    with extras("kafka"):
        import roark_otel._worker.engine  # noqa: F401 - so that what is missing is reported before anything begins
        from roark_otel._worker.cluster import BrokersUnreachable
        from roark_otel._worker.topics import Broker
    known = _options(options)
    try:
        if not options.create_topics and not options.check:
            settings, key = _account(known.state_dir)
            return _work(options, known, settings, key, Broker(known, options.exporter_max_bytes))
        broker = Broker(known, options.exporter_max_bytes)
        if options.create_topics:
            print("".join(f"{line}\n" for line in broker.create(options.partitions, options.replication)), end="")
        return _report(broker)
    except BrokersUnreachable as fault:
        raise Problem(str(fault)) from None


def _report(broker: Broker) -> int:
    findings = broker.check()
    for one in findings:
        print(printable(f"{'wrong' if one.loses else 'note'}: {one.text}"))
    if not findings:
        print("the topics are as they have to be")
    return FAILED if any(one.loses for one in findings) else 0


def _account(state_dir: Path) -> tuple[Settings, SecretStr]:
    """Returns the settings and the key. What a worker cannot begin without is named before brokers are asked."""
    settings, key = account()
    if not settings.enabled:
        raise Problem("ROARK_OBSERVABILITY_ENABLED is off, so no call would be made", USAGE)
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise Problem(f"--state-dir {state_dir} cannot be made: {fault.strerror}", USAGE) from None
    if not os.access(state_dir, os.W_OK | os.X_OK):
        raise Problem(f"--state-dir {state_dir} cannot be written", USAGE)
    return settings, key


def _work(given: argparse.Namespace, options: WorkerOptions, settings: Settings, key: SecretStr, broker: Broker) -> int:
    from roark_otel._worker.engine import WorkerEnded
    from roark_otel._worker.worker import KafkaWorker
    from roark_otel.dialects import DIALECTS

    if wrong := [one.text for one in broker.check() if one.loses]:
        lines = "".join(f"\n  {line}" for line in wrong)
        raise Problem(f"the topics would lose spans; `roark-otel worker --create-topics` makes them right:{lines}")
    _log_on_stderr()
    worker = KafkaWorker(options, settings, key, DIALECTS, broker)
    try:
        port = worker.serve(given.metrics_host, given.metrics_port)
    except OSError as fault:
        raise Problem(f"--metrics-port {given.metrics_port}: {fault.strerror or fault}", USAGE) from None
    announce(f"health and metrics: http://{given.metrics_host}:{port}/metrics")
    try:
        worker.run()
    except WorkerEnded as fault:
        raise Problem(f"the worker has ended ({fault}); start it again, and it goes on where it was") from None
    return 0


def _options(given: argparse.Namespace) -> WorkerOptions:
    from roark_otel._worker.options import Topics, WorkerOptions

    prefix = given.prefix
    if not given.brokers.strip(", "):
        raise Problem("--brokers names none: HOST:PORT, several with commas", USAGE)
    for name in ("settle", "remember", "session_timeout", "stop_timeout"):
        if not 0 < getattr(given, name) < 1e7:
            raise Problem(f"--{name.replace('_', '-')} is not a time in seconds", USAGE)
    return WorkerOptions(
        brokers=given.brokers,
        connection=_connection(given.kafka_config),
        topics=Topics(given.topic, f"{prefix}_spans", f"{prefix}_recordings", f"{prefix}_rejected"),
        group=given.group,
        state_dir=Path(given.state_dir),
        instance=given.instance,
        session_seconds=given.session_timeout,
        settle_seconds=given.settle,
        remember_seconds=given.remember,
        stop_seconds=given.stop_timeout,
    )


def _connection(file: str | None) -> dict[str, str]:
    if file is None:
        return {}
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        raise Problem(f"--kafka-config {file} cannot be read ({type(fault).__name__})", USAGE) from None
    pairs = [line.partition("=") for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if bad := next((number for number, (_, sign, _) in enumerate(pairs, 1) if not sign), None):
        raise Problem(f"--kafka-config {file}: setting {bad} is not NAME=VALUE", USAGE)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _log_on_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    for name, level in (("roark_otel", logging.INFO), ("quixstreams", logging.WARNING)):
        logging.getLogger(name).addHandler(handler)
        logging.getLogger(name).setLevel(level)
    # After a kill it warns of an expiry of values that is never used here.
    logging.getLogger("quixstreams.state.rocksdb.partition").setLevel(logging.ERROR)


WORKER = Command("worker", SUMMARIES["worker"], _add_arguments, _run)
