"""What `mooring get` and `mooring describe` show: documents read, joined and laid out."""
