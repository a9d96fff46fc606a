"""XML text: what is legal, how it is escaped."""
