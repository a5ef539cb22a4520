"""`roark-otel calls` against files, a local Roark, and one that gives back as little as the real one does."""

from __future__ import annotations

import json
import os
import select
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from roark_otel import start_conversation
from support.answering import Answer, AnsweringServer, NoAnswer
from support.helpers import KEY, App

if TYPE_CHECKING:
    from collections.abc import Callable

    from roark_otel.sandbox import Sandbox

    from .conftest import Started

BODY: dict[str, Any] = {
    "externalId": "call-1",
    "startedAt": "2026-01-01T10:00:00.000Z",
    "interfaceType": "PHONE",
    "callDirection": "INBOUND",
    "recordingUrl": "https://recordings.example.com/1.wav",
    "transcript": [
        {"role": "CUSTOMER", "text": "Where is A-17?", "startOffsetMs": 0, "endOffsetMs": 1_000},
        {"role": "AGENT", "text": "It was shipped.", "startOffsetMs": 1_400, "endOffsetMs": 2_000},
    ],
    "toolInvocations": [
        {
            "name": "find_order",
            "parameters": {"order_id": "A-17"},
            "result": {"status": "shipped"},
            "startOffsetMs": 1_100,
            "endOffsetMs": 1_200,
        }
    ],
    "properties": {"response_latency_max_ms": 900},
}
OUTLINE = """\
customer: Where is A-17?
  find_order(order_id="A-17") -> {"status": "shipped"}
agent: It was shipped.
"""


def write(path: Path, **changes: object) -> str:
    path.write_text(json.dumps({**BODY, **changes}))
    return str(path)


