"""GraphQL in, one SQL statement out: what the API serves, and how."""
