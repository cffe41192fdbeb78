"""The part of python-fsps' compiled driver that is asked before there is a population."""

import os


class driver:
    @staticmethod
    def get_libraries():
        return os.environ.get("STANDIN_LIBRARIES", "mist,miles,DL07").encode().split(b",")
