"""Where files of others are looked into: a child process that can do nothing but answer.

It gets an open file, reads its head, and answers with a few facts or a refusal. It has 512 MiB and
10 seconds of processor, no network where the machine can take it away, no files but those that it
is handed, and nothing of our environment. Whatever becomes of it, the parent lives (hazard H48).
"""

from .parent import Answer, Sandbox

__all__ = ["Answer", "Sandbox"]
