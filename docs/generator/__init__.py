"""Makes `docs/reference/` from the code: `python -m docs.generator`, with `--check` to compare only.

What the code says itself (commands, keys, rows, options) is read from it. What it does not say stands here in
words, and a thing without words stops the generator, so the reference cannot lack it.
"""
