"""How a data set that publishes changes says which word on an attribute is the last one.

Each record carries a JSON object, attribute -> version: a text whose byte order is the order of actions, such
as '2024-05-31T10:00:00 00020240531100000'. Of all records of an entity, whatever their files and the order of
loading, the word with the greatest version counts, attribute by attribute. A version without a value empties
the attribute; one that ends in ERASED erases it: earlier values go from history and links too, and later
files do not bring them back. A value without a version holds until any other word comes.
"""

from __future__ import annotations

#: sorts after whatever a version may hold, so that of two words of one version the erasure counts
ERASED = "~"
#: the column of a staging table
VERSIONS = "staged_versions"
