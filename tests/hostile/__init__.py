"""Messages that mean harm, or that nobody meant: made by a seed, sent over real sockets, judged.

`spoiling` says how a message is spoilt, `streams` how its frame is, `base` which good messages are
spoilt, `talking` sends them and counts the answers. reliability.md F18.
"""
