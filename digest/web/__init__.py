"""Pages: what subscribers and machines ask of the daemon over HTTP.

Routes parse, call a use case in flow, and draw a page; they decide nothing.
"""
