"""The dashboard: one screen with the jobs, and what there is to see of the chosen one.

It is drawn with textual, an extra, so nothing here is imported but by who has found that library.
What a row or a plan looks like is the business of the commands: they hand their own words in as
`Parts`, and the picker (`model/picker.py`) decides what a key does. Nothing is drawn by the clock:
what wakes us is a key, news of the jobs, what the chosen job prints, or another size.
"""
