"""Stories -> the stories of an issue, with a reason for each one that is in and each one that is out.

Pure: everything, the time included, comes as an argument, and the same arguments give the same issue. What is not here:
fetching stories, keeping issues, drawing them.
"""
