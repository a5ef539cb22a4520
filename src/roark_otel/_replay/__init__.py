"""Spans from elsewhere than this process: a source hands span records to the same core that capture does.

    file -> lines -> spans (`otlp_json`, `dump`) -> traces (`gathering`) -> conversations -> calls (`core`)

Nothing downstream knows where a span came from, and nothing here is an object of OpenTelemetry's SDK. Time is that of
the spans: a wait is over when a later span says so, however fast a file is read.
"""
