"""Screens: results to review and one of them, news that is held, lists compared and unmatched."""
