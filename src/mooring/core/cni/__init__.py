"""The CNI protocol as values: requests, results, errors, frames."""
