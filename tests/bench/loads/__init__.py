"""How fast, and in how much memory, files come in: beside what other programs take for the same files."""
