"""The city model: entities, identity, links, history and the database they live in.

Knows neither GraphQL nor file formats; `schema` reads it and `loaders` fills it.
"""