@pytest.fixture(name="posted")
def _posted(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local Roark that has one call."""
    monkeypatch.setenv("ROARK_BASE_URL", sandbox.url)
    app = App(sandbox.url)
    call = start_conversation("call-1", tracer_provider=app.provider)
    call.customer_said("Where is A-17?")
    call.agent_said("It was shipped.")
    call.end()
    assert app.processor.force_flush(60_000)


@pytest.mark.parametrize("kind", ["body", "document", "spool"])
def test_a_file_is_shown_whatever_it_is(command: Callable[..., Any], tmp_path: Path, kind: str) -> None:
    path = tmp_path / "call.json"
    if kind == "body":
        path.write_text(json.dumps(BODY, indent=2))
    elif kind == "document":
        path.write_text(json.dumps({"body": BODY, "spans": [], "outline": "of another version"}))
    else:
        path.write_text(json.dumps({"external_id": "call-1", "format": 1}) + "\n" + json.dumps(BODY))

    status, out, err = command("calls", "show", str(path))

    assert (status, err) == (0, "")
    head, *rest = out.splitlines()
    assert head == "call-1  PHONE  INBOUND  2026-01-01T10:00:00.000Z"
    assert "\n".join(rest) == OUTLINE + "answers after 400 ms"


@pytest.mark.parametrize("written", ["", "[]", "{", '{"a": 1}', "[" * 100_000, "\x00", '"text"'], ids=range(7))
def test_a_file_without_a_call_is_one_line(command: Callable[..., Any], tmp_path: Path, written: str) -> None:
    path = tmp_path / "no-call.json"
    path.write_text(written)

    status, out, err = command("calls", "show", str(path))

    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "holds no call" in err


def test_odd_values_are_left_out(command: Callable[..., Any], tmp_path: Path) -> None:
    odd = {
        "transcript": [
            {"role": 7, "text": None, "startOffsetMs": "x"},
            "no entry",
            {"role": "AGENT", "text": "a\x1b[2J\nb"},
        ],
        "toolInvocations": {"name": "x"},
        "properties": [],
    }

    status, out, _ = command("calls", "show", write(tmp_path / "odd.json", **odd))

    assert status == 0
    assert "agent: a\\x1b[2J\\nb\n" in out
    assert "\x1b" not in out


@pytest.mark.usefixtures("posted")
def test_a_call_of_a_local_roark_is_listed_and_shown(command: Callable[..., Any], sandbox: Sandbox) -> None:
    status, out, _ = command("calls", "list")
    assert status == 0
    assert out.rstrip().endswith("call-1")
    listed = json.loads(command("calls", "list", "--json")[1])
    assert command("calls", "list", "--search", "no such word")[1] == "no calls\n"

    for wanted in ("call-1", listed[0]["id"]):
        status, out, err = command("calls", "show", wanted)
        assert (status, err) == (0, "")
        assert "customer: Where is A-17?\nagent: It was shipped.\n" in out
    assert sandbox.call("call-1").id == listed[0]["id"]


def test_what_roark_does_not_give_back_is_said(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {"id": "c1", "externalId": "call-1", "startedAt": "2026-01-01T10:00:00.000Z"}
    pages = [
        Answer(200, json.dumps({"data": [listed], "pagination": {"nextCursor": None}}).encode()),
        Answer(200, json.dumps({"data": {**listed, "endedStatus": "CUSTOMER_ENDED_CALL"}}).encode()),
        Answer(200, json.dumps({"data": {"entries": BODY["transcript"], "participants": []}}).encode()),
    ]
    with AnsweringServer(*pages, *pages) as server:
        monkeypatch.setenv("ROARK_BASE_URL", server.url)
        monkeypatch.setenv("ROARK_API_KEY", KEY)
        status, out, err = command("calls", "show", "call-1")
        assert (status, err) == (0, "")
        assert "ended: CUSTOMER_ENDED_CALL\n" in out
        assert "tools: not available, Roark does not give them back" in out

        status, out, err = command("calls", "check", "call-1", "--no-tool-errors")

    assert (status, out) == (2, "")
    assert "--no-tool-errors cannot be checked" in err


@pytest.mark.parametrize("kind", ["json", "html"])
def test_a_file_of_what_roark_gave_back_passes_no_rule_about_the_rest(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Tools that are not known are no tools without errors, also when the call is checked from a file later on."""
    listed = {"id": "c1", "externalId": "call-1", "startedAt": "2026-01-01T10:00:00.000Z"}
    pages = [
        Answer(200, json.dumps({"data": [listed], "pagination": {"nextCursor": None}}).encode()),
        Answer(200, json.dumps({"data": listed}).encode()),
        Answer(200, json.dumps({"data": {"entries": BODY["transcript"], "participants": []}}).encode()),
    ]
    path = tmp_path / f"call.{kind}"
    with AnsweringServer(*pages) as server:
        monkeypatch.setenv("ROARK_BASE_URL", server.url)
        monkeypatch.setenv("ROARK_API_KEY", KEY)
        if kind == "html":
            status, _, err = command("calls", "show", "call-1", "--html", str(path))
        else:
            status, out, err = command("calls", "show", "call-1", "--json")
            path.write_text(out)
    assert (status, err) == (0, "")

    status, out, err = command("calls", "check", str(path), "--no-tool-errors")
    assert (status, out) == (2, "")
    assert "--no-tool-errors cannot be checked" in err
    assert command("calls", "check", str(path), "--min-turns", "2")[0] == 0
    status, out, _ = command("calls", "diff", str(path), write(tmp_path / "posted.json"))
    assert (status, "tools: not compared" in out) == (0, True)


def test_the_list_of_roark_is_no_call_without_errors(command: Callable[..., Any], tmp_path: Path) -> None:
    """What `calls list --json` prints has neither words nor tools."""
    listed = {"id": "c1", "externalId": "call-1", "createdAt": "2026-01-01T10:00:00.000Z"}
    for written in (listed, [listed]):
        (tmp_path / "listed.json").write_text(json.dumps(written))

        status, out, err = command("calls", "check", str(tmp_path / "listed.json"), "--no-tool-errors")

        assert (status, out) == (2, "")
        assert "calls show ID --json" in err


@pytest.mark.parametrize("between", ["\n", "\r\n", "\n\n", ",\n"], ids=["lines", "CRLF", "blank lines", "list"])
def test_a_file_of_several_calls_is_not_taken_for_its_first(
    command: Callable[..., Any], tmp_path: Path, between: str
) -> None:
    """`replay --dry-run` prints a call a line, and `demo --json` a list: a rule that only the last breaks is broken."""
    failed = [{"name": "find_order", "parameters": {}, "result": {"error": "gone"}, "startOffsetMs": 0}]
    bodies = [BODY, {**BODY, "externalId": "call-2", "toolInvocations": failed}]
    written = between.join(json.dumps(one) for one in bodies)
    (tmp_path / "calls.jsonl").write_bytes((f"[{written}]" if "," in between else written + between).encode())

    status, out, err = command("calls", "check", str(tmp_path / "calls.jsonl"), "--no-tool-errors")

    assert (status, out) == (2, "")
    assert "holds 2 calls: write each of them to a file of its own" in err


def test_a_directory_is_called_one(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROARK_BASE_URL", "http://127.0.0.1:9")

    status, _, err = command("calls", "show", str(tmp_path))

    assert (status, err.count("\n")) == (2, 1)
    assert f"{tmp_path} is a directory, and cannot reach" in err


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        ({"ROARK_BASE_URL": "http://127.0.0.1:9"}, "cannot reach"),
        ({}, "no key: set ROARK_API_KEY"),
    ],
)
def test_without_a_roark_it_says_what_to_set(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], why: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    status, out, err = command("calls", "show", "call-1")

    assert (status, out) == (2, "")
    assert why in err
    assert "there is no file call-1, and " in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("kind", ["mark", "separators"])
