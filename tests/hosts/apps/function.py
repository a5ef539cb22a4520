"""A function as a service: each line of standard input is an event, and each answer a line. It is frozen in between."""

import sys

import roark_otel

roark_otel.configure()
for line in sys.stdin:
    call_id, how = line.split()
    with roark_otel.conversation(call_id) as call:
        call.customer_said("Where is my order?")
    if how == "flushed":
        roark_otel.force_flush(5_000)
    print(call_id, flush=True)
