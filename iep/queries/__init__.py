"""What pages and services ask of the image exchange: querysets and frozen dataclasses.

The packages are those of iep.services; `home` is the service desk's list, `compliance` the figures
of the half-year, `behind` what the strip over every page and the alarms say.
"""
