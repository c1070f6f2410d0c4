"""Steps in code that some data sets need before the catalogue's mapping; `prepare` in an entry names one.

A step gets a batch and the file it came from, and gives a batch with other columns; what it has used up it
leaves out, so that every column still there is one that the mapping must claim.
"""

from __future__ import annotations

from loaders.businesses import prepare_deeds, prepare_outlets
from loaders.facilities import prepare_sports
from loaders.formats import Preparation
from loaders.observations import prepare_hourly_means
from loaders.permits import prepare_permits

PREPARATIONS: dict[str, Preparation] = {
    "register-deeds": prepare_deeds,
    "outlets": prepare_outlets,
    "permits": prepare_permits,
    "sports": prepare_sports,
    "hourly-means": prepare_hourly_means,
}
