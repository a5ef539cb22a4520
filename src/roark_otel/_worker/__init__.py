"""Makes calls of the spans that a Collector writes to Kafka: `roark-otel worker`.

    otlp_spans --> traces -----------------> roark_spans --> conversations --> posting --> Roark
    key: trace     whose is each trace?      key: id         what is open?     its call
                   how far is the log?                       what is over?

`traces` and `conversations` are the two stages. Each keeps its state under keys in a store that the engine, Quix
Streams, restores from a changelog; `engine` is the only module that knows the engine. Time is the log's: the time at
which Kafka has appended a record, and now is where the slowest partition is. No clock of a machine closes anything.
"""
