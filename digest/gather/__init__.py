"""Network -> stories: what stands in feeds and on pages becomes `RawStory` values.

What lives here: fetching (the only place that speaks HTTP), reading feeds and pages, cleaning their text, dates and links.
What does not: keeping stories (store), choosing among them (compose), when to ask again (flow and daemon).
The way in is `sources.read_source`; everything but `fetch` and `sources` decides from values alone.
"""