def test_a_file_may_begin_with_a_mark_and_words_may_have_separators_of_lines(
    command: Callable[..., Any], tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "call.json"
    if kind == "mark":
        path.write_text(json.dumps(BODY), encoding="utf-8-sig")
    else:  # as the spool writes them
        said = [{"role": "AGENT", "text": "a\u2028b\x85c", "startOffsetMs": 0}]
        body = json.dumps({**BODY, "transcript": said, "toolInvocations": []}, ensure_ascii=False)
        path.write_text(json.dumps({"external_id": "call-1", "format": 1}) + "\n" + body, encoding="utf-8")

    status, out, err = command("calls", "show", str(path))

    assert (status, err) == (0, "")
    assert out.splitlines()[1] == ("customer: Where is A-17?" if kind == "mark" else "agent: a\\u2028b\\x85c")


def test_a_file_that_is_named_twice_is_checked_once(command: Callable[..., Any], tmp_path: Path) -> None:
    path = write(tmp_path / "call.json")

    status, out, _ = command("calls", "check", path, path, "--min-turns", "9")

    assert status == 1
    assert [line.startswith(f"{path}: few_turns: ") for line in out.splitlines()] == [True, False]
    assert out.splitlines()[1].startswith("0 of 1 call")


def test_two_calls_are_compared(command: Callable[..., Any], tmp_path: Path) -> None:
    said = [dict(one) for one in BODY["transcript"]]
    said[1] |= {"text": "It is lost.", "startOffsetMs": 1_900}
    before, after = write(tmp_path / "a.json"), write(tmp_path / "b.json", transcript=said)
    slower = write(tmp_path / "c.json", transcript=[said[0], {**BODY["transcript"][1], "startOffsetMs": 1_900}])

    status, out, _ = command("calls", "diff", before, after)
    assert status == 1
    assert "-agent: It was shipped.\n+agent: It is lost.\n" in out
    assert "answer 1: 400 ms -> 900 ms (+500 ms)" in out
    assert command("calls", "diff", before, before)[1].startswith("the same words and tools\n")
    assert command("calls", "diff", before, slower)[:2] == (
        0,
        "the same words and tools\nanswer 1: 400 ms -> 900 ms (+500 ms)\n",
    )


def test_rules_are_checked(command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = [{**BODY["toolInvocations"][0], "result": {"error": "no such order"}}]
    good, bad = write(tmp_path / "good.json"), write(tmp_path / "bad.json", toolInvocations=failed)
    rules = ("--max-response", "400", "--no-tool-errors", "--min-turns", "2")

    assert command("calls", "check", good, *rules) == (0, "1 of 1 call passed\n", "")
    status, out, _ = command("calls", "check", good, bad, *rules, "--junit", str(tmp_path / "report.xml"))
    assert status == 1
    assert f"{bad}: tool_error: find_order" in out
    assert "1 of 2 calls passed" in out
    suite = ET.parse(tmp_path / "report.xml").getroot()  # noqa: S314 - our own file
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [case.find("failure") is not None for case in suite] == [False, True]

    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    status, out, _ = command("calls", "check", good, "--max-response", "399")
    assert out.startswith("::error title=roark-otel calls check::")
    found = json.loads(command("calls", "check", good, "--max-response", "399", "--json")[1])
    assert [one["kind"] for one in found["failures"]] == ["slow_response"]


@pytest.mark.parametrize(
    ("customer", "properties"),
    [
        ({}, {}),
        ({}, {"response_latency_max_ms": 200}),
        ({}, {"response_latency_max_ms": "what is this"}),
        ({"endOffsetMs": 1_400}, {"response_latency_max_ms": 900}),
        ({"payload": {"way": "typed"}}, {"response_latency_max_ms": 900}),
    ],
    ids=["none stated", "all stated are shorter", "nonsense stated", "lasts until the next", "typed"],
)
def test_a_wait_that_was_not_measured_is_not_claimed(
    command: Callable[..., Any], tmp_path: Path, customer: dict[str, Any], properties: dict[str, Any]
) -> None:
    said = [{**BODY["transcript"][0], **customer}, BODY["transcript"][1]]
    call = write(tmp_path / "a.json", transcript=said, properties=properties)

    assert "answers after" not in command("calls", "show", call)[1]
    assert "answer 1" not in command("calls", "diff", call, call)[1]
    assert "not_measured" in command("calls", "check", call, "--max-response", "9000")[1]


def test_latencies_that_roark_gives_back_as_text_count(command: Callable[..., Any], tmp_path: Path) -> None:
    call = write(tmp_path / "a.json", properties={"response_latency_max_ms": "399"})

    assert command("calls", "show", call)[1].endswith("answers after 400 ms\n")


def test_one_entry_is_not_several(command: Callable[..., Any], tmp_path: Path) -> None:
    short = write(tmp_path / "a.json", transcript=BODY["transcript"][:1])

    out = command("calls", "check", short, "--min-turns", "2")[1]

    assert f"{short}: few_turns: 1 entry, the least is 2\n" in out


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["list", "--limit", "0"], "--limit: must be a whole number, 1 or more"),
        (["list", "--limit", "x"], "--limit: must be a whole number, 1 or more"),
        (["check", "a", "--max-response", "0.8"], "--max-response: must be a whole number, 0 or more"),
        (["check", "a", "--max-response", "-5"], "--max-response: must be a whole number, 0 or more"),
        (["check", "a", "--min-turns", "two"], "--min-turns: must be a whole number, 0 or more"),
    ],
)
def test_a_number_that_is_none(command: Callable[..., Any], arguments: list[str], why: str) -> None:
    status, _, err = command("calls", *arguments)

    assert status == 2
    assert why in err


