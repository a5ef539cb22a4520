"""`roark-otel worker`: makes calls of the spans in Kafka."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from roark_otel._safety.printable import printable
from roark_otel.cli.command import Command, completes_files
from roark_otel.cli.problems import FAILED, USAGE, Problem, extras
from roark_otel_cli import SUMMARIES

if TYPE_CHECKING:
    import argparse

    from roark_otel._worker.options import WorkerOptions
    from roark_otel._worker.topics import Broker


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument("--check", action="store_true", help="say what is wrong with the topics, and exit")
    doing.add_argument("--create-topics", action="store_true", help="create the topics, make them right, and exit")
    parser.add_argument("--brokers", required=True, metavar="HOST:PORT", help="where Kafka is; several with commas")
    completes_files(
        parser.add_argument(
            "--kafka-config",
            metavar="FILE",
            help="further settings of the connection: a line each, such as security.protocol=SASL_SSL",
        )
    )
    parser.add_argument("--topic", default="otlp_spans", help="where the Collector writes spans (default: %(default)s)")
    parser.add_argument(
        "--prefix", default="roark", help="what the names of the other topics begin with (default: %(default)s)"
    )
    parser.add_argument("--group", default="roark-worker", help="the consumer group (default: %(default)s)")
    completes_files(
        parser.add_argument(
            "--state-dir",
            metavar="DIR",
            default="roark-worker-state",
            help="where the state is on disk, one directory for each worker (default: %(default)s)",
        )
    )
    parser.add_argument(
        "--instance", default="", metavar="NAME", help="a name that a worker keeps when it is started again"
    )
    parser.add_argument(
        "--session-timeout",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="after how long the partitions of a silent worker move (default: %(default)g)",
    )
    parser.add_argument(
        "--settle",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="how long no span may have come after a root has ended; more than senders batch (default: %(default)g)",
    )
    parser.add_argument(
        "--remember",
        type=float,
        default=21_600.0,
        metavar="SECONDS",
        help="how long a delivered call is remembered, for late spans (default: %(default)g)",
    )
    parser.add_argument(
        "--stop-timeout",
        type=float,
        default=25.0,
        metavar="SECONDS",
        help="the longest that a stop takes; less than Kubernetes' grace period (default: %(default)g)",
    )
    parser.add_argument(
        "--metrics-host",
        default="127.0.0.1",
        metavar="HOST",
        help="where health and metrics are (default: %(default)s)",
    )
    parser.add_argument(
        "--metrics-port", type=int, default=9464, metavar="PORT", help="their port; 0: any (default: %(default)s)"
    )
    parser.add_argument(
        "--partitions", type=int, default=12, help="of --create-topics: those of a new topic (default: %(default)s)"
    )
    parser.add_argument(
        "--replication", type=int, metavar="NUMBER", help="of --create-topics: copies of a new topic (default: up to 3)"
    )
    parser.add_argument(
        "--exporter-max-bytes",
        type=int,
        default=1_000_000,
        metavar="BYTES",
        help="the Collector's max_message_bytes, for --check and --create-topics (default: %(default)s)",
    )


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
        broker = Broker(known, options.exporter_max_bytes)
        if options.create_topics:
            print("".join(f"{line}\n" for line in broker.create(options.partitions, options.replication)), end="")
            return _report(broker)
        if options.check:
            return _report(broker)
        return _work(options, known, broker)
    except BrokersUnreachable as fault:
        raise Problem(str(fault)) from None


def _report(broker: Broker) -> int:
    findings = broker.check()
    for one in findings:
        print(printable(f"{'wrong' if one.loses else 'note'}: {one.text}"))
    if not findings:
        print("the topics are as they have to be")
    return FAILED if any(one.loses for one in findings) else 0


def _work(given: argparse.Namespace, options: WorkerOptions, broker: Broker) -> int:
    from roark_otel._settings.settings import Settings
    from roark_otel._worker.engine import WorkerEnded
    from roark_otel._worker.worker import KafkaWorker
    from roark_otel.dialects import DIALECTS

    settings = Settings.from_env()
    if not settings.address:
        raise Problem("no usable address: correct ROARK_BASE_URL and ROARK_PROJECT_ID", USAGE)
    if settings.api_key is None:
        raise Problem("no key: set ROARK_API_KEY", USAGE)
    if not settings.enabled:
        raise Problem("ROARK_OBSERVABILITY_ENABLED is off, so nothing is sent", USAGE)
    if wrong := [one.text for one in broker.check() if one.loses]:
        lines = "".join(f"\n  {line}" for line in wrong)
        raise Problem(f"the topics would lose spans; `roark-otel worker --create-topics` makes them right:{lines}")
    _log_on_stderr()
    worker = KafkaWorker(options, settings, settings.api_key, DIALECTS, broker)
    try:
        port = worker.serve(given.metrics_host, given.metrics_port)
    except OSError as fault:
        raise Problem(f"--metrics-port {given.metrics_port}: {fault.strerror or fault}", USAGE) from None
    print(f"health and metrics: http://{given.metrics_host}:{port}/metrics", flush=True)
    try:
        worker.run()
    except WorkerEnded as fault:
        raise Problem(f"the worker has ended ({fault}); start it again, and it goes on where it was") from None
    return 0


def _options(given: argparse.Namespace) -> WorkerOptions:
    from roark_otel._worker.options import Topics, WorkerOptions

    prefix = given.prefix
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
