"""Published files in, linked rows out: what `twin load` and `twin sample` run."""
