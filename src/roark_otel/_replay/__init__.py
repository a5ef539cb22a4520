"""Recorded spans through the same stages, on the time of the spans.

    file -> lines -> spans (`otlp_json`, `dump`) -> traces (`gathering`) -> conversations -> calls (`pipeline`)

No stage knows where a span came from, and nothing here is an object of OpenTelemetry's SDK. A wait is over when a later
span shows that its time has passed, however fast a file is read.
"""
