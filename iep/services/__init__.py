"""What can be done in the image exchange; each verb in one transaction.

A package for each part of the work: `ticketing` (somebody asks), `exchange` (what passes between
institutions, and their directory), `lanes` (images move), `arrival` (what comes is kept and read),
`registration` (it becomes the patient's, here and in PACS), `gateway` (what is said to other
installations). `moving` is the one mover of all their states.
"""
