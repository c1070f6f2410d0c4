"""The published vocabularies that the model's words are taken from: `term=ROV + "legalName"` in an entity.

The SDL says them with @term, so that data of the twin can be read as linked data. Units are QUDT's.
"""

from __future__ import annotations

INSPIRE = "http://inspire.ec.europa.eu/featureconcept/"  #: INSPIRE feature concept dictionary
GEO = "http://www.opengis.net/ont/geosparql#"  #: OGC GeoSPARQL 1.1
ROV = "http://www.w3.org/ns/regorg#"  #: W3C Registered Organization Vocabulary
ORG = "http://www.w3.org/ns/org#"  #: W3C Organization Ontology
LOCN = "http://www.w3.org/ns/locn#"  #: Core Location Vocabulary
GTFS = "http://vocab.gtfs.org/terms#"  #: Linked GTFS
SOSA = "http://www.w3.org/ns/sosa/"  #: W3C Sensor, Observation, Sample, and Actuator ontology
DCAT = "http://www.w3.org/ns/dcat#"  #: W3C Data Catalog Vocabulary
DQV = "http://www.w3.org/ns/dqv#"  #: W3C Data Quality Vocabulary
PROV = "http://www.w3.org/ns/prov#"  #: W3C Provenance Ontology
DCT = "http://purl.org/dc/terms/"  #: DCMI Metadata Terms
ADMS = "http://www.w3.org/ns/adms#"  #: Asset Description Metadata Schema
SKOS = "http://www.w3.org/2004/02/skos/core#"  #: W3C Simple Knowledge Organization System
RDFS = "http://www.w3.org/2000/01/rdf-schema#"  #: W3C RDF Schema
OWL = "http://www.w3.org/2002/07/owl#"  #: W3C Web Ontology Language

_QUDT = "http://qudt.org/vocab/unit/"
#: UCUM symbol -> QUDT's unit
UNITS = {
    symbol: _QUDT + name
    for symbol, name in {"m": "M", "m2": "M2", "m3": "M3", "a": "YR", "d": "DAY", "L": "L"}.items()
}
