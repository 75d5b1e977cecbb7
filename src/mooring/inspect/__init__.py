"""Looks at what runs and explains it; changes nothing that its owner could change."""
