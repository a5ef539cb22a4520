"""Long work shows how far it is on a terminal, not when piped; stopped, it says what is done, and loses nothing."""

from __future__ import annotations

import json
import re
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from roark_otel._engine.parts import spool_directory
from roark_otel._settings.settings import Settings
from roark_otel._spool.file import Header
from roark_otel._spool.names import Stage
from roark_otel._spool.spool import Spool
from roark_otel.cli.replay import playing
from roark_otel.cli.replay.sending import Created
from support.answering import Answer, AnsweringServer, Seen, created
from support.helpers import KEY, wait_until
from support.otlp_lines import line
from support.recorded_minutes import a_call
from support.spool_names import call_name
from support.terminal import OnTerminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Started

MANY = 300

BAR = re.compile(r"[━╸╺].* \d+%.* [\d.,]+ (MB|calls)/s")
LINE = re.compile(r"\r[^\r]*: \d+ %, [\d.,]+ (MB|calls)/s")


class SlowRoark:
    """Takes calls slowly until `hurry` is set, each once, and the last ones only then."""

    def __init__(self) -> None:
        self.hurry = threading.Event()
        self.made: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, seen: Seen) -> Answer:
        self.hurry.wait(0.02 if len(self.made) < MANY - 50 else 60)
        with self._lock:
            if seen.external_id in self.made:
                return Answer(409)
            self.made.append(seen.external_id)
        return created(seen.external_id)


@pytest.fixture(name="slow")
def _slow() -> SlowRoark:
    return SlowRoark()


@pytest.fixture(name="env")
def _env(slow: SlowRoark, tmp_path: Path) -> Iterator[dict[str, str]]:
    with AnsweringServer(then=slow) as server:
        where = {"ROARK_BASE_URL": server.url, "ROARK_SPOOL_DIR": str(tmp_path / "spool")}
        yield {"ROARK_API_KEY": KEY, "ROARK_EXIT_TIMEOUT_SECONDS": "60", **where}
        slow.hurry.set()


@pytest.fixture(name="terminal")
def _terminal(on_terminal: Callable[..., OnTerminal], env: dict[str, str]) -> Callable[..., OnTerminal]:
    """Runs `roark-otel` on a terminal of its own, against this Roark."""
    return lambda *arguments, **more: on_terminal(*arguments, **{**env, **more})


@pytest.fixture(name="spans")
def _spans(tmp_path: Path) -> Path:
    file = tmp_path / "[red] spans.jsonl"  # rich would read it as markup
    file.write_bytes(b"".join(line(a_call(number)) for number in range(MANY)))
    return file


@pytest.fixture(name="spooled")
def _spooled(env: dict[str, str], tmp_path: Path) -> Path:
    """Leaves calls of an app in its spool. Returns their directory."""
    directory = spool_directory(Settings(base_url=env["ROARK_BASE_URL"], spool_dir=tmp_path / "spool"), SecretStr(KEY))
    spool = Spool(directory)
    for number in range(MANY):
        external_id = f"call-{number}"
        body = {"externalId": external_id, "recordingUrl": "https://example.com/a.wav"}
        header = Header(external_id, "a1", 1.0, 0.0, 1, 0)
        spool.put(call_name(external_id, number), header, json.dumps(body).encode(), Stage.READY)
    return directory


def left_in(directory: Path) -> set[str]:
    """The external ids that the spool still has."""
    files = [path for path in directory.glob("*.jsonl") if path.is_file()]
    return {json.loads(path.read_text(encoding="utf-8").splitlines()[1])["externalId"] for path in files}


@pytest.mark.parametrize("rich", [True, False], ids=["rich", "without rich"])
@pytest.mark.parametrize("pipe_out", [False, True], ids=["terminal", "output piped"])
def test_replay(
    terminal: Callable[..., OnTerminal], slow: SlowRoark, spans: Path, *, rich: bool, pipe_out: bool
) -> None:
    """A bar, or a line that is written over; the totals are what remains, and go where output goes."""
    running = terminal("replay", str(spans), rich=rich, pipe_out=pipe_out)
    running.wait_for((BAR if rich else LINE).search)
    slow.hurry.set()
    status, out, shown = running.end()

    assert status == 0
    assert f"{spans}: {MANY} created" in (out if pipe_out else shown.replace("\r\n", ""))
    assert ("created" in shown) != pipe_out
    assert "calls" in shown  # how many were sent, beside the bytes
    assert "[red] spans.jsonl" in shown
    assert len(slow.made) == MANY