def test_a_call_may_come_through_a_pipe(command: Callable[..., Any], tmp_path: Path) -> None:
    """As a shell's `<(…)` gives it, or `/dev/stdin`."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    threading.Thread(target=pipe.write_text, args=(json.dumps(BODY),), daemon=True).start()

    status, out, err = command("calls", "show", str(pipe))

    assert (status, err) == (0, "")
    assert OUTLINE in out


def test_a_rule_about_nothing_is_a_failure(command: Callable[..., Any], tmp_path: Path) -> None:
    silent = write(tmp_path / "silent.json", transcript=[])

    status, out, _ = command("calls", "check", silent, "--max-response", "800")

    assert status == 1
    assert "not_measured" in out
    assert command("calls", "check", silent)[0] == 2


@pytest.mark.usefixtures("posted")
def test_tail_prints_what_comes(start: Callable[..., Started], sandbox: Sandbox) -> None:
    """It may begin at any time, so calls come until it has printed one."""
    process = start("calls", "tail", ROARK_BASE_URL=sandbox.url, PYTHONUNBUFFERED="1")
    assert process.stdout is not None
    app, number = App(sandbox.url), 1
    while not select.select([process.stdout], [], [], 0.1)[0]:
        number += 1
        app.conversation(f"call-{number}", "Hello.", **{"roark.conversation.root": True})
        assert app.processor.force_flush(60_000)
    line = process.stdout.readline()
    process.send_signal(signal.SIGINT)

    assert "call-" in line
    assert "call-1\n" not in line
    assert process.wait(60) == 130


def test_tail_outlasts_a_roark_that_is_away(start: Callable[..., Started]) -> None:
    """Calls that came meanwhile are printed when it is back, those of a page whose next page failed too."""

    def page(*ids: str, following: str | None = None) -> Answer:
        listed = [{"id": one, "externalId": one} for one in ids]
        return Answer(200, json.dumps({"data": listed, "pagination": {"nextCursor": following}}).encode())

    answers: list[Answer | NoAnswer] = [
        page("call-1"),
        *(Answer(503), Answer(503), NoAnswer()),
        *(page("call-3", following="older"), Answer(429)),
        *(page("call-3", following="older"), page("call-2", "call-1")),
    ]
    with AnsweringServer(*answers) as server:
        process = start("calls", "tail", ROARK_BASE_URL=server.url, PYTHONUNBUFFERED="1")
        assert process.stdout is not None
        printed = [process.stdout.readline().split()[-1] for _ in range(2)]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr is not None
        said = process.stderr.read().splitlines()

    assert printed == ["call-2", "call-3"]
    assert said[0] == f"roark-otel: {server.url} answered 503; trying again"
    assert f"cannot reach {server.url}" in said[1]
    assert said[2] == f"roark-otel: {server.url} answered 429; trying again"


def test_a_call_that_cannot_be_read_does_not_keep_others_from_being_checked(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, short = write(tmp_path / "good.json"), write(tmp_path / "short.json", transcript=BODY["transcript"][:1])
    empty = tmp_path / "empty.json"
    empty.write_text("{}")
    calls = (str(tmp_path / "none.json"), good, str(empty), short)
    rules = ("--min-turns", "2", "--junit", str(tmp_path / "report.xml"))

    status, out, err = command("calls", "check", *calls, *rules)

    assert status == 2
    assert out == f"{short}: few_turns: 1 entry, the least is 2\n1 of 4 calls passed\n"
    first, second = err.splitlines()
    assert "there is no file" in first
    assert f"{empty} holds no call" in second
    suite = ET.parse(tmp_path / "report.xml").getroot()  # noqa: S314 - our own file
    assert [suite.get(name) for name in ("tests", "failures", "errors")] == ["4", "1", "2"]
    assert [[one.tag for one in case] for case in suite] == [["error"], [], ["error"], ["failure"]]

    found = json.loads(command("calls", "check", *calls, *rules, "--json")[1])
    assert (found["calls"], found["passed"]) == (4, 1)
    assert [one["call"] for one in found["failures"]] == [short]
    assert [(one["call"], one["kind"]) for one in found["unchecked"]] == [
        (calls[0], "unreadable"),
        (calls[2], "unreadable"),
    ]
    assert json.loads(command("calls", "check", *calls, *rules, "--format", "json")[1]) == found

    status, out, err = command("calls", "check", *calls, *rules, "--format", "github")
    assert (status, err) == (2, "")
    assert [line.startswith("::error title=roark-otel calls check::") for line in out.splitlines()] == [True] * 3 + [
        False
    ]
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert command("calls", "check", good, "--min-turns", "2", "--format", "text")[1] == "1 of 1 call passed\n"


def test_a_hostile_call_is_one_annotation_and_valid_xml(command: Callable[..., Any], tmp_path: Path) -> None:
    said = [{**BODY["transcript"][0], "text": "100%\n::error::\x1b[2J\u202e"}, BODY["transcript"][1]]
    bad = write(tmp_path / "b%a:d,.json", transcript=said)

    _, out, _ = command(
        *("calls", "check", bad, "--max-response", "1", "--format", "github", "--junit", str(tmp_path / "report.xml"))
    )

    assert len(out.splitlines()) == 2
    assert "100%25\\n::error::\\x1b[2J\\u202e" in out
    assert ET.parse(tmp_path / "report.xml").getroot()[0].get("name") == bad  # noqa: S314 - our own file


def test_a_report_that_cannot_be_written_is_one_line(command: Callable[..., Any], tmp_path: Path) -> None:
    call = write(tmp_path / "a.json")

    status, _, err = command("calls", "check", call, "--min-turns", "1", "--junit", str(tmp_path / "no" / "report.xml"))

    assert (status, err.count("\n")) == (2, 1)
    assert "report.xml cannot be written" in err


CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "pages" / "compare_cases.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_two_calls_are_compared_as_the_page_compares_them(
    command: Callable[..., Any], tmp_path: Path, case: dict[str, Any]
) -> None:
    for side in ("before", "after"):
        (tmp_path / f"{side}.json").write_text(json.dumps({"body": case[side]}))
    differs = any(before != after for before, after in case["rows"])
    pair = (str(tmp_path / "before.json"), str(tmp_path / "after.json"))

    status, out, _ = command("calls", "diff", *pair, "--json")
    found = json.loads(out)
    assert status == int(differs)
    assert found["differ"] is differs
    assert [[row["before"], row["after"]] for row in found["rows"]] == case["rows"]
    answered = [[at, *row["answered_ms"]] for at, row in enumerate(found["rows"]) if row["answered_ms"] != [None, None]]
    assert answered == case["answers"]
    for row in found["rows"]:
        for side, mark in (("before", "-"), ("after", "+")):
            if row["words"]:
                assert "".join(words for kind, words in row["words"] if kind in {"=", mark}) == row[side]

    status, out, _ = command("calls", "diff", *pair)
    assert status == int(differs)
    assert ("the same words and tools" in out) is not differs
    assert out.count("\nanswer ") + out.startswith("answer ") == len(case["answers"])


def test_a_difference_is_shown_word_by_word_among_the_lines_around_it(
    command: Callable[..., Any], tmp_path: Path
) -> None:
    said = [{"role": "AGENT", "text": f"Line {number}.", "startOffsetMs": number} for number in range(9)]
    changed = [{**one, "text": "Line four, now."} if number == 4 else one for number, one in enumerate(said)]
    other = {**BODY["toolInvocations"][0], "startOffsetMs": 20, "parameters": {"order_id": "B-18"}}
    one = write(tmp_path / "a.json", transcript=said, toolInvocations=[{**other, "parameters": {"order_id": "A-17"}}])
    two = write(tmp_path / "b.json", transcript=[*changed, {**said[0], "startOffsetMs": 30}], toolInvocations=[other])

    _, out, _ = command("calls", "diff", one, two)

    assert out.splitlines()[2:] == [
        "@@ 2 the same @@",
        " agent: Line 2.",
        " agent: Line 3.",
        "-agent: Line 4.",
        "+agent: Line four, now.",
        "?agent: Line [-4-]{+four, now+}.",
        " agent: Line 5.",
        " agent: Line 6.",
        " agent: Line 7.",
        " agent: Line 8.",
        '-  find_order(order_id="A-17") -> {"status": "shipped"}',
        '+  find_order(order_id="B-18") -> {"status": "shipped"}',
        '?  find_order(order_id="[-A-]{+B+}-[-17-]{+18+}") -> {"status": "shipped"}',
        "+agent: Line 0.",
    ]


def test_what_roark_does_not_give_back_is_not_a_difference(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = [BODY["transcript"][0], {**BODY["transcript"][1], "payload": {"interrupted": True}}]
    file = write(tmp_path / "a.json", transcript=said)
    listed = {"id": "c1", "externalId": "call-1", "startedAt": "2026-01-01T10:00:00.000Z"}
    pages = [
        Answer(200, json.dumps({"data": [listed], "pagination": {"nextCursor": None}}).encode()),
        Answer(200, json.dumps({"data": listed}).encode()),
        Answer(200, json.dumps({"data": {"entries": BODY["transcript"], "participants": []}}).encode()),
    ]
    with AnsweringServer(*pages, *pages) as server:
        monkeypatch.setenv("ROARK_BASE_URL", server.url)
        monkeypatch.setenv("ROARK_API_KEY", KEY)
        for pair in ((file, "call-1"), ("call-1", file)):
            status, out, _ = command("calls", "diff", *pair)
            assert status == 0
            assert "tools: not compared" in out
            assert "interruptions: not compared" in out
            assert "the same words\n" in out


@pytest.mark.usefixtures("posted")
def test_a_list_has_a_head_and_its_json_has_none(command: Callable[..., Any]) -> None:
    head, line = command("calls", "list")[1].splitlines()

    assert head.split() == ["STARTED", "LENGTH", "ENDED", "ID"]
    assert line[head.index("ID") :] == "call-1"
    assert len(json.loads(command("calls", "list", "--json")[1])) == 1
    assert command("calls", "list", "--limit", "9" * 30)[1].splitlines() == [head, line]
    assert "\x1b" not in head + line


def test_an_old_call_is_found_by_roarks_id_without_reading_all(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Roark finds a call by its own id only; by another one the newest are looked through."""
    wanted = "0b54d2a0-26a7-4d1c-9d3e-0123456789ab"
    many = [{"id": f"c{number}", "externalId": f"call-{number}"} for number in range(100)]
    details = {"data": {"id": wanted, "externalId": "old", "startedAt": "2026-01-01T10:00:00.000Z"}}
    pages = [
        {"data": many, "pagination": {"nextCursor": "next"}},
        details,
        details,
        {"data": {"entries": BODY["transcript"], "participants": []}},
    ]
    with AnsweringServer(*(Answer(200, json.dumps(one).encode()) for one in pages)) as server:
        monkeypatch.setenv("ROARK_BASE_URL", server.url)
        monkeypatch.setenv("ROARK_API_KEY", KEY)
        status, out, _ = command("calls", "show", wanted)

    assert status == 0
    assert out.startswith("old  2026-01-01T10:00:00.000Z")


