"""An app under gevent or eventlet: `python greenlets.py WORLD WHEN WHAT`. WHEN: patched before or after the import."""

import json
import os
import sys
import threading

WORLD, WHEN, WHAT = sys.argv[1:4]
NATIVE_ID = threading.get_native_id
imported_by = {}
"""Which thread of the system imported what takes long."""


def note(event, arguments):
    if event == "import" and arguments[0] in ("httpx", "ssl", "roark_otel._linking.call_body"):
        imported_by.setdefault(arguments[0], NATIVE_ID())


def patch():
    global spawn
    if WORLD == "gevent":
        from gevent import monkey, spawn

        monkey.patch_all()
    else:
        import eventlet

        eventlet.monkey_patch()
        spawn = eventlet.spawn


def say(call_id):
    with roark_otel.conversation(call_id) as call:
        call.customer_said("Where is my order?")


def tick():
    """Counts for as long as the hub lets others run."""
    while True:
        ticks.append(None)
        time.sleep(0.001)


def wait_until(condition):
    while not condition():
        time.sleep(0.005)


def deliver():
    """A call is delivered while others run, and one at the exit."""
    say("call-1")
    wait_until(lambda: roark_otel.stats().delivered == 1)
    report["imported by"] = sorted(imported_by)
    report["on the hub"] = [name for name, thread in imported_by.items() if thread == NATIVE_ID()]
    say("call-2")


def flush():
    """Roark does not answer: a flush keeps the others running for as long as it waits."""
    say("call-1")
    before = len(ticks)
    report["flushed"] = roark_otel.force_flush(1_000)
    report["ticks meanwhile"] = len(ticks) - before


def threads():
    """Many greenlets at once hold the first conversations."""
    many = [threading.Thread(target=say, args=[f"call-{n}"]) for n in range(20)]
    for one in many:
        one.start()
    for one in many:
        one.join()
    report["flushed"] = roark_otel.force_flush()


def fork():
    """A child is forked while one call of its parent is being sent, and another one lingers."""
    say("call-1")
    wait_until(lambda: os.path.exists(os.environ["ASKED"]))
    say("call-2")
    pid = os.fork()
    if pid == 0:
        if WORLD == "eventlet":
            from eventlet import hubs

            hubs.use_hub()  # without it the hub of a child listens to its parent's sockets
        say("call-3")
        # A greenlet of the parent that went on here would take the answer, and make the other call too.
        wait_until(lambda: os.path.exists(os.environ["ANSWERED"]))
        sys.exit(0)
    wait_until(lambda: roark_otel.stats().delivered)
    open(os.environ["ANSWERED"], "w").close()
    report["child"] = os.waitpid(pid, 0)[1]
    roark_otel.force_flush()
    report["duplicates"] = roark_otel.stats().duplicates


def early():
    """A thread of ours runs before the patch; conversations go on after it."""
    say("call-1")
    wait_until(lambda: "roark-otel-assembler" in [one.name for one in threading.enumerate()])
    patch()
    spawn(tick)
    say("call-2")
    before = len(ticks)
    report["flushed"] = roark_otel.force_flush()
    report["ticks meanwhile"] = len(ticks) - before


sys.addaudithook(note)
if WHEN == "before":
    patch()
import time  # noqa: E402

import roark_otel  # noqa: E402

roark_otel.configure()
if WHEN == "after" and WHAT != "early":
    patch()
ticks, report = [], {}
if WHAT != "early":
    spawn(tick)
{"deliver": deliver, "flush": flush, "threads": threads, "fork": fork, "early": early}[WHAT]()
print("REPORT", json.dumps(report))
