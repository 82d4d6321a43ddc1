# SPDX-License-Identifier: ISC
"""Fixtures of the crash tests."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
