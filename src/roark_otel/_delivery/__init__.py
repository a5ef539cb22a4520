"""The courier thread: claim, send, read the answer, retry; recordings that come later."""
