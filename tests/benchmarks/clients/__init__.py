"""The clients that are compared, a module each: what users of each write.

A module has a class `Client(url)`; a method takes a statement, and gives the number of rows. Only
the module that an interpreter is started for is imported there.
"""