def test_an_external_id_may_look_like_roarks(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """As one of `uuid.uuid4()` does: what Roark does not know as its own id is looked for among older calls."""
    wanted = "0b54d2a0-26a7-4d1c-9d3e-0123456789ab"
    many = [{"id": f"c{number}", "externalId": f"call-{number}"} for number in range(100)]
    old = {"id": "c100", "externalId": wanted, "startedAt": "2026-01-01T10:00:00.000Z"}
    answers = [
        Answer(200, json.dumps({"data": many, "pagination": {"nextCursor": "next"}}).encode()),
        Answer(404, b"{}"),
        Answer(200, json.dumps({"data": [old], "pagination": {}}).encode()),
        Answer(200, json.dumps({"data": old}).encode()),
        Answer(200, json.dumps({"data": {"entries": BODY["transcript"], "participants": []}}).encode()),
    ]
    with AnsweringServer(*answers) as server:
        monkeypatch.setenv("ROARK_BASE_URL", server.url)
        monkeypatch.setenv("ROARK_API_KEY", KEY)
        status, out, _ = command("calls", "show", wanted)

    assert status == 0
    assert out.startswith(f"{wanted}  2026-01-01T10:00:00.000Z")


def test_an_id_of_no_call_is_not_looked_for_for_ever(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [{"data": [{"id": "c"}] * 100, "pagination": {"nextCursor": f"next-{page}"}} for page in range(101)]
    with AnsweringServer(*[Answer(200, json.dumps(page).encode()) for page in many]) as server:
        monkeypatch.setenv("ROARK_BASE_URL", server.url)
        monkeypatch.setenv("ROARK_API_KEY", KEY)
        status, _, err = command("calls", "show", "no-such-call")
        asked = len(server.seen)

    assert (status, asked) == (2, 100)
    assert "among the newest 10,000: name it by Roark's id" in err


@pytest.mark.parametrize("rows", [[], [{"id": "c"}], [None, "x"]])
@pytest.mark.parametrize("action", [["list"], ["show", "no-such-call"]])
def test_pages_that_lead_to_one_another_end(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, rows: list[Any], action: list[str]
) -> None:
    pages = [{"data": rows, "pagination": {"nextCursor": cursor}} for cursor in "abab"]
    with AnsweringServer(*[Answer(200, json.dumps(page).encode()) for page in pages]) as server:
        monkeypatch.setenv("ROARK_BASE_URL", server.url)
        status, _, err = command("calls", *action)
        asked = len(server.seen)

    assert (status, asked) == (2, 3)
    assert "does not answer as Roark does" in err


@pytest.mark.parametrize(
    "transcript", [Answer(404, b"{}"), Answer(200, b'{"data": null}'), Answer(200, b'{"data": {}}')]
)
def test_a_call_whose_transcript_is_not_there_yet(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, transcript: Answer
) -> None:
    """It is a call all the same, and what its words would show is not known, rather than wrong."""
    details = {"id": "c1", "externalId": "call-1", "endedStatus": "CUSTOMER_ENDED_CALL"}
    listed = Answer(200, json.dumps({"data": [details], "pagination": {"nextCursor": None}}).encode())
    pages = [listed, Answer(200, json.dumps({"data": details}).encode()), transcript]
    with AnsweringServer(*pages * 5) as server:
        monkeypatch.setenv("ROARK_BASE_URL", server.url)
        status, shown, _ = command("calls", "show", "call-1")
        assert (status, "ended: CUSTOMER_ENDED_CALL\n" in shown) == (0, True)
        assert "words: not available, Roark has no transcript of it yet\n" in shown
        for rules in (["--max-response", "800"], ["--min-turns", "1"]):
            status, out, err = command("calls", "check", "call-1", *rules)
            assert (status, out) == (2, "")
            assert "Roark has no transcript of the call yet" in err
        status, _, err = command("calls", "diff", "call-1", "call-1")

    assert status == 2
    assert "call-1 cannot be compared: Roark has no transcript of it yet" in err


def test_a_call_without_a_page_of_its_own_is_shown_all_the_same(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a local Roark of an earlier version."""
    details = {"id": "c1", "externalId": "call-1", "sandbox": {"body": BODY}}
    pages = [
        Answer(200, json.dumps({"data": [details], "pagination": {"nextCursor": None}}).encode()),
        Answer(200, json.dumps({"data": details}).encode()),
        Answer(200, json.dumps({"data": {"entries": [], "participants": []}}).encode()),
        Answer(404, b""),
    ]
    with AnsweringServer(*pages) as server:
        monkeypatch.setenv("ROARK_BASE_URL", server.url)
        status, out, _ = command("calls", "show", "call-1")

    assert status == 0
    assert OUTLINE in out
