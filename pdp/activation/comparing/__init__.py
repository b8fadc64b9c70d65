"""What changes from one version of policies to the next: what they say, and what they decide.

Pure: both versions and the requests to try are given. For reviewers, before anything is signed.
"""
