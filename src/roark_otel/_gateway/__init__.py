"""The OTLP gateway: spans of many processes and languages come in by OTLP, and their conversations become calls.

    request -> glance -> pieces, one for each trace -> store -> 200        senders' connections, and the keeper's thread
    store -> groups say what is due -> a pass -> spool -> courier -> Roark      keeper, closer and courier

A *piece* is what one request has of one trace. The *store* keeps the pieces of open conversations, on the disk before
the request is answered; a *group* is the traces that one conversation connects. The keeper's thread owns both; the
closer's reads what is due, by the same `assemble` that makes an app's calls. Nothing here keeps a span in memory.
"""
