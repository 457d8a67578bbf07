"""The tests of `groundup`, one file a module."""