@pytest.mark.parametrize("stop", [OnTerminal.press_ctrl_c, OnTerminal.terminate], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("rich", [True, False], ids=["rich", "without rich"])
def test_a_replay_that_is_stopped(
    terminal: Callable[..., OnTerminal],
    slow: SlowRoark,
    spans: Path,
    stop: Callable[[OnTerminal], None],
    *,
    rich: bool,
) -> None:
    running = terminal("replay", str(spans), "not-begun.jsonl", rich=rich)
    running.wait_for((BAR if rich else LINE).search)
    stop(running)
    status, _, shown = running.end()
    slow.hurry.set()

    shown = shown.replace("\r\n", "")
    assert status == 130
    assert "Traceback" not in shown
    (done,) = re.findall(r"jsonl: (\d+) created", shown)
    assert 0 < int(done) <= len(slow.made) < MANY
    (place,) = re.findall(r"stopped; the same command goes on at byte (\d+) of ", shown)
    assert 0 < int(place) < spans.stat().st_size

    again = terminal("replay", str(spans), rich=rich).end()
    assert again[0] == 0
    assert f"goes on at byte {place}" in again[2].replace("\r\n", "")
    assert sorted(slow.made) == sorted(f"call-{number}" for number in range(MANY))


def test_a_dry_run_prints_json_alone(terminal: Callable[..., OnTerminal], spans: Path) -> None:
    """On a terminal, too: what scrolls by shows how far it is. Piped, a bar is nowhere near it."""
    status, _, shown = terminal("replay", "--dry-run", str(spans)).end()
    assert (status, "/s" in shown) == (0, False)

    status, out, _ = terminal("replay", "--dry-run", str(spans), pipe_out=True).end()
    assert (status, [json.loads(row)["externalId"] for row in out.splitlines()][-1]) == (0, f"call-{MANY - 1}")


@pytest.mark.parametrize("rich", [True, False], ids=["rich", "without rich"])
def test_drain(terminal: Callable[..., OnTerminal], slow: SlowRoark, spooled: Path, *, rich: bool) -> None:
    running = terminal("spool", "drain", rich=rich)
    running.wait_for((BAR if rich else LINE).search)
    slow.hurry.set()
    status, _, shown = running.end()

    assert status == 0
    assert f"{MANY} calls delivered, 0 rejected; left: 0 to send" in shown
    assert left_in(spooled) == set()


@pytest.mark.parametrize("stop", [OnTerminal.press_ctrl_c, OnTerminal.terminate], ids=["Ctrl-C", "SIGTERM"])
def test_a_drain_that_is_stopped(
    terminal: Callable[..., OnTerminal], slow: SlowRoark, spooled: Path, stop: Callable[[OnTerminal], None]
) -> None:
    """What it says is what Roark has, and the rest is in the spool."""
    running = terminal("spool", "drain")
    running.wait_for(BAR.search)
    stop(running)
    status, _, shown = running.end()
    slow.hurry.set()

    assert status == 130
    assert "stopped; what was not sent stays in the spool" in shown
    (done,) = re.findall(r"(\d+) calls? delivered", shown)
    assert 0 < int(done) == len(slow.made) < MANY
    assert left_in(spooled) == {f"call-{number}" for number in range(MANY)} - {*slow.made}

    assert terminal("spool", "drain").end()[0] == 0
    assert sorted(slow.made) == sorted(f"call-{number}" for number in range(MANY))


def test_a_drain_that_follows_is_stopped_by_a_second_signal(
    terminal: Callable[..., OnTerminal], slow: SlowRoark, spooled: Path
) -> None:
    """The first one lets it deliver what is there; for whom that is too long, there is a second."""
    running = terminal("spool", "drain", "--follow")
    running.wait_for(re.compile("delivered|call_id|created").search)
    running.press_ctrl_c()
    running.wait_for(BAR.search)
    running.press_ctrl_c()
    status, _, shown = running.end()

    assert status == 130
    assert "stopped; what was not sent stays" in shown
    assert len(slow.made) + len(left_in(spooled)) == MANY


@pytest.mark.usefixtures("spooled")
def test_piped_they_show_nothing_but_what_is_done(
    start: Callable[..., Started], env: dict[str, str], slow: SlowRoark, spans: Path
) -> None:
    slow.hurry.set()
    replayed = start("replay", str(spans), **env)
    assert replayed.communicate(timeout=60) == (f"{spans}: {MANY} created\n", "")

    slow.made.clear()
    drained = start("spool", "drain", **env)
    out, err = drained.communicate(timeout=60)
    assert out == f"{MANY} calls delivered, 0 rejected; left: 0 to send, 0 without a recording\n"
    assert "/s" not in err
    assert "\r" not in out + err


def test_what_is_stopped_when_piped(
    start: Callable[..., Started], env: dict[str, str], slow: SlowRoark, spans: Path
) -> None:
    process = start("replay", str(spans), **env)
    wait_until(lambda: len(slow.made) >= 3, 60)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert re.fullmatch(rf"{re.escape(str(spans))}: \d+ created\n", out)
    assert re.fullmatch(r"roark-otel: .*: stopped; the same command .*\n", err)


def test_a_place_is_noted_where_no_call_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long file of other spans is not read again from its start."""
    monkeypatch.setattr(playing, "_NOTED_BYTES", 1000)
    foreign: dict[str, Any] = {"roark.external_id": None}
    lines = [line(a_call(number, **foreign)) for number in range(20)]
    places: list[int] = []
    (tmp_path / "spans.jsonl").write_bytes(b"".join(lines))
    with (tmp_path / "spans.jsonl").open("rb") as file:
        how = playing.Options(0, False, lambda _: Created(), places.append, lambda _: None)
        playing.Playing(file, Settings(), (), how).play()

    assert len(places) > 10
    assert places == sorted(places)


class Pages:
    """The calls of a Roark, a hundred an answer, slowly, and the older ones only when `hurry` is set."""

    def __init__(self, number: int, hurry: threading.Event) -> None:
        self._number, self._hurry = number, hurry
        self.asked = 0

    def __call__(self, seen: Seen) -> Answer:
        self._hurry.wait(0.1 if self.asked < 20 else 60)
        self.asked += 1
        found = re.search(r"after=(\d+)", seen.path)
        first = int(found[1]) if found else 0
        calls = [
            {"id": f"id-{one}", "externalId": f"call-{one}", "startedAt": "2026-01-01T10:00:00Z"}
            for one in range(first, min(first + 100, self._number))
        ]
        following = str(first + 100) if first + 100 < self._number else ""
        return Answer(200, json.dumps({"data": calls, "pagination": {"nextCursor": following}}).encode())


@pytest.fixture(name="pages")
def _pages(slow: SlowRoark) -> Pages:
    return Pages(5000, slow.hurry)


@pytest.mark.parametrize("rich", [True, False], ids=["rich", "without rich"])
def test_a_list_of_many_pages(
    terminal: Callable[..., OnTerminal], slow: SlowRoark, pages: Pages, *, rich: bool
) -> None:
    with AnsweringServer(then=pages) as server:
        running = terminal(
            "calls", "list", "--json", "--limit", "4000", rich=rich, pipe_out=True, ROARK_BASE_URL=server.url
        )
        running.wait_for((BAR if rich else LINE).search)
        slow.hurry.set()
        status, out, _ = running.end()

    assert (status, len(json.loads(out))) == (0, 4000)


@pytest.mark.parametrize("stop", [OnTerminal.press_ctrl_c, OnTerminal.terminate], ids=["Ctrl-C", "SIGTERM"])
def test_a_list_that_is_stopped(
    terminal: Callable[..., OnTerminal], pages: Pages, stop: Callable[[OnTerminal], None]
) -> None:
    """It has what was read."""
    with AnsweringServer(then=pages) as server:
        running = terminal("calls", "list", "--json", "--limit", "4000", pipe_out=True, ROARK_BASE_URL=server.url)
        running.wait_for(BAR.search)
        stop(running)
        status, out, shown = running.end()

    assert status == 130
    (read,) = re.findall(r"stopped after (\d+) calls", shown)
    assert 0 < int(read) == len(json.loads(out)) < 4000


@pytest.mark.parametrize("printed", ["json", "text"])
def test_a_check_that_is_stopped(
    terminal: Callable[..., OnTerminal], pages: Pages, tmp_path: Path, printed: str
) -> None:
    """What was checked is said; what was not is no success in a report."""
    good = tmp_path / "good.json"
    good.write_text(json.dumps({"externalId": "a", "transcript": [{"text": "Hello?"}]}), encoding="utf-8")
    junit = tmp_path / "junit.xml"
    names = [str(good), "nowhere", "never"]
    with AnsweringServer(then=pages) as server:
        running = terminal(
            *("calls", "check", "--min-turns", "1", "--format", printed, "--junit", str(junit), *names),
            pipe_out=True,
            ROARK_BASE_URL=server.url,
        )
        wait_until(lambda: pages.asked >= 3, 60)
        running.press_ctrl_c()
        status, out, shown = running.end()

    assert (status, "stopped after 1 of 3 calls" in shown) == (130, True)
    if printed == "text":
        assert out == "1 of 1 call passed\n"
    else:
        assert [one["call"] for one in json.loads(out)["unchecked"]] == ["nowhere", "never"]
    assert 'tests="3" failures="0" errors="2"' in junit.read_text(encoding="utf-8")


def test_tail_reads_one_page_of_what_was_there(start: Callable[..., Started], pages: Pages, slow: SlowRoark) -> None:
    """Roark may have very many calls: the newest show where new ones end, also when these are deleted."""
    slow.hurry.set()
    with AnsweringServer(then=pages) as server:
        process = start("calls", "tail", ROARK_BASE_URL=server.url, ROARK_API_KEY=KEY)
        wait_until(lambda: pages.asked >= 3, 60)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        asked = [seen.path for seen in server.seen]

    assert (process.returncode, out, err) == (130, "", "roark-otel: stopped after 0 calls\n")
    assert not [path for path in asked if "after=" in path]
