"""Instrumentations: they listen to a framework, and write what its own spans leave out.

What they hear is written as short spans that only this package's engines see. Words that a framework keeps off its
spans do not reach the app's exporters because of this package, and no span has more events than its limit.
"""
