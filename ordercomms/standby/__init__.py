"""What is left to read when the service itself does not answer: a page, and packs that are sealed.

`turn` is what the timers run; `page` and `pack` say what stands in the files, `writing` puts them
in their folder, `copying` on another host, `state` says how old they are.
"""
