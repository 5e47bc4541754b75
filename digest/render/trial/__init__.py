"""Trying templates out: sample issues of every kind, what must hold of their mails, and mails kept to compare with.

    specimens -> Specimen -> mails.draw -> Drawn -> checks -> Fault;  golden: the bytes of a mail against those kept

Pure, like all that renders. What is not here: which templates a site has, and its files (flow/template_trial).
"""
