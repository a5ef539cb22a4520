"""The courier's thread: claims, sends, reads the answer, retries; waits for recordings that come later."""
