"""The API: from a request to what it came to."""
