"""Spans from elsewhere: OTLP requests in, rows out, and the call that `assemble` makes of them.

    request -> spans (`otlp`) -> rows -> `_assembly.assemble` -> call

Nothing here is an object of OpenTelemetry's SDK, reads a clock, or keeps anything between two requests.
"""
