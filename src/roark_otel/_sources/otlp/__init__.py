"""OTLP requests, as protobuf and as JSON: what they show at a glance (`peek`), and all of it (`decode`).

Both encodings are decoded by hand. The package `opentelemetry-proto` would bring protobuf's runtime, which apps pin to
versions of their own, and its objects would have to be copied value by value all the same.
"""
