"""The home of the exchange: tabs, counts, filters, rows."""
