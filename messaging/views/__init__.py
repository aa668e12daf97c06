"""The operators' pages: the lists, one message laid open, the partners.

`urls` names each by its module: `queue`, `message`, `partners`.
"""
