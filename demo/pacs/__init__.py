"""The stand-in archive of images: Kingsmere's PACS, and those of hospitals in other cities.

One process and one port, an AE title for each hospital. It takes, finds, gives, moves and commits
images as real archives do, and can be told to be slow, to refuse, to lose an image or to be away.
`python -m demo.pacs` runs it; tests use `demo.pacs.archive.Archive`. It shares no code with the
product: what it does wrong the product's own DICOM cannot do wrong in the same way.
"""
