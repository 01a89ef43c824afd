"""``tocsin demo``: the whole path on one machine, watched, judged and summed up.

A broker in memory, a real worker as its own process, a generated feed with a campaign in it.
The demo knows which posts are the campaign's; the worker does not. `run` puts it together,
`worker` runs the process, `watch` replays and looks on, `truth` knows whose post is whose,
`tally` counts what rang, `report` makes figures and a verdict of it, `screen` and `summary`
show them.
"""
